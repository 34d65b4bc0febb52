"""What an RTSP server sends: painted pictures, encoded here, or the encoded pictures of a file, again and again.

A feed runs only while a client watches: one thread per stream pushes into the stream's appsrc at the feed's own rate.
"""

import copy
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from monitor.errors import VideoError
from monitor.video.gst import gstreamer, make_element

__all__ = ["ClipFeed", "Feed", "FeedThread", "PaintedFeed"]

_NS = 1_000_000_000
_LOAD_SECONDS = 10.0
_LATE_SECONDS = 0.25

_ENCODERS = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast threads=1 bitrate={kbit} key-int-max={gop}"
    " ! h264parse config-interval=-1 ! rtph264pay name=pay0 pt=96",
    "h265": "x265enc tune=zerolatency speed-preset=ultrafast bitrate={kbit} key-int-max={gop}"
    " ! h265parse config-interval=-1 ! rtph265pay name=pay0 pt=96",
    "mjpeg": "jpegenc quality=80 ! rtpjpegpay name=pay0 pt=26",
}
# A decoder takes JPEG for full range, whatever was encoded.
_FULL_RANGE = ",colorimetry=1:4:0:0"
_PAYLOADERS = {
    "video/x-h264": "h264parse config-interval=-1 ! rtph264pay name=pay0 pt=96",
    "video/x-h265": "h265parse config-interval=-1 ! rtph265pay name=pay0 pt=96",
    "image/jpeg": "jpegparse ! rtpjpegpay name=pay0 pt=26",
}


class Feed(Protocol):
    """The pictures of one stream."""

    @property
    def launch(self) -> str:
        """GStreamer's description of the stream, from an appsrc named `feed` to a payloader named `pay0`."""
        ...

    @property
    def caps(self) -> str:
        """What the appsrc takes."""
        ...

    def joined(self, now_seconds: float) -> tuple["Feed", float]:
        """Return what one who begins to watch now gets, and how many seconds later it begins."""
        ...

    def due_index(self, index: int, seconds: float) -> int:
        """Return which buffer to send so many seconds after the first, when this one would be the next."""
        ...

    def buffer(self, index: int) -> tuple[float, Any]:
        """Return when to send the buffer of this index, in seconds from the first, and the buffer with its times."""
        ...


@dataclass(frozen=True, slots=True)
class PaintedFeed:
    """Pictures from a function, encoded as they come.

    Attributes:
        paint: Takes seconds from the stream's start; returns shape (height, width, 3), uint8, RGB.
        size_px: (width, height) of what it returns; both even.
        frames_per_second: Rate.
        codec: `h264`, `h265` or `mjpeg`.
        kbit_per_second: Bit rate of the encoder.
        key_frame_seconds: Longest time between two key frames.
    """

    paint: Callable[[float], NDArray[np.uint8]]
    size_px: tuple[int, int]
    frames_per_second: float = 15.0
    codec: str = "h264"
    kbit_per_second: int = 2_000
    key_frame_seconds: float = 1.0

    @property
    def launch(self) -> str:
        """See `Feed`."""
        if self.codec not in _ENCODERS:
            raise VideoError(f"streams are encoded as {', '.join(_ENCODERS)}, not as {self.codec!r}")
        gop = max(1, round(self.key_frame_seconds * self.frames_per_second))
        encoder = _ENCODERS[self.codec].format(kbit=self.kbit_per_second, gop=gop)
        colours = _FULL_RANGE if self.codec == "mjpeg" else ""
        # Without a fixed format the encoder would choose 4:4:4, which many decoders do not know.
        return f"appsrc name=feed ! videoconvert ! video/x-raw,format=I420{colours} ! {encoder}"

    @property
    def caps(self) -> str:
        """See `Feed`."""
        rate = f"{round(self.frames_per_second * 1000)}/1000"
        return f"video/x-raw,format=RGB,width={self.size_px[0]},height={self.size_px[1]},framerate={rate}"

    def joined(self, now_seconds: float) -> tuple[Feed, float]:  # noqa: ARG002 - it begins when somebody watches
        """See `Feed`."""
        return self, 0.0

    def due_index(self, index: int, seconds: float) -> int:
        """Leave out pictures when painting is late, as a camera does: what it shows would go on in slow motion."""
        due = int(seconds * self.frames_per_second)
        return due if due - index > _LATE_SECONDS * self.frames_per_second else index

    def buffer(self, index: int) -> tuple[float, Any]:
        """See `Feed`."""
        seconds = index / self.frames_per_second
        image = self.paint(seconds)
        height, width, channels = image.shape
        if (width, height) != tuple(self.size_px):
            raise VideoError(f"the painter returned {width} x {height} px instead of {self.size_px}")
        # GStreamer's rows begin at multiples of four bytes.
        padding = -width * channels % 4
        rows = np.pad(image.reshape(height, width * channels), ((0, 0), (0, padding))) if padding else image
        buffer = gstreamer().Buffer.new_wrapped(np.ascontiguousarray(rows).tobytes())
        buffer.pts = int(seconds * _NS)
        buffer.duration = int(_NS / self.frames_per_second)
        return seconds, buffer


