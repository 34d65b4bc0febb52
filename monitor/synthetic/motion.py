"""What a resting infant does all the time: breathe, sway, blink, open and close the eyes, move the mouth a little."""

from dataclasses import dataclass

import numpy as np

from monitor.synthetic.expression import Expression

__all__ = ["Restlessness", "Sway"]

_BLINK_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Sway:
    """Displacement of the head, in inter-ocular distances and degrees."""

    x: float
    y: float
    roll_deg: float


class Restlessness:
    """Movements at rest, as functions of time alone.

    Args:
        seed: The same seed gives the same movements.
        asleep_share: Share of the time with the eyes closed.
    """

    def __init__(self, seed: int, asleep_share: float = 0.4) -> None:
        rng = np.random.default_rng([seed, 41])
        self._phases = rng.uniform(0.0, 2.0 * np.pi, 12)
        self._periods = rng.uniform(0.8, 1.25, 12)
        self._asleep_share = asleep_share
        self._drowsy = float(rng.uniform(0.0, 0.3))
        self._breath_seconds = float(rng.uniform(1.0, 1.5))

    def _wave(self, index: int, period_seconds: float, time_seconds: float) -> float:
        """Return a slow wave in [-1, 1]."""
        turn = 2.0 * np.pi * time_seconds / (period_seconds * self._periods[index])
        return float(np.sin(turn + self._phases[index]))

    def expression(self, time_seconds: float) -> Expression:
        """Return the face at rest at a time."""
        # Two incommensurate waves keep the eyes open and closed for several seconds at a time.
        sleep = 0.6 * self._wave(0, 31.0, time_seconds) + 0.4 * self._wave(1, 13.0, time_seconds)
        limit = float(np.cos(np.pi * self._asleep_share))
        closed = float(np.clip((sleep - limit) * 6.0 + 0.5, 0.0, 1.0))
        since_blink = (time_seconds + 3.0 * self._phases[2]) % (3.2 * self._periods[2])
        blink = max(0.0, 1.0 - abs(since_blink - _BLINK_SECONDS / 2) / (_BLINK_SECONDS / 2))
        stir = max(0.0, self._wave(3, 17.0, time_seconds) - 0.6) / 0.4
        return Expression(
            brow_bulge=0.06 * stir,
            open_lips=0.05 + 0.05 * self._wave(4, 5.0, time_seconds) * stir,
            lip_purse=0.25 * stir * max(0.0, self._wave(5, 1.1, time_seconds)),
            eyes_closed=max(closed, blink, self._drowsy),
        )

    def sway(self, time_seconds: float, unrest: float) -> Sway:
        """Return the displacement of the head; `unrest` in [0, 1] makes it larger and faster."""
        slow = np.array([self._wave(index, period, time_seconds) for index, period in ((6, 7.0), (7, 9.0), (8, 11.0))])
        fast = np.array([self._wave(index, period, time_seconds) for index, period in ((9, 1.3), (10, 1.7), (11, 1.9))])
        mixed = 0.35 * slow + unrest * fast
        breath = 0.008 * float(np.sin(2.0 * np.pi * time_seconds / self._breath_seconds))
        return Sway(0.05 * float(mixed[0]), 0.04 * float(mixed[1]) + breath, 3.0 * float(mixed[2]))
