"""When and from where the whole picture is looked at while a patient is followed: other faces must be noticed, too."""

from monitor.faces.search import TurnCycle

__all__ = ["Scout"]

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


class Scout:
    """Tells when to look at the whole picture again, and from which side.

    Args:
        guided: Whether the looks between go to the patient's face only.
        phase: In [0, 1): the second look comes sooner by this share of the time between two, so that beds that began
            at the same moment do not scout at the same moments.
    """

    def __init__(self, *, guided: bool, phase: float = 0.0) -> None:
        self._seconds = _LARGE_SECONDS if guided else _BESIDE_SECONDS
        self._large = TurnCycle(_LARGE_OFFSETS_DEG if guided else _BESIDE_OFFSETS_DEG)
        self._small = TurnCycle(_SMALL_OFFSETS_DEG)
        self._phase = phase
        self._scouted_seconds: float | None = None

    def next_deg(self, now_seconds: float, base_deg: float, *, small: bool) -> float | None:
        """Return from which side to look now; None where no look is due.

        Args:
            now_seconds: Time of the frame.
            base_deg: The patient's orientation.
            small: Whether the look would be a small one.
        """
        period_seconds = _SMALL_SECONDS if small else self._seconds
        early_seconds = 0.0
        if self._scouted_seconds is None:
            early_seconds = self._phase * period_seconds
        elif now_seconds - self._scouted_seconds < period_seconds:
            return None
        self._scouted_seconds = now_seconds - early_seconds
        return (self._small if small else self._large).next_deg(base_deg)