class ClipFeed:
    """The encoded pictures of a video file, sent at their own speed, again and again, without encoding.

    Args:
        path: A file with H.264, H.265 or MJPEG.

    Raises:
        VideoError: The file cannot be read, or holds something else.
    """

    def __init__(self, path: Path) -> None:
        self._first_index = 0
        self._began_seconds: float | None = None
        self._caps, self._buffers = _load(path)
        gst = gstreamer()
        media_type = self._caps.get_structure(0).get_name()
        if media_type not in _PAYLOADERS:
            raise VideoError(f"{path} holds {media_type}; H.264, H.265 or MJPEG can be sent")
        self._payloader = _PAYLOADERS[media_type]
        kinds = gst.BufferCopyFlags
        self._copy_flags = kinds.FLAGS | kinds.TIMESTAMPS | kinds.META | kinds.MEMORY
        # In the order of decoding, at the speed of showing: with B-frames, time stamps go to and fro.
        times = sorted(buffer.pts for buffer in self._buffers)
        if times[-1] == gst.CLOCK_TIME_NONE:
            raise VideoError(f"{path} has no time stamps, so its speed is not known")
        self._send_ns = [time_ns - times[0] for time_ns in times]
        step_ns = self._send_ns[-1] // max(1, len(times) - 1) or _NS // 25
        self._length_ns = self._send_ns[-1] + step_ns

    def running(self, share: float, now_seconds: float) -> Self:
        """Return a feed of the same pictures, shared with this one, as of a camera that runs whether watched or not.

        Who begins to watch gets what it shows then, from the next key frame on.

        Args:
            share: Where in the clip it is now, in [0, 1).
            now_seconds: Monotonic time.
        """
        camera = copy.copy(self)
        camera._began_seconds = now_seconds - share * self._length_ns / _NS  # noqa: SLF001 - it is of this class
        return camera

    def joined(self, now_seconds: float) -> tuple[Self, float]:
        """See `Feed`."""
        if self._began_seconds is None:
            return self, 0.0
        position_ns = int((now_seconds - self._began_seconds) * _NS) % self._length_ns
        delta = gstreamer().BufferFlags.DELTA_UNIT
        keys = [index for index, buffer in enumerate(self._buffers) if not buffer.has_flags(delta)]
        first = next((index for index in keys if self._send_ns[index] >= position_ns), 0)
        later = copy.copy(self)
        later._first_index = first  # noqa: SLF001 - it is of this class
        return later, (self._send_ns[first] - position_ns) % self._length_ns / _NS

    @property
    def launch(self) -> str:
        """See `Feed`."""
        return f"appsrc name=feed ! {self._payloader}"

    @property
    def caps(self) -> str:
        """See `Feed`."""
        return str(self._caps.to_string())

    def due_index(self, index: int, seconds: float) -> int:  # noqa: ARG002 - the times of encoded pictures do not matter
        """Leave out nothing: an encoded picture needs those before it, and to send one costs next to nothing."""
        return index

    def buffer(self, index: int) -> tuple[float, Any]:
        """See `Feed`."""
        gst = gstreamer()
        round_, position = divmod(index + self._first_index, len(self._buffers))
        shift_ns = round_ * self._length_ns - self._send_ns[self._first_index]
        original = self._buffers[position]
        # Shares the bytes; plain `copy` would hand out the original itself.
        buffer = original.copy_region(self._copy_flags, 0, original.get_size())
        for name in ("pts", "dts"):
            value = getattr(buffer, name)
            if value != gst.CLOCK_TIME_NONE:
                setattr(buffer, name, value + shift_ns)
        return (self._send_ns[position] + shift_ns) / _NS, buffer


