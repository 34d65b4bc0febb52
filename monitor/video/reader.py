"""Video files for a replay: every due picture, in order, the same each time, as fast as the machine decodes."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from monitor.clock import SystemClock
from monitor.errors import VideoError
from monitor.video.address import SourceAddress, SourceKind
from monitor.video.containers import Completeness, check_completeness
from monitor.video.decoding import ChainSettings
from monitor.video.faults import SourceEndedError
from monitor.video.file_probe import FileProbe
from monitor.video.frame import Frame
from monitor.video.pipeline import MediaPipeline
from monitor.video.planar_picture import Picture
from monitor.video.probe import FrameTiming
from monitor.video.sampling import Sampler
from monitor.video.sources import add_file_source

__all__ = ["VideoReader", "open_video"]

_PULL_SECONDS = 0.05
_SILENCE_SECONDS = 30.0
_OPENING_SECONDS = 10.0
_CLOSE_SECONDS = 5.0
_TOLERATED_MISSING_SECONDS = 1.0


def open_video(path: Path | str, frames_per_second: float | None = None) -> "VideoReader":
    """Open a video file and decode its first picture.

    Args:
        path: A file: MP4, Matroska, WebM, AVI, MPEG-TS, raw H.264 or MJPEG.
        frames_per_second: Pictures to deliver per second of media time, evenly spread; None delivers every picture.

    Raises:
        VideoError: The file is missing, unreadable, a directory, empty, no video, incomplete without its index, or
            holds no picture that can be decoded.
    """
    return VideoReader(Path(path), frames_per_second)


class VideoReader:
    """Iterates over the frames of a file once; close it, or use it as a context manager.

    A frame's `time_seconds` is media time: 0 at the first picture, growing from frame to frame.
    """

    def __init__(self, path: Path, frames_per_second: float | None) -> None:
        self.path = path
        self._probe = FileProbe(SystemClock(), Sampler(frames_per_second))
        absolute = str(path.expanduser().absolute())
        address = SourceAddress(SourceKind.FILE, absolute, str(path))
        self._media = MediaPipeline(address, self._probe, ChainSettings(live=False, parse=False, decoder_threads=0))
        self._closed = False
        try:
            add_file_source(self._media, address)
            self._opened = path.stat()
            self._completeness = _completeness(path)
            self._first = self._begin()
        except BaseException:
            self.close()
            raise
        if self._first is None:
            seen = ", ".join(sorted(set(self._media.other_streams)))
            self.close()
            if self._media.codec is None:
                raise VideoError(f"{path} holds no video" + (f", only {seen}" if seen else ""))
            raise VideoError(f"{path} holds no picture that can be decoded")
        image = self._first[0]
        self.size_px: tuple[int, int] = (image.shape[1], image.shape[0])
        self.duration_seconds = self._media.duration_seconds()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        """Deliver the frames.

        Raises:
            VideoError: After the last frame of a truncated or damaged file, naming where it ends; or the file cannot be
                read on.
        """
        pulled, self._first = self._first, None
        while pulled is not None:
            image, timing = pulled
            pts_seconds = None if timing.pts_ns is None else timing.pts_ns / 1e9
            yield Frame(image, timing.arrival_seconds, pts_seconds, timing.index)
            pulled = None if self._closed else self._next()
        if not self._closed and (missing_bytes := self._completeness.missing_bytes or self._lost_bytes()):
            raise VideoError(
                f"{self.path} is truncated at {self._probe.end_seconds:.1f} s: {missing_bytes} bytes are missing"
            )
        if not self._closed and (missing_seconds := self._missing_seconds()):
            end_seconds = self._probe.end_seconds
            raise VideoError(
                f"{self.path} is damaged at {end_seconds:.1f} s: its last {missing_seconds:.1f} s cannot be read"
            )

    @property
    def frames_per_second(self) -> float | None:
        """The rate that the file announces; None where it announces none."""
        return self._probe.nominal_rate

    @property
    def codec(self) -> str | None:
        """Name of the codec."""
        return self._media.codec

    def close(self) -> None:
        """Stop decoding and free everything; may be called twice."""
        if not self._closed:
            self._closed = True
            self._media.close(_CLOSE_SECONDS)

    def _lost_bytes(self) -> int:
        """Return how many bytes the file has lost since it was opened: its new end is not that of the recording."""
        try:
            now = self.path.stat()
        except OSError:
            return 0  # Removed or replaced: what was opened is still whole.
        is_same = (now.st_dev, now.st_ino) == (self._opened.st_dev, self._opened.st_ino)
        return max(0, self._opened.st_size - now.st_size) if is_same else 0

    def _missing_seconds(self) -> float:
        """Return by how much an MP4 file in fragments ended before the end that it declares."""
        if self.duration_seconds is None or not self._completeness.is_fragmented or self._media.other_streams:
            return 0.0  # What is declared is not, or is that of the sound.
        missing_seconds = self.duration_seconds - self._probe.end_seconds
        # The last picture may stand as long as another did.
        tolerated_seconds = max(_TOLERATED_MISSING_SECONDS, 2.0 * self._probe.longest_interval_seconds)
        return missing_seconds if missing_seconds > tolerated_seconds else 0.0

    def _begin(self) -> tuple[Picture, FrameTiming] | None:
        """Start and return the first chosen picture; None where there is none."""
        try:
            self._media.play()
        except SourceEndedError:  # Before it was first checked: its end waits for pictures, so it had none.
            return None
        return self._next()

    def _next(self) -> tuple[Picture, FrameTiming] | None:
        """Return the next chosen picture; None at the end."""
        progress_seconds, pictures = time.monotonic(), self._probe.pictures
        while time.monotonic() - progress_seconds < (_SILENCE_SECONDS if self._media.codec else _OPENING_SECONDS):
            pulled = self._media.pull(_PULL_SECONDS)
            if pulled is not None:
                return pulled
            try:
                self._media.check()
            except SourceEndedError:
                return None
            # A sparse choice of a long video takes long without being silent.
            if pictures != self._probe.pictures:
                progress_seconds, pictures = time.monotonic(), self._probe.pictures
        if self._media.codec is None:
            raise VideoError(f"{self.path} is not a complete video, or a damaged one")
        raise VideoError(f"{self.path} cannot be read on: nothing came for {_SILENCE_SECONDS:g} s")


def _completeness(path: Path) -> Completeness:
    completeness = check_completeness(path)
    if not completeness.has_index:
        raise VideoError(f"{path} is not complete: its index is missing, so the recording was never finished")
    return completeness
