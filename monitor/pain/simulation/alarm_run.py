"""What the alarm logic makes of simulated infants: sensitivity, latency and false alarms, as the literature counts."""

import itertools
import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from monitor.config import AlarmSettings
from monitor.pain.bed_alarms import BedAlarms
from monitor.pain.simulation.infants import SimulatedInfant
from monitor.pain.vocabulary import Code, Sample, Visibility

__all__ = ["AlarmRun", "run_alarms"]

_GRACE_SECONDS = 5.0
"""An alarm up to so long after an episode's end still found it."""


@dataclass(frozen=True, slots=True)
class AlarmRun:
    """Result over all infants.

    Attributes:
        hours: Watched.
        episodes: Of pain.
        found: Episodes during which, or up to 5 s after which, the alarm was on.
        median_latency_seconds: From the episode's onset to the declaration, over episodes in which an alarm began;
            NaN when there is none.
        false_alarms: Alarms declared outside every episode and its 5 s of grace.
        seconds_on_without_pain: Time outside episodes with the alarm on.
        seconds_without_pain: Time outside episodes.
    """

    hours: float
    episodes: int
    found: int
    median_latency_seconds: float
    false_alarms: int
    seconds_on_without_pain: float
    seconds_without_pain: float

    @property
    def sensitivity(self) -> float:
        """Share of episodes that were found."""
        return self.found / self.episodes if self.episodes else math.nan

    @property
    def false_alarms_per_hour(self) -> float:
        """False alarms per hour watched."""
        return self.false_alarms / self.hours


def run_alarms(infants: Iterable[SimulatedInfant], settings: AlarmSettings) -> AlarmRun:
    """Run the alarm logic itself over simulated infants and count."""
    hours = on_without_pain = without_pain = 0.0
    episodes = found = false_alarms = 0
    latencies: list[float] = []
    for infant in infants:
        alarms = _alarms(infant, settings)
        length = float(infant.times[-1])
        hours += length / 3600.0
        episodes += len(infant.episodes)
        for begin, end in infant.episodes:
            found += any(on <= end + _GRACE_SECONDS and off >= begin for on, off in alarms)
            latencies += [on - begin for on, _ in alarms if begin <= on <= end + _GRACE_SECONDS][:1]
        false_alarms += sum(
            not any(begin <= on <= end + _GRACE_SECONDS for begin, end in infant.episodes) for on, _ in alarms
        )
        pain = sum(end - begin for begin, end in infant.episodes)
        without_pain += length - pain
        on_without_pain += sum(off - on for on, off in alarms) - sum(
            max(0.0, min(off, end) - max(on, begin)) for on, off in alarms for begin, end in infant.episodes
        )
    latency = statistics.median(latencies) if latencies else math.nan
    return AlarmRun(hours, episodes, found, latency, false_alarms, on_without_pain, without_pain)


def _alarms(infant: SimulatedInfant, settings: AlarmSettings) -> list[tuple[float, float]]:
    """Return (declared, over) of every spell of pain_sign, a return within an episode counted by itself."""
    numbers = itertools.count()
    bed = BedAlarms(settings, lambda: f"alarm-{next(numbers)}")
    spells: list[tuple[float, float]] = []
    declared: float | None = None
    for time, score in zip(infant.times.tolist(), infant.scores.tolist(), strict=True):
        sample = Sample(time, None, Visibility.NO_FACE) if math.isnan(score) else Sample(time, score, Visibility.USABLE)
        for transition in bed.observe(sample).transitions:
            if transition.code is not Code.PAIN_SIGN:
                continue
            if transition.condition_present and declared is None:
                declared = transition.determined_seconds
            elif not transition.condition_present and declared is not None:
                spells.append((declared, transition.determined_seconds))
                declared = None
    if declared is not None:
        spells.append((declared, float(infant.times[-1])))
    return spells
