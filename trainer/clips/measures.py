"""From counted videos to the measures of an alarm, each with its interval."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.pain.alarm_counting import GRACE_SECONDS
from trainer.clips.counting import Episode, Watched
from trainer.clips.labels import Clip
from trainer.clips.scores import FrameScores
from trainer.evaluation.bootstrap import RESAMPLES, infants_of_both, interval_of, resamples
from trainer.evaluation.intervals import Interval, cluster_rate, cluster_share
from trainer.evaluation.metrics import area_under_curve
from trainer.evaluation.survival import kaplan_meier

__all__ = ["clip_areas", "measures"]

_HOUR = 3600.0
_USABLE_COVERAGE = 0.5


def measures(videos: Sequence[Watched], episodes_per_hour: float) -> dict[str, Any]:
    """Return all measures of some videos as plain values.

    Episodes are found and delayed, and alarms false, as `monitor.pain.alarm_counting` says. Sensitivity is the share of
    episodes that were found, the rate of false alarms that an hour of calm, both over infants. An alarm that does not
    end is counted at most once: only the share of the calm that is spent in alarm shows it. The positive predictive
    value is the share of alarms that would be right at a stated rate of episodes, r s / (r s + f); its ends come from
    both intervals' ends, so that it is rather too wide.

    Args:
        videos: Counted.
        episodes_per_hour: The rate r of episodes at the bedside.
    """
    episodes = [episode for video in videos for episode in video.episodes]
    usable = [episode for episode in episodes if episode.coverage >= _USABLE_COVERAGE]
    calm_hours = sum(video.calm_seconds for video in videos) / _HOUR
    false = sum(len(video.false_alarms) for video in videos)
    found = [episode for episode in episodes if episode.is_found]
    sensitivity, rate = _sensitivity(episodes), cluster_rate(*_sums(videos, _false, _calm_hours))
    stimuli = sorted({name for video in videos for name, seconds in video.calm_by_stimulus.items() if seconds > 0.0})
    return {
        "infants": len({video.infant for video in videos}),
        "videos": len(videos),
        "hours": sum(video.seconds for video in videos) / _HOUR,
        "hours_without_pain": calm_hours,
        "episodes": len(episodes),
        "found": len(found),
        "episodes_with_alarm_on_already": sum(episode.was_on_already for episode in episodes),
        "episodes_found_by_the_alarm_before": sum(episode.is_carried_over for episode in episodes),
        "sensitivity": sensitivity.as_json(),
        "episodes_with_usable_face": len(usable),
        "sensitivity_on_usable_time": _sensitivity(usable).as_json(),
        "false_alarms": false,
        "false_alarms_per_hour": rate.as_json(),
        "false_alarms_by_stimulus": {name: _by_stimulus(videos, name) for name in stimuli},
        "delay": _delay(episodes),
        "alarm_time_outside_pain": _over_infants(videos, _alarm_calm, _calm).as_json(),
        "alarms_per_found_episode": sum(episode.spells for episode in found) / len(found) if found else None,
        "coverage": _over_infants(videos, _usable, _seconds).as_json(),
        "positive_predictive_value": {
            "episodes_per_hour": episodes_per_hour,
            "value": _predictive(sensitivity.value, rate.value, episodes_per_hour),
            "low": _predictive(sensitivity.low, rate.high, episodes_per_hour),
            "high": _predictive(sensitivity.high, rate.low, episodes_per_hour),
        },
    }


def _sensitivity(episodes: Sequence[Episode]) -> Interval:
    infants = sorted({episode.infant for episode in episodes})
    of = {name: [e.is_found for e in episodes if e.infant == name] for name in infants}
    hits = np.array([sum(of[name]) for name in infants], np.float64)
    return cluster_share(hits, np.array([len(of[name]) for name in infants], np.float64))


def _by_stimulus(videos: Sequence[Watched], name: str) -> dict[str, Any]:
    counts, hours = _sums(
        videos,
        lambda video: video.false_by_stimulus.get(name, 0),
        lambda video: video.calm_by_stimulus.get(name, 0.0) / _HOUR,
    )
    return {
        "hours": float(hours.sum()),
        "false_alarms": int(counts.sum()),
        "per_hour": cluster_rate(counts, hours).as_json(),
    }


def _delay(episodes: Sequence[Episode]) -> dict[str, object]:
    """Return the delays; an episode that was missed is censored when its grace ended.

    Those into which the alarm of the one before sounded have none, and are left out.
    """
    episodes = [episode for episode in episodes if not episode.is_carried_over]
    times = [e.end - e.begin + GRACE_SECONDS if e.delay is None else e.delay for e in episodes]
    return kaplan_meier(
        np.array(times, np.float64), np.array([e.delay is not None for e in episodes], np.bool_)
    ).as_json()


def _over_infants(
    videos: Sequence[Watched], part: Callable[[Watched], float], whole: Callable[[Watched], float]
) -> Interval:
    return cluster_share(*_sums(videos, part, whole))


def _sums(
    videos: Sequence[Watched], first: Callable[[Watched], float], second: Callable[[Watched], float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two sums for each infant, each of shape (infants,)."""
    infants = sorted({video.infant for video in videos})
    one, other = (
        np.array([sum(count(video) for video in videos if video.infant == name) for name in infants], np.float64)
        for count in (first, second)
    )
    return one, other


