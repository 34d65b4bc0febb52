"""Writes annotated videos: H.264 in MP4, with the frames' own times."""

import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from monitor.errors import VideoError
from monitor.video.gst import gstreamer, make_element

__all__ = ["CameraEncoding", "VideoWriter"]

_FINISH_SECONDS = 60.0
_LOOK_SECONDS = 0.005
_WAITING_PICTURES = 8
_DEFAULT_RATE = 25.0
_QUALITY = 23
_KEY_FRAME_PICTURES = 50
_PART_SUFFIX = ".part"


@dataclass(frozen=True, slots=True)
class CameraEncoding:
    """How a network camera encodes: High profile, CABAC, deblocking, a constant bit rate and one reference.

    Attributes:
        kbit_per_second: Bit rate.
        key_frame_pictures: Pictures from one key frame to the next.
        b_pictures: Between two others, none of them a reference; most cameras send none.
    """

    kbit_per_second: int = 4000
    key_frame_pictures: int = _KEY_FRAME_PICTURES
    b_pictures: int = 0

    def properties(self) -> dict[str, object]:
        """Return the properties of `x264enc`."""
        return {
            "bitrate": self.kbit_per_second,
            "vbv-buf-capacity": 1000,
            "key-int-max": self.key_frame_pictures,
            "bframes": self.b_pictures,
            "b-adapt": False,
            "b-pyramid": False,
            "ref": 1,
            "cabac": True,
            "dct8x8": True,
            "option-string": "scenecut=0:deblock=0,0",
        }


