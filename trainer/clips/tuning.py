"""Alarm settings for few and short false alarms, chosen on other infants than those they are tested on."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.config import AlarmSettings
from trainer.clips.counting import Watched
from trainer.clips.limits import MOST_ALARM_TIME
from trainer.errors import DataError

__all__ = ["TunedAlarms", "candidates", "tune_alarms"]

_HOUR = 3600.0
_GROUPS = 5

Count = Callable[[AlarmSettings], Sequence[Watched]]


@dataclass(frozen=True, slots=True)
class TunedAlarms:
    """Chosen settings and what supports them.

    Attributes:
        settings: Chosen on all infants.
        held_out: Each video at the settings that were chosen without its infant.
        choices: What was chosen for each group of infants, as plain values.
        is_within_limit: Whether the choice on all infants keeps both limits there.
    """

    settings: AlarmSettings
    held_out: tuple[Watched, ...]
    choices: tuple[dict[str, Any], ...]
    is_within_limit: bool


def candidates(base: AlarmSettings) -> list[AlarmSettings]:
    """Return the settings that are tried: time constant, threshold, hold and clear, all else as it is."""
    found = []
    for tau, on, hold, clear in itertools.product((3.0, 5.0, 8.0), (0.5, 0.6, 0.7, 0.8), (1.0, 3.0, 5.0), (5.0, 10.0)):
        changes = {"level_tau_seconds": tau, "on_level": on, "off_level": round(on - 0.2, 2)}
        found.append(base.model_copy(update=changes | {"hold_seconds": hold, "clear_seconds": clear}))
    return found


def tune_alarms(
    count: Count,
    settings: Sequence[AlarmSettings],
    most_per_hour: float,
    most_alarm_time: float = MOST_ALARM_TIME,
) -> TunedAlarms:
    """Choose the most sensitive settings with at most so many false alarms an hour, nested over infants.

    The rate alone would choose an alarm that never ends: that is one alarm at most. So the time without pain that is
    spent in alarm is bounded, too.

    The infants are divided into 5 groups (as many as there are infants, if fewer). For each group the choice is made on
    the others, and the group is counted at that choice: the pooled result says what choosing in this way is worth.

    Args:
        count: Counts all videos at some settings, always in the same order.
        settings: To choose from.
        most_per_hour: False alarms.
        most_alarm_time: Share of the time without pain in alarm, from 0 to 1.

    Raises:
        DataError: There are fewer than two infants, or some choice would be made without time free of pain or without
            an episode of pain.
    """
    tried = [list(count(entry)) for entry in settings]
    groups = _groups(tried[0])
    held_out: list[Watched] = []
    choices = []
    for group in groups:
        inner = [[video for video in videos if video.infant not in group] for videos in tried]
        best = _best(inner, most_per_hour, most_alarm_time)
        held_out += [video for video in tried[best] if video.infant in group]
        choices.append({"infants": group, **_named(settings[best])})
    best = _best(tried, most_per_hour, most_alarm_time)
    is_within = _rate(tried[best]) <= most_per_hour and _alarm_time(tried[best]) <= most_alarm_time
    return TunedAlarms(settings[best], tuple(held_out), tuple(choices), is_within)


def _groups(videos: Sequence[Watched]) -> list[list[str]]:
    """Return groups of infants, each of which leaves others with pain and with time free of it to choose on."""
    infants = sorted({video.infant for video in videos})
    calm = {video.infant for video in videos if video.calm_seconds > 0.0}
    pain = {video.infant for video in videos if video.episodes}
    for having, words in ((calm, "time free of pain"), (pain, "an episode of pain")):
        if len(having) < 2:
            raise DataError(
                "alarm settings are chosen on other infants than they are measured on, by the pain that they find and "
                f"their false alarms: at least two infants with {words} are needed, and there are {len(having)}"
            )
    # Alike ones stand together, so that dealing them out never puts all who have something in one group.
    dealt = sorted(infants, key=lambda name: (name not in calm, name not in pain, name))
    groups = [sorted(dealt[first::_GROUPS]) for first in range(min(_GROUPS, len(dealt)))]
    for group in groups:
        if calm <= set(group) or pain <= set(group):
            raise DataError(
                "too few infants have both pain and time free of it: the alarm settings for "
                f"{', '.join(group)} would be chosen on infants who have only one of them"
            )
    return groups


def _named(settings: AlarmSettings) -> dict[str, float]:
    names = ("level_tau_seconds", "on_level", "off_level", "hold_seconds", "clear_seconds")
    return {name: getattr(settings, name) for name in names}


def _rate(videos: Sequence[Watched]) -> float:
    hours = sum(video.calm_seconds for video in videos) / _HOUR
    return sum(len(video.false_alarms) for video in videos) / hours if hours > 0.0 else 0.0


def _sensitivity(videos: Sequence[Watched]) -> float:
    found = [episode.is_found for video in videos for episode in video.episodes]
    return float(np.mean(found)) if found else 0.0


def _alarm_time(videos: Sequence[Watched]) -> float:
    calm = sum(video.calm_seconds for video in videos)
    return sum(video.alarm_calm_seconds for video in videos) / calm if calm > 0.0 else 0.0


def _best(tried: Sequence[Sequence[Watched]], most_per_hour: float, most_alarm_time: float) -> int:
    """Return the most sensitive choice within both limits, the fewest false alarms among equals.

    Where no choice keeps both: the fewest false alarms among those that keep the time; else the least time.
    """

    def merit(number: int) -> tuple[int, float, float, float]:
        videos = tried[number]
        rate, time = _rate(videos), _alarm_time(videos)
        if time > most_alarm_time:
            return 0, -time, -rate, 0.0
        if rate > most_per_hour:
            return 1, -rate, -time, 0.0
        return 2, _sensitivity(videos), -rate, -time

    return max(range(len(tried)), key=merit)
