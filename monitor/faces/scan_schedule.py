"""When and in which turn a picture is scanned for faces, and which answers were already rejected."""

from collections import deque

from monitor.faces.geometry import OrientedBox, normalise_deg

__all__ = ["RejectedRegions", "RotationCycle", "ScanSchedule"]

# A quarter turn away a face of 64 px is hardly found, an eighth away most are: eight turns cover the circle.
_SEARCH_OFFSETS_DEG = (0.0, 90.0, -90.0, 180.0, 45.0, -45.0, 135.0, -135.0)
_MAXIMUM_REGIONS = 32
# Where every frame scans the whole picture, one scan in another turn every few seconds finds faces that lie otherwise.
_BESIDE_SECONDS = 5.0
_BESIDE_OFFSETS_DEG = (180.0, 90.0, -90.0)
# With track-guided detection the whole picture is scanned only then: more often, every other time as the patient lies.
_LARGE_SECONDS = 2.5
_LARGE_OFFSETS_DEG = (0.0, 180.0, 0.0, 90.0, 0.0, -90.0)
# A small scan costs a quarter, so there are twice as many, in eight turns instead of four: small faces are found only
# where they are nearly upright. All turns are done in 12.5 s instead of 15 s, the patient's every 3.75 s or 5 s.
_SMALL_SECONDS = 1.25
_SMALL_OFFSETS_DEG = (0.0, 180.0, 90.0, 0.0, -90.0, 45.0, 0.0, 135.0, -45.0, -135.0)
# The same picture gets the same answer: where nothing has changed beside the patient's face since a whole round of
# small scans, only what a scan may have missed by chance is left to find.
_UNCHANGED_SECONDS = 5.0
# A slow machine's frames are so far apart that each would have a scan due, which costs more than all else about it: the
# frames would come more seldom still. At 5 frames/s a scan takes every seventh.
_LEAST_FRAMES = 3


class RotationCycle:
    """Goes round the circle, likely turns first.

    Args:
        offsets_deg: The turns, relative to where the cycle starts.
    """

    def __init__(self, offsets_deg: tuple[float, ...] = _SEARCH_OFFSETS_DEG) -> None:
        self._offsets_deg = offsets_deg
        self._index = 0

    def __len__(self) -> int:
        """Return how many turns make one round."""
        return len(self._offsets_deg)

    def restart(self) -> None:
        """Begin with the likeliest turn."""
        self._index = 0

    def next_deg(self, base_deg: float) -> float:
        """Return the next turn, relative to `base_deg`, in (-180, 180]."""
        offset = self._offsets_deg[self._index]
        self._index = (self._index + 1) % len(self._offsets_deg)
        return normalise_deg(base_deg + offset)


class RejectedRegions:
    """Where something resembled a face and could not be verified as one; it is left alone for a while.

    Args:
        retry_seconds: How long.
    """

    def __init__(self, retry_seconds: float) -> None:
        self._retry_seconds = retry_seconds
        self._regions: deque[tuple[float, OrientedBox]] = deque(maxlen=_MAXIMUM_REGIONS)

    def add(self, box: OrientedBox, now_seconds: float) -> None:
        """Remember a region; the oldest one gives way when there are too many."""
        self._regions.append((now_seconds, box))

    def holds(self, box: OrientedBox, now_seconds: float) -> bool:
        """Return whether a box lies in a region that was rejected not long ago."""
        while self._regions and now_seconds - self._regions[0][0] >= self._retry_seconds:
            self._regions.popleft()
        return any(box.distance_px(region) <= 0.5 * max(box.size_px, region.size_px) for _, region in self._regions)


class ScanSchedule:
    """Decides when to scan the whole picture again, and in which turn.

    Args:
        guided: Whether the detection passes between go to the patient's face only.
        phase: In [0, 1): the second scan comes sooner by this share of the time between two, so that beds that began
            at the same moment do not scan at the same moments.
    """

    def __init__(self, *, guided: bool, phase: float = 0.0) -> None:
        self._seconds = _LARGE_SECONDS if guided else _BESIDE_SECONDS
        self._large = RotationCycle(_LARGE_OFFSETS_DEG if guided else _BESIDE_OFFSETS_DEG)
        self._small = RotationCycle(_SMALL_OFFSETS_DEG)
        self._phase = phase
        self._scanned_seconds: float | None = None
        self._frames = 0
        self._scans_of_scene = 0

    def next_deg(self, now_seconds: float, base_deg: float, *, small: bool, changed: bool) -> float | None:
        """Return in which turn to scan now; None where no scan is due. Ask once in every frame that shows the patient.

        Args:
            now_seconds: Time of the frame.
            base_deg: The patient's orientation.
            small: Whether the scan would be a small one.
            changed: Whether something beside the patient's face is not as it was in the frame before.
        """
        if changed or not small:
            if self._scans_of_scene >= len(self._small):
                self._small.restart()
            self._scans_of_scene = 0
        period_seconds = self._seconds
        if small:
            period_seconds = self._small_period_seconds()
        self._frames += 1
        early_seconds = 0.0
        if self._scanned_seconds is None:
            early_seconds = self._phase * period_seconds
        elif now_seconds - self._scanned_seconds < period_seconds or self._frames < _LEAST_FRAMES:
            return None
        self._frames = 0
        self._scans_of_scene += 1
        self._scanned_seconds = now_seconds - early_seconds
        return (self._small if small else self._large).next_deg(base_deg)

    def _small_period_seconds(self) -> float:
        """Return the time to the next small scan; the longer times of beds that began together begin apart."""
        longer = self._scans_of_scene - len(self._small)
        if longer < 0:
            return _SMALL_SECONDS
        share = self._phase if longer == 0 else 1.0
        return _SMALL_SECONDS + share * (_UNCHANGED_SECONDS - _SMALL_SECONDS)
