"""Media time for replayed files: which pictures are due, by the stream's own time stamps."""

from monitor.clock import Clock
from monitor.video.probe import FrameTiming, PipelineProbe
from monitor.video.sampling import Sampler
from monitor.video.status import DropCause

__all__ = ["FileProbe"]

_DEFAULT_RATE = 25.0


class FileProbe(PipelineProbe):
    """Chooses pictures by media time, which begins at 0 and always grows, whatever the time stamps do.

    A picture without a time stamp, or with one that stands still or goes back, follows its predecessor after the
    stream's nominal interval (1/25 s where it announces none); later stamps go on from there.

    Args:
        clock: Monotonic time, for measurements only.
        sampler: Chooses the pictures that are handed on.
    """

    def __init__(self, clock: Clock, sampler: Sampler) -> None:
        super().__init__(clock, sampler)
        self._offset_ns: int | None = None
        self._newest_ns: int | None = None
        self._longest_interval_ns = 0

    def encoded(self, pts_ns: int | None, *, keyframe: bool) -> bool:
        """Let everything pass that is not refused: a replay leaves nothing out."""
        del pts_ns, keyframe
        self.data_seconds = self._clock.monotonic()
        return self.refused_size_px is None

    def leave_out(self, pts_ns: int | None) -> bool:
        """Leave nothing out: what a replay chooses goes by the time stamps of all pictures."""
        del pts_ns
        return False

    def is_damaged(self, pts_ns: int | None, *, marked: bool, concealed_macroblocks: int) -> bool:
        """Go by the decoder's mark alone: with several threads, its log does not name the picture."""
        del pts_ns, concealed_macroblocks
        return marked

    def decoded(self, pts_ns: int | None, *, corrupt: bool) -> int | None:
        """See `PipelineProbe.decoded`; the arrival time is the media time."""
        with self._lock:
            index, self.pictures = self.pictures, self.pictures + 1
            self._check_pts(pts_ns)
            media_ns = self._media_ns(pts_ns)
            if self._newest_ns is not None:
                self._longest_interval_ns = max(self._longest_interval_ns, media_ns - self._newest_ns)
            self._newest_ns = media_ns
            if corrupt:
                self.drops[DropCause.CORRUPT] += 1
                return None
            if not self._sampler.due(media_ns / 1e9):
                self.drops[DropCause.SAMPLING] += 1
                return None
            return self._register(FrameTiming(media_ns / 1e9, pts_ns, index))

    @property
    def end_seconds(self) -> float:
        """Where the last decoded picture ends, in media time."""
        return 0.0 if self._newest_ns is None else (self._newest_ns + self._interval_ns()) / 1e9

    @property
    def longest_interval_seconds(self) -> float:
        """Longest time between two pictures, in media time; 0 before the second."""
        return self._longest_interval_ns / 1e9

    def _interval_ns(self) -> int:
        return int(1e9 / (self.nominal_rate or _DEFAULT_RATE))

    def _media_ns(self, pts_ns: int | None) -> int:
        expected_ns = 0 if self._newest_ns is None else self._newest_ns + self._interval_ns()
        if pts_ns is None:
            return expected_ns
        if self._offset_ns is None:
            self._offset_ns = expected_ns - pts_ns
        media_ns = pts_ns + self._offset_ns
        if self._newest_ns is not None and media_ns <= self._newest_ns:
            self._offset_ns = expected_ns - pts_ns
            return expected_ns
        return media_ns