def _false(video: Watched) -> float:
    return len(video.false_alarms)


def _calm_hours(video: Watched) -> float:
    return video.calm_seconds / _HOUR


def _alarm_calm(video: Watched) -> float:
    return video.alarm_calm_seconds


def _calm(video: Watched) -> float:
    return video.calm_seconds


def _usable(video: Watched) -> float:
    return video.usable_seconds


def _seconds(video: Watched) -> float:
    return video.seconds


def _predictive(sensitivity: float, rate: float, episodes_per_hour: float) -> float | None:
    right = episodes_per_hour * sensitivity
    return right / (right + rate) if math.isfinite(right + rate) and right + rate > 0.0 else None


def clip_areas(
    clips: Sequence[Clip], frames: Sequence[FrameScores], on_level: float, count: int = RESAMPLES
) -> dict[str, Any]:
    """Return the AUC of clips of pain against others by the mean, the maximum and the share of high scores.

    Args:
        clips: All of them.
        frames: The scores of each clip's video.
        on_level: From which on a score is high.
        count: Resamples of the infants.
    """
    rows = []
    for clip, scored in zip(clips, frames, strict=True):
        end = math.inf if clip.end_seconds is None else clip.end_seconds
        inside = scored.scores[(scored.times >= clip.start_seconds) & (scored.times <= end)]
        inside = inside[np.isfinite(inside)]
        if len(inside):
            values = (float(inside.mean()), float(inside.max()), float(np.mean(inside >= on_level)))
            rows.append((float(clip.is_pain), clip.infant, *values))
    labels = np.array([row[0] for row in rows], np.float64)
    infants = np.array([row[1] for row in rows], str)
    found: dict[str, Any] = {"clips": len(rows), "clips_without_score": len(clips) - len(rows)}
    for column, name in enumerate(("mean", "maximum", "share"), start=2):
        column_values = np.array([row[column] for row in rows], np.float64)
        found[name] = _area(labels, column_values, infants, count).as_json()
    return found


def _area(labels: NDArray[np.float64], values: NDArray[np.float64], infants: NDArray[np.str_], count: int) -> Interval:
    if len(labels) == 0:
        return Interval(math.nan, math.nan, math.nan)
    resampled = [area_under_curve(labels[rows], values[rows]) for rows in resamples(infants, count)]
    return interval_of(area_under_curve(labels, values), resampled, infants_of_both(labels, infants))
