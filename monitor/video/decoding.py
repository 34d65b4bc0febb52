"""From encoded to decoded pictures: the part of a pipeline that cameras and files share.

    stamp -> [[hide] -> parser -> [restore]] -> queue -> decoder -> choose -> leaky queue
          -> colours -> square pixels -> turn -> I420 -> appsink

The choice comes before what is done to whole pictures. `queue leaky=downstream` after the
decoder bounds the age of live pictures: `appsink drop=true` alone fell seconds behind under load. The queue before the
decoder makes a slow decoder visible, as lag, instead of holding up the network; in it, a camera's pictures
also wait for the next one that is analysed, and go no further where none follows that needs them.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from monitor.video.colours import complete_colours, distrust_container
from monitor.video.decoder_log import decoder_log
from monitor.video.gst import gstreamer, make_element
from monitor.video.hardware import DecoderChoice
from monitor.video.picture_references import HEADER_BYTES, KEY_HEADER_BYTES, ReferenceReader
from monitor.video.probe import PipelineProbe

__all__ = ["CODECS", "Chain", "ChainSettings", "Codec", "accepts_caps", "build_chain"]

_LARGEST_BACKLOG_BYTES = 32 * 1024 * 1024
_NO_TIME = 2**64 - 1
_LARGEST_RATE = 1_000.0


@dataclass(frozen=True, slots=True)
class Codec:
    """How one kind of encoded pictures is handled.

    Attributes:
        name: For people.
        parser: GStreamer's element that cuts the stream into pictures.
        decoders: In the order in which they are preferred.
        intra_only: Whether every picture can be decoded by itself.
    """

    name: str
    parser: str
    decoders: tuple[str, ...]
    intra_only: bool = False


CODECS = {
    "video/x-h264": Codec("H.264", "h264parse", ("avdec_h264", "openh264dec")),
    "video/x-h265": Codec("H.265", "h265parse", ("avdec_h265", "libde265dec")),
    "image/jpeg": Codec("MJPEG", "jpegparse", ("jpegdec", "avdec_mjpeg"), intra_only=True),
}


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """What differs between a camera and a replayed file.

    Attributes:
        live: Newest picture first, older ones dropped; otherwise every chosen picture, in order.
        parse: Whether the pictures must first be cut out of the stream.
        paced: Whether pictures are held until their time stamp: a file that is played as if it were a camera.
        decoder_threads: 0 leaves the number to the decoder.
        decoders: Which decoders in hardware are tried before software; None for none.
    """

    live: bool
    parse: bool = True
    paced: bool = False
    decoder_threads: int = 1
    decoders: DecoderChoice | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain that is part of a pipeline.

    Attributes:
        entry: Pad that takes encoded pictures.
        appsink: Element that gives pictures in I420 (three planes, 4:2:0, 8 bits).
        codec: Name of the codec, for people.
        decoder: Name of the decoder's element, for people; `none` where the pictures come as they are.
        hardware: The decoder itself where it is one in hardware, else None.
    """

    entry: Any
    appsink: Any
    codec: str
    decoder: str
    hardware: Any = None