class FeedThread:
    """Pushes one feed into one appsrc until it is stopped.

    Args:
        feed: What is sent.
        source: The appsrc.
    """

    def __init__(self, feed: Feed, source: Any) -> None:  # noqa: ANN401 - from gi
        self._feed = feed
        self._source = source
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rtsp-feed", daemon=True)

    def start(self) -> None:
        """Start sending."""
        self._thread.start()

    def cancel(self) -> None:
        """Stop sending; returns at once. Safe on threads that are not Python's, where waiting would leave a trace."""
        self._stopping.set()

    def stop(self) -> None:
        """Stop sending; waits for the picture that is being painted."""
        self.cancel()
        self._thread.join(5.0)

    def _run(self) -> None:
        now = time.monotonic()
        feed, waits_seconds = self._feed.joined(now)
        started, index, ok = now + waits_seconds, 0, gstreamer().FlowReturn.OK
        while not self._stopping.is_set():
            index = feed.due_index(index, time.monotonic() - started)
            due_seconds, buffer = feed.buffer(index)
            index += 1
            if self._stopping.wait(max(0.0, started + due_seconds - time.monotonic())):
                return
            if self._source.push_buffer(buffer) != ok:
                return


def _load(path: Path) -> tuple[Any, list[Any]]:
    """Return the caps and the encoded pictures of the first video stream of a file."""
    gst = gstreamer()
    pipeline = gst.Pipeline.new(None)
    source, parser = make_element("filesrc", location=str(path)), make_element("parsebin")
    sink = make_element("appsink", sync=False, enable_last_sample=False)
    for element in (source, parser, sink):
        pipeline.add(element)
    source.link(parser)

    def on_pad(_parser: Any, pad: Any) -> None:  # noqa: ANN401 - from gi
        target = sink.get_static_pad("sink")
        caps = pad.get_current_caps() or pad.query_caps(None)
        if target.is_linked() or not caps.get_structure(0).get_name().startswith(("video/", "image/")):
            other = make_element("fakesink", sync=False, async_=False)
            pipeline.add(other)
            other.sync_state_with_parent()
            target = other.get_static_pad("sink")
        pad.link(target)

    handler = parser.connect("pad-added", on_pad)
    pipeline.set_state(gst.State.PLAYING)
    caps, buffers, progress_seconds = None, [], time.monotonic()
    ends = gst.MessageType.ERROR | gst.MessageType.EOS
    try:
        while time.monotonic() - progress_seconds < _LOAD_SECONDS:
            sample = sink.try_pull_sample(_NS // 20)
            if sample is not None:
                caps = caps or sample.get_caps()
                buffers.append(sample.get_buffer())
                progress_seconds = time.monotonic()
            elif pipeline.get_bus().pop_filtered(ends) is not None:
                break
    finally:
        parser.disconnect(handler)
        pipeline.set_state(gst.State.NULL)
    if caps is None:
        raise VideoError(f"{path} holds no video that can be sent")
    return caps, buffers
