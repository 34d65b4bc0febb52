"""When something happens to the infant: episodes in time, sampled from a seed and a scenario.

An episode rises within about a second, holds with bursts, and decays exponentially. Episodes are sampled one after the
other from one generator, so that the answer for a time does not depend on which times were asked for before.
"""

from dataclasses import dataclass
from itertools import cycle

import numpy as np

from monitor.synthetic.expression import Expression, State, sample_expression

__all__ = ["SCENARIO_EPISODES", "Episode", "EpisodePlan", "Episodes"]

_BURST_SECONDS = 3.5
_GONE = 0.02


@dataclass(frozen=True, slots=True)
class EpisodePlan:
    """How episodes follow one another.

    Attributes:
        states: What happens, in turn.
        first_seconds: Range of the first onset.
        hold_seconds: Range of the plateau.
        rest_seconds: Range from the end of a plateau to the next onset.
        decay_seconds: Range of the decay's time constant.
        respond_share: Share of the episodes that show in the face at all.
    """

    states: tuple[State, ...]
    first_seconds: tuple[float, float] = (7.0, 9.0)
    hold_seconds: tuple[float, float] = (18.0, 22.0)
    rest_seconds: tuple[float, float] = (34.0, 42.0)
    decay_seconds: tuple[float, float] = (1.2, 2.0)
    respond_share: float = 1.0


SCENARIO_EPISODES: dict[str, EpisodePlan] = {
    "pain": EpisodePlan((State.PAIN,)),
    "cry": EpisodePlan((State.CRY,)),
    "air": EpisodePlan((State.AIR,), rest_seconds=(6.0, 10.0)),
    "friction": EpisodePlan((State.FRICTION,), rest_seconds=(12.0, 18.0)),
    "yawn": EpisodePlan((State.YAWN,), rest_seconds=(14.0, 22.0)),
    "confusers": EpisodePlan(
        (State.YAWN, State.AIR, State.FRICTION, State.CRY, State.SNEEZE),
        first_seconds=(4.0, 6.0),
        rest_seconds=(8.0, 14.0),
    ),
    "mixed": EpisodePlan(
        (State.FRICTION, State.PAIN, State.YAWN, State.AIR, State.CRY, State.PAIN),
        first_seconds=(5.0, 8.0),
        rest_seconds=(20.0, 40.0),
        decay_seconds=(2.0, 6.0),
    ),
    # Heel lances as the literature describes them: late onset, slow decay, and more than a third without a face.
    "procedures": EpisodePlan(
        (State.PAIN,),
        first_seconds=(11.0, 27.0),
        hold_seconds=(5.0, 30.0),
        rest_seconds=(61.0, 137.0),
        decay_seconds=(5.0, 10.0),
        respond_share=0.64,
    ),
}
# Some things are over soon, whatever the plan is.
_HOLD_SECONDS: dict[State, tuple[float, float]] = {
    State.AIR: (1.0, 2.0),
    State.YAWN: (3.0, 4.5),
    State.SNEEZE: (0.5, 0.9),
    State.FRICTION: (5.0, 9.0),
}
_DECAY_SECONDS: dict[State, tuple[float, float]] = {
    State.AIR: (0.3, 0.6),
    State.YAWN: (0.4, 0.7),
    State.SNEEZE: (0.2, 0.4),
    State.FRICTION: (0.8, 1.5),
}


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode.

    Attributes:
        number: Counts from 1.
        state: What happens.
        onset_seconds: When the face begins to change.
        rise_seconds: Until it is at its height.
        hold_seconds: How long it stays there.
        decay_seconds: Time constant of the decay.
        peaks: The expressions that its bursts go through in turn.
        shows: Whether the face changes at all.
    """

    number: int
    state: State
    onset_seconds: float
    rise_seconds: float
    hold_seconds: float
    decay_seconds: float
    peaks: tuple[Expression, ...]
    shows: bool

    @property
    def plateau_end_seconds(self) -> float:
        """When the decay begins."""
        return self.onset_seconds + self.rise_seconds + self.hold_seconds

    def level(self, time_seconds: float) -> float:
        """Return how far the face is from rest (0) to the height of the episode (1)."""
        since = time_seconds - self.onset_seconds
        if since <= 0.0 or not self.shows:
            return 0.0
        if since < self.rise_seconds:
            share = since / self.rise_seconds
            return float(share * share * (3.0 - 2.0 * share))
        after = max(0.0, time_seconds - self.plateau_end_seconds)
        level = float(np.exp(-after / self.decay_seconds))
        return level if level > _GONE else 0.0

    def peak(self, time_seconds: float) -> Expression:
        """Return the height of the expression at a time; bursts pass smoothly from one to the next."""
        position = max(0.0, time_seconds - self.onset_seconds) / _BURST_SECONDS
        index = int(position)
        share = float(np.clip((position - index - 0.7) / 0.3, 0.0, 1.0))
        now, following = self.peaks[index % len(self.peaks)], self.peaks[(index + 1) % len(self.peaks)]
        return now.towards(following, share * share * (3.0 - 2.0 * share))


class Episodes:
    """All episodes of one bed, made as far as they are asked for.

    Args:
        plan: How they follow one another.
        seed: The same seed gives the same episodes.
    """

    def __init__(self, plan: EpisodePlan, seed: int) -> None:
        self._plan = plan
        self._rng = np.random.default_rng([seed, 31])
        self._states = cycle(plan.states)
        self._known: list[Episode] = []
        self._next_onset = float(self._rng.uniform(*plan.first_seconds))

    def at(self, time_seconds: float) -> Episode | None:
        """Return the last episode that has begun by a time, or None before the first."""
        while self._next_onset <= time_seconds:
            self._grow()
        begun = [episode for episode in self._known if episode.onset_seconds <= time_seconds]
        return begun[-1] if begun else None

    def until(self, time_seconds: float) -> tuple[Episode, ...]:
        """Return every episode that has begun by a time."""
        self.at(time_seconds)
        return tuple(episode for episode in self._known if episode.onset_seconds <= time_seconds)

    def _grow(self) -> None:
        rng, plan = self._rng, self._plan
        state = next(self._states)
        hold = float(rng.uniform(*_HOLD_SECONDS.get(state, plan.hold_seconds)))
        episode = Episode(
            number=len(self._known) + 1,
            state=state,
            onset_seconds=self._next_onset,
            rise_seconds=float(rng.uniform(0.5, 1.5)) if state not in _HOLD_SECONDS else float(rng.uniform(0.3, 0.8)),
            hold_seconds=hold,
            decay_seconds=float(rng.uniform(*_DECAY_SECONDS.get(state, plan.decay_seconds))),
            peaks=tuple(sample_expression(state, rng) for _ in range(4 if state in {State.PAIN, State.CRY} else 1)),
            shows=bool(rng.random() < plan.respond_share),
        )
        self._known.append(episode)
        self._next_onset = episode.plateau_end_seconds + float(rng.uniform(*plan.rest_seconds))
