"""Stored scores through the alarm logic itself, at any settings."""

import itertools
import math
from collections.abc import Iterator

from monitor.config import AlarmSettings
from monitor.pain.alarm_counting import spells_of_pain
from monitor.pain.bed_alarms import BedAlarms
from monitor.pain.vocabulary import Code, Sample, Transition
from trainer.clips.scores import FrameScores

__all__ = ["PERSON_SECONDS", "alarm_spells"]

PERSON_SECONDS = 60.0
"""So long after an alarm turned out to need a person, one is taken to come and acknowledge it."""


def alarm_spells(frames: FrameScores, settings: AlarmSettings) -> list[tuple[float, float]]:
    """Return (declared, over) in seconds of every spell of `pain_sign`, in order; one that lasts ends with the video.

    A return within `merge_seconds` is the same alert to the monitor, but a spell of its own here.

    Only the face that raised an alarm ends it, as in a station; once that was lost, a person has to. Nobody watches
    over a video: a person is taken to come 60 s after an alarm turned out to need one, and every 60 s while it does.
    """
    return spells_of_pain(_pain_signs(frames, settings), float(frames.duration_seconds))


def _pain_signs(frames: FrameScores, settings: AlarmSettings) -> Iterator[Transition]:
    """Yield every change of `pain_sign`, in order."""
    numbers = itertools.count()
    bed = BedAlarms(settings, lambda: f"alarm-{next(numbers)}")
    person_comes = math.inf
    for number, (moment, score) in enumerate(zip(frames.times.tolist(), frames.scores.tolist(), strict=True)):
        changed: list[Transition] = []
        for code, since in (
            (Code.PICTURE_FROZEN, float(frames.frozen_since[number])),
            (Code.PICTURE_DARK, float(frames.dark_since[number])),
        ):
            present = not math.isnan(since)
            changed += bed.report(code, present, moment, "", since if present else None)
        known = None if math.isnan(score) else score
        sample = Sample(moment, known, frames.visibility_of(number), frames.face_id_of(number))
        changed += bed.observe(sample).transitions
        if moment >= person_comes:
            changed += bed.acknowledge(None, "a person", moment)
            person_comes = moment + PERSON_SECONDS
        for transition in changed:
            if transition.code is Code.PAIN_SIGN:
                # One who is awaited already does not come later for what else happens.
                person_comes = min(person_comes, moment + PERSON_SECONDS) if transition.needs_person else math.inf
                yield transition
