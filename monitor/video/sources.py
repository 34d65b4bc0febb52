"""The front end of a pipeline for each kind of camera: how encoded pictures are got."""

import re
from pathlib import Path
from typing import Any

from monitor.config import CameraSettings
from monitor.errors import VideoError
from monitor.phrases import Phrase
from monitor.video.address import SourceAddress, SourceKind
from monitor.video.decoding import ChainSettings
from monitor.video.faults import UNTRUSTED, FaultKind, SourceFaultError
from monitor.video.gst import gi_module, gstreamer, make_element
from monitor.video.hardware import DecoderChoice
from monitor.video.jpeg_stream import DAMAGED_END, JpegStreamMender
from monitor.video.login_check import check_login
from monitor.video.pipeline import MediaPipeline
from monitor.video.probe import PipelineProbe
from monitor.video.rtsp_session import RtspSession

__all__ = ["add_file_source", "open_source", "opening_seconds"]

_USER_AGENT = "nicu-monitor"
_LEAST_OPENING_SECONDS = 5.0
_LOGIN_SECONDS = 5.0
_MOST_BYTES_WITHOUT_PICTURE = 16_000_000
_MOST_SENDERS = 16
"""A camera sends one stream; each further sender in its session costs memory until its time-out."""
_RTP_CAPS = {"H264": "video/x-h264", "H265": "video/x-h265", "JPEG": "image/jpeg"}
_DEPAYLOADERS = {"H264": "rtph264depay", "H265": "rtph265depay", "JPEG": "rtpjpegdepay"}
_LOCAL_CAPS = (
    "video/x-raw, width=(int)[1, 1920], height=(int)[1, 1080]",
    "image/jpeg, width=(int)[1, 1920], height=(int)[1, 1080]",
    "video/x-h264",
)


def opening_seconds(settings: CameraSettings) -> float:
    """Return how long a camera may take until its first data: some wake up slowly, and `stall_seconds` allows it."""
    return max(_LEAST_OPENING_SECONDS, settings.stall_seconds + 1.0)


def open_source(
    address: SourceAddress, settings: CameraSettings, probe: PipelineProbe, decoders: DecoderChoice | None = None
) -> MediaPipeline:
    """Build the pipeline of one camera; it is not started yet.

    Raises:
        VideoError: An element is missing, or a file that the settings name cannot be used.
    """
    is_file = address.kind is SourceKind.FILE
    # Files and MJPEG over HTTP are parsed before the chain; what a local camera sends are whole pictures.
    parse = address.kind is SourceKind.RTSP
    if address.username is not None and address.location.startswith(("rtsp:", "http:")):
        check_login(address, allow_basic=settings.allow_basic, timeout_seconds=_LOGIN_SECONDS)
    media = MediaPipeline(address, probe, ChainSettings(live=True, parse=parse, paced=is_file, decoders=decoders))
    if address.kind is SourceKind.RTSP:
        _add_rtsp(media, address, settings)
    elif address.kind is SourceKind.HTTP:
        _add_http(media, address, settings)
    elif address.kind is SourceKind.V4L2:
        _add_local(media, address)
    elif is_file:
        add_file_source(media, address)
    else:
        raise VideoError(f"{address.display} is not played by GStreamer")
    return media


def add_file_source(media: MediaPipeline, address: SourceAddress) -> None:
    """Add the reader of a video file to a pipeline.

    Raises:
        SourceFaultError: The file is missing, unreadable, empty, or no file.
    """
    path = Path(address.location)
    try:
        if path.is_dir():
            raise SourceFaultError(
                FaultKind.FORMAT, Phrase("{address} is a directory; name a video file", address=address.display)
            )
        if path.exists() and not path.is_file():
            # A named pipe would be waited for without end.
            foreign = Phrase("{address} {fault}", address=address.display, fault=Phrase("is not a video"))
            raise SourceFaultError(FaultKind.FORMAT, foreign)
        with path.open("rb") as file:
            if not file.read(1):
                raise SourceFaultError(FaultKind.FORMAT, Phrase("{address} is empty", address=address.display))
    except FileNotFoundError:
        raise SourceFaultError(
            FaultKind.UNREACHABLE, Phrase("{address} {fault}", address=address.display, fault=Phrase("does not exist"))
        ) from None
    except OSError as error:
        raise SourceFaultError(
            FaultKind.UNREACHABLE,
            Phrase("{address} cannot be read ({reason})", address=address.display, reason=error.strerror),
        ) from error

    source, parser = make_element("filesrc", location=str(path)), make_element("parsebin")
    media.pipeline.add(source)
    media.pipeline.add(parser)
    source.link(parser)
    media.connect(parser, "pad-added", lambda _, pad: _use_or_discard(media, pad))


