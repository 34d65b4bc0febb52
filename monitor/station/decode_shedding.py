"""Which cameras decode key frames only because the whole machine is late, and when each may decode all again."""

import math
from collections.abc import Iterable

__all__ = ["DecodeShedding"]

_QUOTA_SECONDS = 1.0
_QUOTA_SHARE = 1 / 8
_RETURN_SECONDS = 3.0
"""A camera that returns waits for its next key frame, and then it takes a while until its load shows."""

_CAMERAS_AT_A_TIME = 8
_FIRST_HOLD_SECONDS, _LONGEST_HOLD_SECONDS = 5.0, 300.0
_RELAPSE_SECONDS = 15.0


class DecodeShedding:
    """Lets few cameras at a time turn to key frames, and fewer return.

    Cameras that all shed and all return at the same moment swing between an idle machine and one that is hopelessly
    late. So an eighth of them may shed within a second, all of them only where the station is far behind, and they
    return one after the other. Where a return was too much, the next one waits twice as long. Not thread-safe.
    """

    def __init__(self) -> None:
        self._cameras: set[str] = set()
        self._hold_seconds = _FIRST_HOLD_SECONDS
        self._shed_seconds = float("-inf")
        self._returned_seconds = float("-inf")
        self._quota_began_seconds = float("-inf")
        self._granted = 0

    @property
    def cameras(self) -> frozenset[str]:
        """Those that shed and have not returned."""
        return frozenset(self._cameras)

    def keep(self, camera_ids: Iterable[str]) -> None:
        """Forget all cameras but these."""
        self._cameras.intersection_update(camera_ids)

    @property
    def shed_seconds(self) -> float:
        """When the last camera turned to key frames."""
        return self._shed_seconds

    def is_trying(self, now_seconds: float) -> bool:
        """Return whether cameras are waiting to return whose time has come."""
        return bool(self._cameras) and now_seconds - self._shed_seconds >= self._hold_seconds

    @property
    def has_relapsed(self) -> bool:
        """Whether the last return was too much."""
        return self._hold_seconds > _FIRST_HOLD_SECONDS

    def shed(self, camera_id: str, now_seconds: float, cameras: int, *, takes_all: bool = False) -> bool:
        """Return whether a camera may turn to key frames now, and note it if so.

        Args:
            camera_id: The camera.
            now_seconds: Monotonic time.
            cameras: How many the station has.
            takes_all: Whether there is no time to let a few go and wait for what it brings.
        """
        if now_seconds - self._quota_began_seconds >= _QUOTA_SECONDS:
            self._quota_began_seconds, self._granted = now_seconds, 0
        if not takes_all and self._granted >= math.ceil(cameras * _QUOTA_SHARE):
            return False
        if now_seconds - self._returned_seconds < _RELAPSE_SECONDS:
            self._hold_seconds = min(2.0 * self._hold_seconds, _LONGEST_HOLD_SECONDS)
            # Those that shed with it are the same relapse.
            self._returned_seconds = float("-inf")
        elif not self._cameras:
            self._hold_seconds = _FIRST_HOLD_SECONDS
        self._granted += 1
        self._shed_seconds = now_seconds
        self._cameras.add(camera_id)
        return True

    def give_back(self, camera_id: str, now_seconds: float, cameras: int, *, is_idle: bool = False) -> bool:
        """Return whether a camera may decode every picture again now, and note it if so.

        Args:
            camera_id: The camera.
            now_seconds: Monotonic time.
            cameras: How many the station has.
            is_idle: Whether there is so much time left that twice as many may return.
        """
        gap_seconds = _RETURN_SECONDS / max(1.0, cameras / _CAMERAS_AT_A_TIME) * (0.5 if is_idle else 1.0)
        if not self.is_trying(now_seconds) or now_seconds - self._returned_seconds < gap_seconds:
            return False
        self._returned_seconds = now_seconds
        self._cameras.discard(camera_id)
        return True
