"""Stored scores through the alarm logic itself, at any settings."""

import itertools
import math

from monitor.config import AlarmSettings
from monitor.pain.bed_alarms import BedAlarms
from monitor.pain.vocabulary import Code, Sample, Transition
from trainer.clips.scores import FrameScores

__all__ = ["alarm_spells"]


def alarm_spells(frames: FrameScores, settings: AlarmSettings) -> list[tuple[float, float]]:
    """Return (declared, over) in seconds of every spell of `pain_sign`, in order; one that lasts ends with the video.

    A return within `merge_seconds` is the same alert to the monitor, but a spell of its own here.
    """
    numbers = itertools.count()
    bed = BedAlarms(settings, lambda: f"alarm-{next(numbers)}")
    spells: list[tuple[float, float]] = []
    declared: float | None = None
    for number, (moment, score) in enumerate(zip(frames.times.tolist(), frames.scores.tolist(), strict=True)):
        changed: list[Transition] = []
        for code, since in (
            (Code.PICTURE_FROZEN, float(frames.frozen_since[number])),
            (Code.PICTURE_DARK, float(frames.dark_since[number])),
        ):
            present = not math.isnan(since)
            changed += bed.report(code, present, moment, "", since if present else None)
        sample = Sample(moment, None if math.isnan(score) else score, frames.visibility_of(number))
        changed += bed.observe(sample).transitions
        for transition in changed:
            if transition.code is not Code.PAIN_SIGN:
                continue
            if transition.condition_present and declared is None:
                declared = transition.determined_seconds
            elif not transition.condition_present and declared is not None:
                spells.append((declared, transition.determined_seconds))
                declared = None
    if declared is not None:
        spells.append((declared, float(frames.duration_seconds)))
    return spells
