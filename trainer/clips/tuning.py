"""Alarm settings for at most so many false alarms an hour, chosen on other infants than those they are tested on."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.config import AlarmSettings
from trainer.clips.counting import Watched
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
        is_within_limit: Whether the choice on all infants keeps the wanted rate there.
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


def tune_alarms(count: Count, settings: Sequence[AlarmSettings], most_per_hour: float) -> TunedAlarms:
    """Choose the most sensitive settings with at most so many false alarms an hour, nested over infants.

    The infants are divided into 5 groups (as many as there are infants, if fewer). For each group the choice is made on
    the others, and the group is counted at that choice: the pooled result says what choosing in this way is worth.

    Args:
        count: Counts all videos at some settings, always in the same order.
        settings: To choose from.
        most_per_hour: False alarms.

    Raises:
        DataError: There are fewer than two infants, or some choice would be made without time free of pain.
    """
    tried = [list(count(entry)) for entry in settings]
    infants = sorted({video.infant for video in tried[0]})
    calm = {infant: sum(v.calm_seconds for v in tried[0] if v.infant == infant) for infant in infants}
    if len([infant for infant in infants if calm[infant] > 0.0]) < 2:
        raise DataError(
            "alarm settings are chosen on other infants than they are measured on, by their false alarms: at least two "
            f"infants with time free of pain are needed, and there are {sum(value > 0.0 for value in calm.values())}"
        )
    groups = [infants[first::_GROUPS] for first in range(min(_GROUPS, len(infants)))]
    held_out: list[Watched] = []
    choices = []
    for group in groups:
        inner = [[video for video in videos if video.infant not in group] for videos in tried]
        best = _best(inner, most_per_hour)
        held_out += [video for video in tried[best] if video.infant in group]
        choices.append({"infants": group, **_named(settings[best])})
    best = _best(tried, most_per_hour)
    return TunedAlarms(settings[best], tuple(held_out), tuple(choices), _rate(tried[best]) <= most_per_hour)


def _named(settings: AlarmSettings) -> dict[str, float]:
    names = ("level_tau_seconds", "on_level", "off_level", "hold_seconds", "clear_seconds")
    return {name: getattr(settings, name) for name in names}


def _rate(videos: Sequence[Watched]) -> float:
    hours = sum(video.calm_seconds for video in videos) / _HOUR
    return sum(len(video.false_alarms) for video in videos) / hours if hours > 0.0 else 0.0


def _sensitivity(videos: Sequence[Watched]) -> float:
    found = [episode.delay is not None for video in videos for episode in video.episodes]
    return float(np.mean(found)) if found else 0.0


def _best(tried: Sequence[Sequence[Watched]], most_per_hour: float) -> int:
    """Return the most sensitive choice within the limit, the fewest false alarms among equals; else the fewest."""

    def merit(number: int) -> tuple[bool, float, float]:
        rate = _rate(tried[number])
        within = rate <= most_per_hour
        return within, _sensitivity(tried[number]) if within else -rate, -rate

    return max(range(len(tried)), key=merit)