class VideoWriter:
    """Encodes pictures into a file, which appears under its name only when it is complete.

    Use it as a context manager: leaving it finishes the file, leaving it by an exception removes what was written.

    Args:
        path: The file to write; one that exists is replaced at the end.
        frames_per_second: The rate to announce, 25 when absent. What counts are the pictures' own times.
        encoding: Encode as a camera does; with a constant quality when absent.

    Raises:
        VideoError: The file cannot be written, or GStreamer's encoder is missing.
    """

    def __init__(
        self, path: Path, frames_per_second: float | None = None, encoding: CameraEncoding | None = None
    ) -> None:
        self._gst = gstreamer()
        self._path = path
        self._encoding = encoding
        self._rate = f"{round((frames_per_second or _DEFAULT_RATE) * 1000)}/1000"
        self._part = path.with_name(path.name + _PART_SUFFIX)
        self._size_px: tuple[int, int] | None = None
        self._last_seconds: float | None = None
        self._pipeline: Any = None
        self._source: Any = None
        if path.is_dir():
            raise VideoError(f"{path} is a directory; name the video file to write")
        try:
            self._part.write_bytes(b"")
        except OSError as error:
            raise VideoError(f"{path} cannot be written ({error.strerror})") from error

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Finish the file, or remove it after an error."""
        if kind is None:
            self.finish()
        else:
            self.abandon()

    def write(self, image: NDArray[np.uint8], time_seconds: float) -> None:
        """Append a picture.

        Args:
            image: Shape (height, width, 3), uint8, RGB; the first picture decides the size. An odd last row or column
                is doubled, because the codec needs even sides.
            time_seconds: When it is shown; must grow from picture to picture.

        Raises:
            VideoError: The size changed, time did not grow, or the disk is full.
        """
        height, width = image.shape[:2]
        if self._size_px is None:
            self._size_px = (width, height)
            self._start(width + width % 2, height + height % 2)
        if (width, height) != self._size_px:
            raise VideoError(f"{self._path}: a picture of {width} x {height} px follows one of {self._size_px}")
        if self._last_seconds is not None and time_seconds <= self._last_seconds:
            raise VideoError(f"{self._path}: a picture at {time_seconds} s follows one at {self._last_seconds} s")
        self._push(image, time_seconds)
        self._last_seconds = time_seconds

    def finish(self) -> None:
        """Complete the file and give it its name; a second call does nothing.

        Raises:
            VideoError: Nothing was written, or the file could not be completed.
        """
        if self._pipeline is None:
            if self._part.exists():
                self.abandon()
                raise VideoError(f"{self._path} was not written, because there was no picture")
            return
        try:
            self._source.end_of_stream()
            self._wait_for_end()
            self._stop()
            self._part.replace(self._path)
        except OSError as error:
            raise VideoError(f"{self._path} cannot be written ({error.strerror})") from error
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Stop and remove what was written so far."""
        self._stop()
        self._part.unlink(missing_ok=True)

    def _start(self, width: int, height: int) -> None:
        source = make_element(
            "appsrc",
            caps=self._gst.Caps.from_string(
                f"video/x-raw,format=RGB,width={width},height={height},framerate={self._rate}"
            ),
            format=self._gst.Format.TIME,
            max_bytes=_WAITING_PICTURES * width * height * 3,
        )
        encoder = make_element("x264enc", threads=os.cpu_count() or 1)
        if self._encoding is None:
            choices: dict[str, object] = {
                "pass": "qual",
                "quantizer": _QUALITY,
                "bframes": 0,
                "key-int-max": _KEY_FRAME_PICTURES,
            }
        else:
            choices = {"pass": "cbr", **self._encoding.properties()}
        for name, value in {"speed-preset": "veryfast", **choices}.items():
            self._gst.util_set_object_arg(encoder, name, str(value))
        # Players know 4:2:0 only; left alone, the encoder would choose 4:4:4 for RGB pictures.
        wanted = make_element("capsfilter", caps=self._gst.Caps.from_string("video/x-raw,format=I420"))
        elements = [
            source,
            make_element("videoconvert"),
            wanted,
            encoder,
            make_element("h264parse"),
            make_element("mp4mux", faststart=False),
            make_element("filesink", location=str(self._part.absolute())),
        ]
        self._pipeline = self._gst.Pipeline.new(None)
        self._source = source
        for element in elements:
            self._pipeline.add(element)
        for upstream, downstream in pairwise(elements):
            upstream.link(downstream)
        self._pipeline.set_state(self._gst.State.PLAYING)

    def _push(self, image: NDArray[np.uint8], time_seconds: float) -> None:
        height, width, channels = image.shape
        even = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        rows = even.reshape(even.shape[0], even.shape[1] * channels)
        padded = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4)))
        buffer = self._gst.Buffer.new_wrapped(padded.tobytes())
        buffer.pts = round(time_seconds * self._gst.SECOND)
        step = 1.0 / _DEFAULT_RATE if self._last_seconds is None else time_seconds - self._last_seconds
        buffer.duration = round(step * self._gst.SECOND)
        self._wait_for_room()
        flow = self._source.push_buffer(buffer)
        self._check()
        if flow != self._gst.FlowReturn.OK:
            raise VideoError(f"{self._path} cannot be written: the encoder took no more pictures")

    def _wait_for_room(self) -> None:
        """Wait until the encoder has taken a picture.

        A blocking appsrc would wait indefinitely where the pipeline failed after its bus was last read: nothing takes
        pictures out of it any more.
        """
        for _ in range(round(_FINISH_SECONDS / _LOOK_SECONDS)):
            if self._source.get_property("current-level-bytes") < self._source.get_property("max-bytes"):
                return
            message = self._pipeline.get_bus().timed_pop_filtered(
                round(_LOOK_SECONDS * self._gst.SECOND), self._gst.MessageType.ERROR
            )
            if message is not None:
                self._raise(message)
        raise VideoError(f"{self._path} cannot be written: nothing was encoded within {_FINISH_SECONDS:g} s")

    def _check(self) -> None:
        message = self._pipeline.get_bus().pop_filtered(self._gst.MessageType.ERROR)
        if message is not None:
            self._raise(message)

    def _wait_for_end(self) -> None:
        kinds = self._gst.MessageType.ERROR | self._gst.MessageType.EOS
        message = self._pipeline.get_bus().timed_pop_filtered(int(_FINISH_SECONDS * self._gst.SECOND), kinds)
        if message is None:
            raise VideoError(f"{self._path} was not completed within {_FINISH_SECONDS:g} s")
        if message.type == self._gst.MessageType.ERROR:
            self._raise(message)

    def _raise(self, message: Any) -> None:  # noqa: ANN401 - from gi
        error, _ = message.parse_error()
        full = error.matches(self._gst.ResourceError.quark(), self._gst.ResourceError.NO_SPACE_LEFT)
        reason = "the disk is full" if full else str(error.message).splitlines()[0].rstrip(".")
        raise VideoError(f"{self._path} cannot be written: {reason}")

    def _stop(self) -> None:
        pipeline, self._pipeline, self._source = self._pipeline, None, None
        if pipeline is not None:
            pipeline.set_state(self._gst.State.NULL)