def _use_or_discard(media: MediaPipeline, pad: Any) -> None:  # noqa: ANN401 - from gi
    caps = pad.get_current_caps() or pad.query_caps(None)
    if caps.is_any() or caps.get_size() == 0 or not media.take_pad(pad, caps):
        # Sound and further streams must flow somewhere, or the demultiplexer would stop.
        sink = make_element("fakesink", sync=False, async_=False)
        media.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))


def _add_rtsp(media: MediaPipeline, address: SourceAddress, settings: CameraSettings) -> None:
    gst = gstreamer()
    source = make_element(
        "rtspsrc",
        location=address.location,
        latency=settings.latency_milliseconds,
        user_agent=_USER_AGENT,
        do_rtsp_keep_alive=True,
        # Longer than the frame-age watchdog: that one decides, this one ends a thread that would wait for 20 s.
        tcp_timeout=int((opening_seconds(settings) + 5.0) * 1_000_000),
        teardown_timeout=100_000_000,
    )
    gst.util_set_object_arg(source, "protocols", settings.transport)
    if address.username is not None:
        source.set_property("user-id", address.username)
    if address.password is not None:
        source.set_property("user-pw", address.password)
    _trust(source, settings)
    media.pipeline.add(source)
    _choose_rtp_stream(media, source, address)
    _limit_senders(media, source, address)
    _follow_session(media, source, address, settings)


def _follow_session(media: MediaPipeline, source: Any, address: SourceAddress, settings: CameraSettings) -> None:  # noqa: ANN401 - from gi
    """Keep the session alive, and end the connection before the pipeline is stopped, which may wait for it."""
    gi_module("GstRtsp")  # what the messages are
    plain_tcp = settings.transport == "tcp" and address.location.lower().startswith("rtsp:")
    session = RtspSession(address, keeps_alive=plain_tcp)

    def on_progress(_bus: Any, message: Any) -> None:  # noqa: ANN401 - from gi
        if message.parse_progress()[1] == "connect":
            session.connecting()

    def on_send(_source: Any, message: Any) -> bool:  # noqa: ANN401 - from gi
        method = message.parse_request().method
        session.before_send(method.first_value_nick.upper())
        return True

    media.connect_bus("sync-message::progress", on_progress)
    media.connect(source, "before-send", on_send)
    media.watch(session.keep_alive)
    media.on_stop(session.close, session.forget)


