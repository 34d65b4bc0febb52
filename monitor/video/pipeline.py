"""The life of one GStreamer pipeline: start it, take pictures out of it, read its errors, end it in bounded time.

No GLib main loop runs: the owner of the pipeline polls its bus.
"""

import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from monitor.errors import VideoError
from monitor.phrases import Phrase
from monitor.video.address import SourceAddress
from monitor.video.colours import colours_of
from monitor.video.decoding import Chain, ChainSettings, accepts_caps, build_chain
from monitor.video.faults import FaultKind, SourceEndedError, SourceFaultError, fault_of_error
from monitor.video.gst import gi_module, gstreamer
from monitor.video.planar_picture import Picture, PlanarPicture, YuvColours
from monitor.video.probe import LARGEST_SIDE_PX, FrameTiming, PipelineProbe
from monitor.video.stream_threads import keep_thread_states

__all__ = ["CameraPipeline", "MediaPipeline"]

_NO_PICTURE = "it gives no picture"


class CameraPipeline(Protocol):
    """What a camera needs of a pipeline."""

    probe: PipelineProbe
    decode_errors: int

    @property
    def codec(self) -> str | None:
        """Name of the pictures' codec; None before it is known."""

    @property
    def decoder(self) -> str | None:
        """Name of what decodes them; None before it is known."""

    def play(self) -> None:
        """Start."""

    def pull(self, timeout_seconds: float) -> tuple[Picture, FrameTiming] | None:
        """Return the next picture and what belongs to it, or None where none came in time."""

    def check(self) -> None:
        """Raise what has failed."""

    def close(self, timeout_seconds: float) -> bool:
        """Stop and free everything; return whether it ended in time."""


