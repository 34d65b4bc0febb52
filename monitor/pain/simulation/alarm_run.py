"""What the alarm logic makes of simulated infants, counted as `monitor.pain.alarm_counting` says."""

import itertools
import math
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from monitor.config import AlarmSettings
from monitor.pain.alarm_counting import AlarmCount, count_alarms, spells_of_pain
from monitor.pain.bed_alarms import BedAlarms
from monitor.pain.simulation.infants import SimulatedInfant
from monitor.pain.vocabulary import Sample, Transition, Visibility

__all__ = ["AlarmRun", "run_alarms"]


@dataclass(frozen=True, slots=True)
class AlarmRun:
    """Result over all infants.

    Attributes:
        hours: Watched.
        episodes: Of pain.
        found: Of them, by an alarm.
        median_latency_seconds: Median delay of the episodes that have one; NaN when there is none.
        false_alarms: Alarms that belong to no episode.
        seconds_on_without_pain: Calm with the alarm on.
        seconds_without_pain: Calm: outside every episode and its 5 s of grace.
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
        """False alarms per hour of calm; NaN without any."""
        return self.false_alarms * 3600.0 / self.seconds_without_pain if self.seconds_without_pain else math.nan


def run_alarms(infants: Iterable[SimulatedInfant], settings: AlarmSettings) -> AlarmRun:
    """Run the alarm logic itself over simulated infants and count.

    Args:
        infants: Each is dropped before the next is asked for.
        settings: Of the alarms.
    """
    hours = 0.0
    counts: list[AlarmCount] = []
    for infant in infants:
        length = float(infant.times[-1])
        hours += length / 3600.0
        counts.append(count_alarms(infant.episodes, spells_of_pain(_transitions(infant, settings), length), length))
    episodes = [episode for count in counts for episode in count.episodes]
    delays = [episode.delay for episode in episodes if episode.delay is not None]
    return AlarmRun(
        hours=hours,
        episodes=len(episodes),
        found=sum(episode.is_found for episode in episodes),
        median_latency_seconds=statistics.median(delays) if delays else math.nan,
        false_alarms=sum(len(count.false_alarms) for count in counts),
        seconds_on_without_pain=sum(count.alarm_calm_seconds for count in counts),
        seconds_without_pain=sum(count.calm_seconds for count in counts),
    )


def _transitions(infant: SimulatedInfant, settings: AlarmSettings) -> Iterator[Transition]:
    numbers = itertools.count()
    bed = BedAlarms(settings, lambda: f"alarm-{next(numbers)}")
    for time, score in zip(infant.times.tolist(), infant.scores.tolist(), strict=True):
        sample = Sample(time, None, Visibility.NO_FACE) if math.isnan(score) else Sample(time, score, Visibility.USABLE)
        yield from bed.observe(sample).transitions