def _choose_rtp_stream(media: MediaPipeline, source: Any, address: SourceAddress) -> None:  # noqa: ANN401 - from gi
    """Take the first stream with pictures and leave the rest alone."""
    gst = gstreamer()
    chosen: list[int] = []

    def on_stream(_source: Any, number: int, caps: Any) -> bool:  # noqa: ANN401 - from gi
        """Ask the camera for the first stream with pictures only: sound would cost its network."""
        kind, encoding = _rtp_kind(caps)
        if kind == "video" and encoding in _DEPAYLOADERS and not chosen:
            chosen.append(number)
            return True
        media.other_streams.append(f"{kind} {encoding}".strip())
        return False

    def on_pad(_source: Any, pad: Any) -> None:  # noqa: ANN401 - from gi
        _, encoding = _rtp_kind(pad.get_current_caps() or pad.query_caps(None))
        if encoding not in _DEPAYLOADERS:
            return
        depayloader = make_element(_DEPAYLOADERS[encoding])
        media.pipeline.add(depayloader)
        if media.take_pad(depayloader.get_static_pad("src"), gst.Caps.from_string(_RTP_CAPS[encoding])):
            depayloader.sync_state_with_parent()
            pad.link(depayloader.get_static_pad("sink"))

    def on_all_pads(_source: Any) -> None:  # noqa: ANN401 - from gi
        if media.codec is None:
            media.fail(SourceFaultError(FaultKind.FORMAT, media.no_video_sentence()))

    def on_untrusted(*_: object) -> bool:
        media.fail(
            SourceFaultError(FaultKind.REFUSED, Phrase("{address} {fault}", address=address.display, fault=UNTRUSTED))
        )
        return False

    media.connect(source, "accept-certificate", on_untrusted)
    media.connect(source, "select-stream", on_stream)
    media.connect(source, "pad-added", on_pad)
    media.connect(source, "no-more-pads", on_all_pads)


def _limit_senders(media: MediaPipeline, source: Any, address: SourceAddress) -> None:  # noqa: ANN401 - from gi
    """Give up a camera whose session is flooded with senders, before they fill the memory."""

    def on_manager(_source: Any, manager: Any) -> None:  # noqa: ANN401 - from gi
        def check() -> None:
            session = manager.emit("get-internal-session", 0)
            if session is not None and session.get_property("num-sources") > _MOST_SENDERS:
                sentence = Phrase(
                    "{address} sends packets of more than {count} senders; no camera does",
                    address=address.display,
                    count=_MOST_SENDERS,
                )
                raise SourceFaultError(FaultKind.FORMAT, sentence)

        media.watch(check)

    media.connect(source, "new-manager", on_manager)


def _rtp_kind(caps: Any) -> tuple[str, str]:  # noqa: ANN401 - from gi
    """Return what an RTP stream carries, such as ("video", "H264")."""
    structure = caps.get_structure(0)
    return structure.get_string("media") or "", (structure.get_string("encoding-name") or "").upper()


def _add_http(media: MediaPipeline, address: SourceAddress, settings: CameraSettings) -> None:
    source = make_element(
        "souphttpsrc",
        location=address.location,
        user_agent=_USER_AGENT,
        is_live=True,
        do_timestamp=True,
        keep_alive=False,
        retries=0,
        timeout=round(opening_seconds(settings)),
        # The host that a camera names does not get the camera's login.
        automatic_redirect=address.username is None,
    )
    if address.username is not None:
        source.set_property("user-id", address.username)
    if address.password is not None:
        source.set_property("user-pw", address.password)
    _trust(source, settings)
    # The pictures are found by their own marks: cameras name the parts and their boundaries in every way there is.
    parser = make_element("jpegparse")
    media.pipeline.add(source)
    media.pipeline.add(parser)
    source.link(parser)
    _mend_pictures(source.get_static_pad("src"))
    _watch_http(media, parser, address)
    media.take_pad(parser.get_static_pad("src"), gstreamer().Caps.from_string("image/jpeg"))


def _mend_pictures(pad: Any) -> None:  # noqa: ANN401 - from gi
    """Give pictures that a camera has cut off an end, by which they are dropped."""
    gst, mender = gstreamer(), JpegStreamMender()
    seen = {"own": False}

    def on_data(pad: Any, info: Any) -> Any:  # noqa: ANN401 - from gi
        buffer = info.get_buffer()
        mended = None if seen["own"] else mender.mend(buffer.extract_dup(0, buffer.get_size()))
        if mended is None:
            return gst.PadProbeReturn.OK
        changed = gst.Buffer.new_wrapped(mended)
        changed.pts, changed.dts = buffer.pts, buffer.dts
        # The probe's own buffer cannot be exchanged from Python; the new one passes this probe again.
        seen["own"] = True
        try:
            pad.push(changed)
        finally:
            seen["own"] = False
        return gst.PadProbeReturn.DROP

    pad.add_probe(gst.PadProbeType.BUFFER, on_data)