class MediaPipeline:
    """One pipeline that delivers decoded pictures.

    Args:
        address: What is opened, for messages.
        probe: Measures it and chooses the pictures.
        settings: How the pictures are decoded and handed on.
    """

    def __init__(self, address: SourceAddress, probe: PipelineProbe, settings: ChainSettings) -> None:
        self._gst = gstreamer()
        self._video = gi_module("GstVideo")
        self._layout: tuple[Any, Any, YuvColours] | None = None
        self._address = address
        self._settings = settings
        self.probe = probe
        self.pipeline = self._gst.Pipeline.new(None)
        self._bus = self.pipeline.get_bus()
        keep_thread_states(self._bus)
        self._chain: Chain | None = None
        self._codec: str | None = None
        self._chain_ready = threading.Event()
        self._chain_lock = threading.Lock()
        self._pending_fault: SourceFaultError | None = None
        self._handlers: list[tuple[Any, int]] = []
        self._checks: list[Callable[[], None]] = []
        self._stop_hooks: list[tuple[Callable[[], None], Callable[[], None]]] = []
        self.decode_errors = 0
        self.other_streams: list[str] = []

    @property
    def codec(self) -> str | None:
        """Name of the pictures' codec; None before it is known."""
        return self._codec

    @property
    def decoder(self) -> str | None:
        """Name of the element that decodes; None before it is known."""
        return None if self._chain is None else self._chain.decoder

    def connect(self, element: Any, signal: str, callback: Callable[..., Any]) -> None:  # noqa: ANN401 - from gi
        """Connect a signal handler that ends with the pipeline; what it raises becomes the pipeline's fault."""

        def guarded(*arguments: Any) -> Any:  # noqa: ANN401 - from gi
            try:
                return callback(*arguments)
            except Exception as error:  # noqa: BLE001 - it runs in GStreamer's thread; the owner's must be notified
                text = str(error) if isinstance(error, VideoError) else f"unforeseen {type(error).__name__}"
                self.fail(SourceFaultError(FaultKind.FORMAT, f"{self._address.display}: {text}"))
                return None

        self._handlers.append((element, element.connect(signal, guarded)))

    def connect_bus(self, signal: str, callback: Callable[..., Any]) -> None:
        """Connect a handler of the bus's synchronous messages: it runs on the thread that sends one.

        It stays until the pipeline is gone, so it must hold nothing that leads back to the pipeline.
        """
        self._bus.enable_sync_message_emission()
        self._bus.connect(signal, callback)

    def on_stop(self, before: Callable[[], None], after: Callable[[], None]) -> None:
        """Call `before` to end what the pipeline would wait for, then stop it, then call `after`."""
        self._stop_hooks.append((before, after))

    def watch(self, check: Callable[[], None]) -> None:
        """Call this with every poll of the bus; it raises SourceFaultError where the source must be given up."""
        self._checks.append(check)

    def take_pad(self, pad: Any, caps: Any) -> bool:  # noqa: ANN401 - from gi
        """Decode what comes out of this pad, if it is the first with pictures.

        Returns:
            Whether the pad is used.
        """
        name = caps.get_structure(0).get_name()
        with self._chain_lock:
            if self._chain is not None or not name.startswith(("video/", "image/")):
                self.other_streams.append(name)
                return False
            if not accepts_caps(self.probe, caps):
                return False
            self._chain = build_chain(self.pipeline, caps, self.probe, self._settings)
        self._codec = self._chain.codec
        pad.link(self._chain.entry)
        self._chain_ready.set()
        return True

    def no_video_sentence(self) -> str:
        """Return what the source has instead of pictures that can be decoded."""
        offered = ", ".join(sorted(set(self.other_streams))) or "nothing"
        return Phrase(
            "{address} offers {offered}; video in H.264, H.265 or MJPEG is needed",
            address=self._address.display,
            offered=offered,
        )

    def fail(self, fault: SourceFaultError) -> None:
        """Note a fault from one of GStreamer's threads; `check` raises it in the owner's."""
        if self._pending_fault is None:
            self._pending_fault = fault

    def play(self) -> None:
        """Start.

        Raises:
            SourceFaultError: It failed at once.
        """
        self.pipeline.set_state(self._gst.State.PLAYING)
        self.check()

    def pull(self, timeout_seconds: float) -> tuple[Picture, FrameTiming] | None:
        """Return the next picture and what belongs to it, or None where none came in time."""
        if not self._chain_ready.wait(timeout_seconds) or self._chain is None:
            return None
        sample = self._chain.appsink.try_pull_sample(int(timeout_seconds * self._gst.SECOND))
        if sample is None:
            return None
        buffer = sample.get_buffer()
        timing = self.probe.claim(buffer.offset)
        if timing is None:
            return None
        return self._image(sample.get_caps(), buffer), timing

    def check(self) -> None:
        """Read the bus.

        Raises:
            SourceFaultError: The pipeline has failed.
            SourceEndedError: The stream has ended, and every picture has been pulled.
        """
        if self._pending_fault is not None:
            raise self._pending_fault
        refused = self.probe.refused_size_px
        if refused is not None:
            raise SourceFaultError(
                FaultKind.FORMAT,
                Phrase(
                    "{address} sends pictures of {width} x {height} px; at most {limit} px a side and 33 million "
                    "pixels are accepted",
                    address=self._address.display,
                    width=refused[0],
                    height=refused[1],
                    limit=LARGEST_SIDE_PX,
                ),
            )
        if self.probe.is_decoder_silent and self._has_hardware():
            raise self._refuse_hardware(_NO_PICTURE)
        for check in tuple(self._checks):
            check()
        while (message := self._bus.pop()) is not None:
            self._hear(message)

    def duration_seconds(self) -> float | None:
        """Return how long the media is; None where it is not known."""
        known, duration_ns = self.pipeline.query_duration(self._gst.Format.TIME)
        return duration_ns / self._gst.SECOND if known and duration_ns > 0 else None

    def close(self, timeout_seconds: float) -> bool:
        """Stop and free everything, from a thread of its own, because a pipeline may hang while it stops.

        Returns:
            Whether it ended in time; if not, it is left behind.
        """
        self.probe.close()
        hooks, self._stop_hooks = self._stop_hooks, []
        for before, _ in hooks:
            before()
        for element, handler in self._handlers:
            element.disconnect(handler)
        self._handlers.clear()
        self._checks.clear()
        pipeline, self.pipeline = self.pipeline, None
        self._chain = None
        self._chain_ready.clear()
        after = [after for _, after in hooks]
        arguments = (pipeline, self._gst.State.NULL, after)
        stopper = threading.Thread(target=_stop, args=arguments, name="video-stop", daemon=True)
        try:
            stopper.start()
        except RuntimeError:  # the system gives no thread: better late than a pipeline that nobody ends
            _stop(*arguments)
            return True
        stopper.join(timeout_seconds)
        return not stopper.is_alive()

    def _hear(self, message: Any) -> None:  # noqa: ANN401 - from gi
        kinds = self._gst.MessageType
        if message.type == kinds.ERROR:
            error, _ = message.parse_error()
            if self._is_of_hardware(message.src):
                raise self._refuse_hardware(error.message)
            fault = fault_of_error(error, self._address)
            if fault.kind is FaultKind.FORMAT and self._codec is None and self.other_streams:
                fault = SourceFaultError(FaultKind.FORMAT, self.no_video_sentence())
            raise fault
        if message.type == kinds.EOS:
            if self.probe.was_keyframe_given and self.probe.pictures == 0 and self._has_hardware():
                raise self._refuse_hardware(_NO_PICTURE)
            raise SourceEndedError(Phrase("{address} has ended", address=self._address.display))
        if message.type == kinds.WARNING:
            error, _ = message.parse_warning()
            if error.matches(self._gst.StreamError.quark(), self._gst.StreamError.DECODE):
                self.decode_errors += 1

    def _has_hardware(self) -> bool:
        return self._chain is not None and self._chain.hardware is not None

    def _is_of_hardware(self, source: Any) -> bool:  # noqa: ANN401 - from gi
        """Return whether an error is that of a decoder in hardware: reported by it, or by who gave it pictures."""
        hardware = None if self._chain is None else self._chain.hardware
        if hardware is None:
            return False
        if source == hardware or source.has_as_ancestor(hardware):
            return True
        flow = self._gst.FlowReturn
        last_flow = hardware.get_static_pad("sink").get_peer().get_last_flow_return()
        return last_flow in {flow.ERROR, flow.NOT_NEGOTIATED, flow.NOT_SUPPORTED}

    def _refuse_hardware(self, reason: str) -> SourceFaultError:
        """Leave a decoder in hardware that failed: the next pipeline of this camera decodes without it."""
        chain, decoders = self._chain, self._settings.decoders
        if chain is not None and decoders is not None:
            decoders.refuse(chain.decoder, reason)
        name = "the decoder" if chain is None else f"decoder {chain.decoder}"
        return SourceFaultError(
            FaultKind.DECODER,
            Phrase("{address}: {name} failed ({reason})", address=self._address.display, name=name, reason=reason),
        )

    def _image(self, caps: Any, buffer: Any) -> PlanarPicture:  # noqa: ANN401 - from gi
        if self._layout is None or not caps.is_equal(self._layout[0]):
            info = self._video.VideoInfo.new_from_caps(caps)
            self._layout = caps, info, colours_of(info)
        _, info, colours = self._layout
        mapped, memory = buffer.map(self._gst.MapFlags.READ)
        if not mapped:
            raise SourceFaultError(
                FaultKind.OTHER, Phrase("{address}: a picture could not be read", address=self._address.display)
            )
        data = np.asarray(_MappedPicture(buffer, memory))
        rows = info.height, -(-info.height // 2), -(-info.height // 2)
        columns = info.width, -(-info.width // 2), -(-info.width // 2)
        luma, *chroma = (
            data[offset : offset + stride * count].reshape(count, stride)[:, :shown]
            for offset, stride, count, shown in zip(info.offset[:3], info.stride[:3], rows, columns, strict=True)
        )
        return PlanarPicture(luma, chroma[0], chroma[1], colours)


class _MappedPicture:
    """The bytes of a decoded picture where GStreamer holds them, for NumPy to read without a copy.

    Every view of the array holds this object alive; with the last of them the buffer goes back to its pool.

    Args:
        buffer: Mapped for reading.
        memory: What the mapping gave.
    """

    def __init__(self, buffer: Any, memory: Any) -> None:  # noqa: ANN401 - from gi
        self._buffer, self._memory = buffer, memory
        pixels = np.frombuffer(memory.data, dtype=np.uint8)
        self.__array_interface__ = {
            "version": 3,
            "typestr": "|u1",
            "shape": pixels.shape,
            # The second value: read-only.
            "data": (pixels.ctypes.data, True),
        }

    def __del__(self) -> None:
        """Give the buffer back; at the end of the process GStreamer's bindings may be gone already."""
        if not sys.is_finalizing():
            self._buffer.unmap(self._memory)


def _stop(pipeline: Any, null_state: Any, after: list[Callable[[], None]]) -> None:  # noqa: ANN401 - from gi
    pipeline.set_state(null_state)
    pipeline.get_bus().set_flushing(True)
    for call in after:
        call()
