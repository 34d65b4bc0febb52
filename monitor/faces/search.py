"""From which side to look next, and which answers were already looked into."""

from collections import deque

from monitor.faces.geometry import OrientedBox, normalise_deg

__all__ = ["RejectedPlaces", "TurnCycle"]

# A quarter turn away a face of 64 px is hardly found, an eighth away most are: eight turns cover the circle.
_SEARCH_OFFSETS_DEG = (0.0, 90.0, -90.0, 180.0, 45.0, -45.0, 135.0, -135.0)
_MAXIMUM_PLACES = 32


class TurnCycle:
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


class RejectedPlaces:
    """Where something looked like a face and could not be proven to be one; it is left alone for a while.

    Args:
        retry_seconds: How long.
    """

    def __init__(self, retry_seconds: float) -> None:
        self._retry_seconds = retry_seconds
        self._places: deque[tuple[float, OrientedBox]] = deque(maxlen=_MAXIMUM_PLACES)

    def add(self, box: OrientedBox, now_seconds: float) -> None:
        """Remember a place; the oldest one gives way when there are too many."""
        self._places.append((now_seconds, box))

    def holds(self, box: OrientedBox, now_seconds: float) -> bool:
        """Tell whether a box lies at a place that was rejected not long ago."""
        while self._places and now_seconds - self._places[0][0] >= self._retry_seconds:
            self._places.popleft()
        return any(box.distance_px(place) <= 0.5 * max(box.size_px, place.size_px) for _, place in self._places)