def build_chain(pipeline: Any, caps: Any, probe: PipelineProbe, settings: ChainSettings) -> Chain:  # noqa: ANN401 - from gi
    """Add a chain for pictures of these caps to a pipeline, linked and ready to run.

    Args:
        pipeline: A `Gst.Pipeline`.
        caps: `Gst.Caps` of the encoded pictures.
        probe: Measures the chain and chooses the pictures.
        settings: What differs between a camera and a file.

    Raises:
        VideoError: An element or a decoder for these caps is not installed.
    """
    media_type = caps.get_structure(0).get_name()
    codec = CODECS.get(media_type)
    hardware = settings.decoders.open(media_type) if settings.decoders is not None else None
    decoder = hardware or _decoder(caps, codec)
    _set_if_there(decoder, "max-threads", settings.decoder_threads)
    # Damaged pictures are marked and counted here; the decoder must not give up on a bad stretch of the network.
    _set_if_there(decoder, "max-errors", -1)
    probe.sample_before_decoding = settings.live and codec is not None and codec.intra_only

    stamp = make_element("identity", silent=True)
    elements = [make_element("clocksync"), stamp] if settings.paced else [stamp]
    if codec is not None and not codec.intra_only and caps.get_structure(0).has_field("colorimetry"):
        hide, restore = make_element("capssetter", join=False, replace=True), make_element("capssetter", join=True)
        distrust_container(hide, restore)
        elements += [hide, make_element(codec.parser), restore]
    elif (settings.parse or hardware is not None) and codec is not None:
        # Some decoders in hardware take one form of a stream only; the parser makes it out of any.
        elements.append(make_element(codec.parser))
    # The threads behind the queues bear the queues' names: by them `top -H` and the benchmark distinguish the stages.
    limits = {"max_size_buffers": 0, "max_size_time": 0, "max_size_bytes": _LARGEST_BACKLOG_BYTES}
    if not settings.live:
        limits = {"max_size_buffers": 16, "max_size_time": 0, "max_size_bytes": 0}
    elements += [make_element("queue", name="decode", silent=True, **limits), decoder]
    if hardware is not None:
        # Pictures in the memory of the device would go no further.
        elements.append(make_element("capsfilter", caps=gstreamer().Caps.from_string("video/x-raw")))
    after = make_element("queue", name="convert", silent=True, max_size_buffers=2, max_size_bytes=0, max_size_time=0)
    if settings.live:
        after.set_property("leaky", 2)
    sink = make_element(
        "appsink",
        caps=gstreamer().Caps.from_string("video/x-raw,format=I420,pixel-aspect-ratio=1/1"),
        sync=False,
        # Nothing waits for a first picture: held-back pictures would wait for the pipeline to run, and it for them.
        async_=False,
        drop=settings.live,
        max_buffers=1 if settings.live else 4,
        enable_last_sample=False,
    )
    colours = make_element("capssetter", join=True, replace=False)
    complete_colours(colours)
    # Recorders with pixels that are not square, and containers that say which way is up: both change scores.
    square, turn = make_element("videoscale", add_borders=False), make_element("videoflip", video_direction=8)
    elements += [after, colours, square, turn, make_element("videoconvert"), sink]

    for element in elements:
        pipeline.add(element)
    for upstream, downstream in pairwise(elements):
        upstream.link(downstream)
    _watch(stamp, decoder, probe)
    in_bursts = settings.live and hardware is None and codec is not None and not codec.intra_only
    # A decoder in hardware costs little, and may hold back so many pictures that fewer of them would be seconds old.
    _leave_out(decoder, probe, unreferenced=hardware is None, in_bursts=in_bursts)
    for element in reversed(elements):
        element.sync_state_with_parent()
    name = "none" if media_type == "video/x-raw" else decoder.get_factory().get_name()
    codec_name = codec.name if codec is not None else media_type
    return Chain(elements[0].get_static_pad("sink"), sink, codec_name, name, hardware)


def accepts_caps(probe: PipelineProbe, caps: Any) -> bool:  # noqa: ANN401 - from gi
    """Pass what the stream announces to the probe; return whether pictures of this size are accepted."""
    structure = caps.get_structure(0)
    has_width, width = structure.get_int("width")
    has_height, height = structure.get_int("height")
    has_rate, over, under = structure.get_fraction("framerate")
    rate = over / under if has_rate and under > 0 else 0.0
    return not (has_width and has_height) or probe.accepts(width, height, rate if 0.0 < rate <= _LARGEST_RATE else None)


def _decoder(caps: Any, codec: Codec | None) -> Any:  # noqa: ANN401 - from gi
    gst = gstreamer()
    if caps.get_structure(0).get_name() == "video/x-raw":
        return make_element("identity", silent=True)
    if codec is not None:
        found = [name for name in codec.decoders if gst.ElementFactory.find(name) is not None]
        return make_element(found[0] if found else codec.decoders[0])
    kind = gst.ELEMENT_FACTORY_TYPE_DECODER | gst.ELEMENT_FACTORY_TYPE_MEDIA_VIDEO
    factories = gst.ElementFactory.list_get_elements(kind, gst.Rank.MARGINAL)
    subset_only = True
    fitting = gst.ElementFactory.list_filter(factories, caps, gst.PadDirection.SINK, subset_only)
    fitting.sort(key=lambda factory: factory.get_rank(), reverse=True)
    return make_element(fitting[0].get_name() if fitting else f"decoder for {caps.get_structure(0).get_name()}")


