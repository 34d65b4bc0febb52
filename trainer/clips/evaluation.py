"""Evaluates the whole monitor on labelled clips and writes one JSON file, strips and tuned settings."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from monitor.config import AlarmSettings, StationConfig
from trainer.atomic_file import write_atomically
from trainer.clips.alarms import PERSON_SECONDS, alarm_spells
from trainer.clips.counting import Watched, count_video
from trainer.clips.labels import Clip
from trainer.clips.limits import MOST_ALARM_TIME
from trainer.clips.measures import clip_areas, measures
from trainer.clips.scores import FrameScores
from trainer.clips.strips import draw_strips
from trainer.clips.tuning import candidates, tune_alarms
from trainer.evaluation.bootstrap import RESAMPLES
from trainer.evaluation.clip_results import CLIPS_NAME, Evaluated

__all__ = ["STATION_NAME", "ClipSettings", "evaluate_clips"]

STATION_NAME = "tuned-alarms.yaml"
_LEVELS = (0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)

Count = Callable[[AlarmSettings], list[Watched]]
ScoreVideo = Callable[[Path, str], FrameScores]


@dataclass(frozen=True, slots=True)
class ClipSettings:
    """What is asked for besides the measures at the station's own settings.

    Attributes:
        episodes_per_hour: Of pain at the bedside, for the positive predictive value.
        most_false_alarms_per_hour: Settings are chosen for it; None chooses none.
        resamples: Of the infants.
        most_alarm_time: Share of the time without pain in alarm that settings are chosen for, from 0 to 1.
    """

    episodes_per_hour: float = 1.0
    most_false_alarms_per_hour: float | None = None
    resamples: int = RESAMPLES
    most_alarm_time: float = MOST_ALARM_TIME


def evaluate_clips(
    clips: Sequence[Clip],
    config: StationConfig,
    score: ScoreVideo,
    folder: Path,
    model: str,
    settings: ClipSettings | None = None,
    evaluated: Evaluated | None = None,
) -> dict[str, Any]:
    """Score every video once, run the alarm logic, and write what it was worth.

    Args:
        clips: The labels.
        config: Of the station; its alarm settings are evaluated.
        score: Scores a video of an infant.
        folder: Gets clips.json, strips, and the chosen settings.
        model: What is evaluated, in words.
        settings: What else is wanted.
        evaluated: What identifies the model.

    Returns:
        The content of clips.json.

    Raises:
        VideoError: A file cannot be read as video.
        CheckpointError: The folder cannot be written.
    """
    settings = settings or ClipSettings()
    by_file: dict[Path, list[Clip]] = {}
    for clip in clips:
        by_file.setdefault(clip.file, []).append(clip)
    frames = {file: score(file, labelled[0].infant) for file, labelled in by_file.items()}

    def count(alarms: AlarmSettings) -> list[Watched]:
        return [
            count_video(labelled, frames[file], alarm_spells(frames[file], alarms))
            for file, labelled in by_file.items()
        ]

    counted = count(config.alarms)
    results: dict[str, Any] = {
        "model": model,
        **({} if evaluated is None else {"evaluated": asdict(evaluated)}),
        "alarms": config.alarms.model_dump(mode="json"),
        "person_seconds": PERSON_SECONDS,
        **measures(counted, settings.episodes_per_hour),
        "clip_auc": clip_areas(
            clips, [frames[clip.file] for clip in clips], config.alarms.on_level, settings.resamples
        ),
        "free_response": [_free_response(level, config.alarms, count) for level in _LEVELS],
    }
    results["per_infant"] = {
        name: measures([video for video in counted if video.infant == name], settings.episodes_per_hour)
        for name in sorted({clip.infant for clip in clips})
    }
    if settings.most_false_alarms_per_hour is not None:
        results["tuned"] = _tuned(count, config, settings, settings.most_false_alarms_per_hour, folder)
    spells = {file: alarm_spells(scored, config.alarms) for file, scored in frames.items()}
    results["strips"] = [str(path.relative_to(folder)) for path in draw_strips(by_file, frames, spells, folder)]
    write_atomically(folder / CLIPS_NAME, (json.dumps(results, indent=1, allow_nan=False) + "\n").encode())
    return results


def _free_response(level: float, alarms: AlarmSettings, count: Count) -> dict[str, Any]:
    changed = alarms.model_copy(update={"on_level": level, "off_level": round(max(0.0, level - 0.2), 2)})
    found = measures(count(changed), 1.0)
    names = ("sensitivity", "false_alarms_per_hour", "alarm_time_outside_pain")
    return {"on_level": level, **{name: found[name] for name in names}}


def _tuned(
    count: Count,
    config: StationConfig,
    settings: ClipSettings,
    most: float,
    folder: Path,
) -> dict[str, Any]:
    """Choose alarm settings, write them for a station, and return them with what supports them."""
    tuned = tune_alarms(count, candidates(config.alarms), most, settings.most_alarm_time)
    evidence = measures(tuned.held_out, settings.episodes_per_hour)
    changed = {
        name: value
        for name, value in tuned.settings.model_dump(mode="json").items()
        if value != AlarmSettings().model_dump(mode="json")[name]
    }
    sensitivity, rate = evidence["sensitivity"], evidence["false_alarms_per_hour"]
    lines = [
        f"Chosen for at most {most:g} false alarms an hour and at most {100 * settings.most_alarm_time:g} % of",
        f"the time without pain in alarm, on {evidence['infants']} infants.",
        f"On infants that took no part in the choice: {evidence['found']} of {evidence['episodes']} episodes found",
        f"(sensitivity {_shown(sensitivity)}), false alarms an hour {_shown(rate)},",
        f"share of the time without pain in alarm {_shown(evidence['alarm_time_outside_pain'])}.",
    ]
    if not tuned.is_within_limit:
        lines.append("No settings keep to both limits; these come nearest.")
    text = "".join(f"# {line}\n" for line in lines) + yaml.safe_dump({"alarms": changed}, sort_keys=False)
    write_atomically(folder / STATION_NAME, text.encode())
    return {
        "most_false_alarms_per_hour": most,
        "most_alarm_time": settings.most_alarm_time,
        "settings": tuned.settings.model_dump(mode="json"),
        "is_within_limit": tuned.is_within_limit,
        "choices": list(tuned.choices),
        "on_other_infants": evidence,
        "station": STATION_NAME,
    }


def _shown(interval: dict[str, float | None]) -> str:
    value, low, high = (interval[name] for name in ("value", "low", "high"))
    if value is None:
        return "-"
    return f"{value:.2f}" if low is None or high is None else f"{value:.2f} [{low:.2f}, {high:.2f}]"
