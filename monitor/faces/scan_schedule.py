"""When and from which side a picture is scanned for faces, and which answers were already rejected."""

from collections import deque

from monitor.faces.geometry import OrientedBox, normalise_deg

__all__ = ["RejectedRegions", "RotationCycle", "ScanSchedule"]

# A quarter turn away a face of 64 px is hardly found, an eighth away most are: eight turns cover the circle.
_SEARCH_OFFSETS_DEG = (0.0, 90.0, -90.0, 180.0, 45.0, -45.0, 135.0, -135.0)
_MAXIMUM_REGIONS = 32
# Where every frame looks at the whole picture, one from another side every few seconds finds who lies otherwise.
_BESIDE_SECONDS = 5.0
_BESIDE_OFFSETS_DEG = (180.0, 90.0, -90.0)
# With track-guided looks the whole picture is seen only then, so more often, and every other time as the patient lies.
_LARGE_SECONDS = 2.5
_LARGE_OFFSETS_DEG = (0.0, 180.0, 0.0, 90.0, 0.0, -90.0)
# A small look costs a quarter, so there are twice as many, from eight sides instead of four: small faces are found
# only where they are nearly upright. All sides are seen in 12.5 s instead of 15 s, the patient's every 3.75 s or 5 s.
_SMALL_SECONDS = 1.25
_SMALL_OFFSETS_DEG = (0.0, 180.0, 90.0, 0.0, -90.0, 45.0, 0.0, 135.0, -45.0, -135.0)


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
    """Where something looked like a face and could not be proven to be one; it is left alone for a while.

    Args:
        retry_seconds: How long.
    """

    def __init__(self, retry_seconds: float) -> None:
        self._retry_seconds = retry_seconds
        self._regions: deque[tuple[float, OrientedBox]] = deque(maxlen=_MAXIMUM_REGIONS)

    def add(self, box: OrientedBox, now_seconds: float) -> None:
        """Remember a place; the oldest one gives way when there are too many."""
        self._regions.append((now_seconds, box))

    def holds(self, box: OrientedBox, now_seconds: float) -> bool:
        """Tell whether a box lies at a place that was rejected not long ago."""
        while self._regions and now_seconds - self._regions[0][0] >= self._retry_seconds:
            self._regions.popleft()
        return any(box.distance_px(region) <= 0.5 * max(box.size_px, region.size_px) for _, region in self._regions)


class ScanSchedule:
    """Tells when to look at the whole picture again, and from which side.

    Args:
        guided: Whether the looks between go to the patient's face only.
        phase: In [0, 1): the second look comes sooner by this share of the time between two, so that beds that began
            at the same moment do not scout at the same moments.
    """

    def __init__(self, *, guided: bool, phase: float = 0.0) -> None:
        self._seconds = _LARGE_SECONDS if guided else _BESIDE_SECONDS
        self._large = RotationCycle(_LARGE_OFFSETS_DEG if guided else _BESIDE_OFFSETS_DEG)
        self._small = RotationCycle(_SMALL_OFFSETS_DEG)
        self._phase = phase
        self._scanned_seconds: float | None = None

    def next_deg(self, now_seconds: float, base_deg: float, *, small: bool) -> float | None:
        """Return from which side to look now; None where no look is due.

        Args:
            now_seconds: Time of the frame.
            base_deg: The patient's orientation.
            small: Whether the look would be a small one.
        """
        period_seconds = _SMALL_SECONDS if small else self._seconds
        early_seconds = 0.0
        if self._scanned_seconds is None:
            early_seconds = self._phase * period_seconds
        elif now_seconds - self._scanned_seconds < period_seconds:
            return None
        self._scanned_seconds = now_seconds - early_seconds
        return (self._small if small else self._large).next_deg(base_deg)