def _set_if_there(element: Any, name: str, value: object) -> None:  # noqa: ANN401 - from gi
    if element.find_property(name) is not None:
        element.set_property(name, value)


def _watch(stamp: Any, decoder: Any, probe: PipelineProbe) -> None:  # noqa: ANN401 - from gi
    gst, log = gstreamer(), decoder_log()
    ok, drop = gst.PadProbeReturn.OK, gst.PadProbeReturn.DROP
    delta, corrupted = gst.BufferFlags.DELTA_UNIT, gst.BufferFlags.CORRUPTED

    def on_encoded(_pad: Any, info: Any) -> Any:  # noqa: ANN401 - from gi
        buffer = info.get_buffer()
        keyframe = not buffer.has_flags(delta)
        return ok if probe.encoded(_time_ns(buffer.pts), keyframe=keyframe) else drop

    def on_decoded(_pad: Any, info: Any) -> Any:  # noqa: ANN401 - from gi
        buffer = info.get_buffer()
        pts_ns = _time_ns(buffer.pts)
        corrupt = probe.is_damaged(pts_ns, marked=buffer.has_flags(corrupted), concealed_macroblocks=log.take())
        serial = probe.decoded(pts_ns, corrupt=corrupt)
        if serial is None:
            return drop
        # The offset means nothing for decoded pictures and survives the conversion.
        buffer.offset = serial
        return ok

    def on_caps(pad: Any, info: Any) -> Any:  # noqa: ANN401 - from gi
        event = info.get_event()
        if event.type != gst.EventType.CAPS:
            return ok
        if accepts_caps(probe, event.parse_caps()):
            return ok
        pad.add_probe(gst.PadProbeType.BUFFER, lambda *_: drop)
        return drop

    stamp.get_static_pad("src").add_probe(gst.PadProbeType.BUFFER, on_encoded)
    decoder.get_static_pad("sink").add_probe(gst.PadProbeType.EVENT_DOWNSTREAM, on_caps)
    decoder.get_static_pad("src").add_probe(gst.PadProbeType.BUFFER, on_decoded)


def _leave_out(decoder: Any, probe: PipelineProbe, *, unreferenced: bool, in_bursts: bool) -> None:  # noqa: ANN401 - from gi
    """Keep from a decoder what need not be decoded.

    Args:
        decoder: The element.
        probe: Knows what is needed.
        unreferenced: Whether pictures that no other needs are left out.
        in_bursts: Whether pictures wait for the next one that is analysed, and are left out where none follows.
    """
    gst, references = gstreamer(), ReferenceReader()
    ok, drop = gst.PadProbeReturn.OK, gst.PadProbeReturn.DROP
    delta = gst.BufferFlags.DELTA_UNIT

    def on_caps(_pad: Any, info: Any) -> Any:  # noqa: ANN401 - from gi
        event = info.get_event()
        if unreferenced and event.type == gst.EventType.CAPS:
            references.take_caps(event.parse_caps())
        return ok

    def on_gate(_pad: Any, info: Any) -> Any:  # noqa: ANN401 - from gi
        buffer = info.get_buffer()
        pts_ns, keyframe = _time_ns(buffer.pts), not buffer.has_flags(delta)
        is_understood = references.is_understood
        head = buffer.extract_dup(0, KEY_HEADER_BYTES) if keyframe and is_understood else b""
        begins_anew = references.begins_anew(head)
        if in_bursts and not probe.hold(pts_ns, keyframe=keyframe, begins_anew=begins_anew):
            return drop
        if probe.left_out_as is not None and not keyframe:
            return ok if probe.is_still_due(pts_ns, keyframe=keyframe) else drop
        if not is_understood:
            return ok
        if keyframe:
            references.note_key_frame(head)
        elif references.is_unreferenced(buffer.extract_dup(0, HEADER_BYTES)):
            return drop if probe.leave_out(pts_ns) else ok
        probe.note_referenced(pts_ns)
        return ok

    pad = decoder.get_static_pad("sink")
    pad.add_probe(gst.PadProbeType.EVENT_DOWNSTREAM, on_caps)
    pad.add_probe(gst.PadProbeType.BUFFER, on_gate)


def _time_ns(value: int) -> int | None:
    return None if value == _NO_TIME else int(value)