def _watch_http(media: MediaPipeline, parser: Any, address: SourceAddress) -> None:  # noqa: ANN401 - from gi
    """Give up what is no MJPEG stream, by the type that it names, or by much data without a picture."""
    gst = gstreamer()
    # One cell: callbacks hold no object that leads back to the pipeline.
    seen: dict[str, Any] = {"bytes": 0, "type": ""}
    probe = media.probe

    def on_data(_pad: Any, info: Any) -> Any:  # noqa: ANN401 - from gi
        seen["bytes"] += info.get_buffer().get_size()
        return gst.PadProbeReturn.OK

    def on_event(_pad: Any, info: Any) -> Any:  # noqa: ANN401 - from gi
        structure = info.get_event().get_structure()
        if structure is not None and structure.get_name() == "http-headers":
            found = re.search(r"content-type=\(string\)\W*([\w/+.-]+)", structure.to_string(), re.IGNORECASE)
            seen["type"] = found[1].lower() if found else ""
        return gst.PadProbeReturn.OK

    def on_picture(_pad: Any, info: Any) -> Any:  # noqa: ANN401 - from gi
        seen["bytes"] = 0
        buffer = info.get_buffer()
        if buffer.extract_dup(max(0, buffer.get_size() - len(DAMAGED_END)), len(DAMAGED_END)) != DAMAGED_END:
            return gst.PadProbeReturn.OK
        probe.note_damaged()
        return gst.PadProbeReturn.DROP

    def check() -> None:
        if seen["type"].startswith(("text/", "application/json", "application/xhtml", "video/", "audio/")):
            sentence = Phrase(
                "{address} sends {type}, no MJPEG stream (multipart/x-mixed-replace)",
                address=address.display,
                type=seen["type"],
            )
            raise SourceFaultError(FaultKind.FORMAT, sentence)
        if seen["bytes"] > _MOST_BYTES_WITHOUT_PICTURE:
            sentence = Phrase(
                "{address} {fault}",
                address=address.display,
                fault=Phrase("sends no MJPEG stream (multipart/x-mixed-replace)"),
            )
            raise SourceFaultError(FaultKind.FORMAT, sentence)

    sink, out = parser.get_static_pad("sink"), parser.get_static_pad("src")
    sink.add_probe(gst.PadProbeType.BUFFER, on_data)
    sink.add_probe(gst.PadProbeType.EVENT_DOWNSTREAM, on_event)
    out.add_probe(gst.PadProbeType.BUFFER, on_picture)
    media.watch(check)


def _add_local(media: MediaPipeline, address: SourceAddress) -> None:
    gst = gstreamer()
    source = make_element("v4l2src", device=address.location)
    source.set_state(gst.State.READY)
    offered = source.get_static_pad("src").query_caps(None)
    choices = [gst.Caps.from_string(text) for text in _LOCAL_CAPS]
    fitting = [caps for caps in choices if caps.can_intersect(offered)]
    if not fitting:
        source.set_state(gst.State.NULL)
        raise SourceFaultError(
            FaultKind.UNREACHABLE, Phrase("{address} cannot be opened, or is no camera", address=address.display)
        )
    wanted = make_element("capsfilter", caps=fitting[0])
    media.pipeline.add(source)
    media.pipeline.add(wanted)
    source.link(wanted)
    media.take_pad(wanted.get_static_pad("src"), fitting[0])


def _trust(source: Any, settings: CameraSettings) -> None:  # noqa: ANN401 - from gi
    if settings.tls_ca_file is None:
        return
    gio, glib = gi_module("Gio", "2.0"), gi_module("GLib", "2.0")
    try:
        source.set_property("tls-database", gio.TlsFileDatabase.new(str(settings.tls_ca_file.absolute())))
    except glib.Error as error:
        raise SourceFaultError(
            FaultKind.REFUSED,
            Phrase("tls_ca_file {file} cannot be used ({reason})", file=settings.tls_ca_file, reason=error.message),
        ) from error
