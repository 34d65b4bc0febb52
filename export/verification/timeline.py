"""The golden clip: what a classifier's scores become once they went through the alarm logic."""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.config import AlarmSettings
from monitor.pain import BedAlarms, Sample, Visibility

__all__ = ["Timeline", "alert_timeline", "golden_clip", "timelines_agree"]

_FRAMES_PER_SECOND = 2.0
_NOISE_LEVELS = 3.0
# Seconds of the clip and how much of the most painful face is blended in; linear in between.
_COURSE = ((0.0, 0.0), (15.0, 0.0), (17.0, 1.0), (45.0, 1.0), (48.0, 0.0), (70.0, 0.0), (71.0, 1.0), (80.0, 1.0))
_DURATION_SECONDS = 90.0
_TOLERANCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Timeline:
    """What the alarm logic made of a clip.

    Attributes:
        levels: The smoothed level after every frame, NaN where it was not known.
        changes: Every change of an alarm condition: what changed, and when in seconds.
    """

    levels: NDArray[np.float64]
    changes: tuple[tuple[str, float], ...]


def golden_clip(pictures: NDArray[np.uint8], scores: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Make a clip of crops from the golden ones: rest, an episode, rest, a short episode, with the noise of a camera.

    Args:
        pictures: Golden crops, shape (N, S, S, 3).
        scores: The reference's scores of them; the clip blends the least with the most painful one.
    """
    calm, painful = (pictures[index].astype(np.float32) for index in (np.argmin(scores), np.argmax(scores)))
    times = np.arange(0.0, _DURATION_SECONDS, 1 / _FRAMES_PER_SECOND)
    course = np.array(_COURSE)
    shares = np.interp(times, course[:, 0], course[:, 1])
    random = np.random.default_rng(20)
    frames = []
    for share in shares:
        noise = random.normal(0.0, _NOISE_LEVELS, calm.shape)
        frames.append(np.clip((1 - share) * calm + share * painful + noise, 0, 255).astype(np.uint8))
    return np.stack(frames)


def alert_timeline(scores: NDArray[np.float32]) -> Timeline:
    """Send a clip's scores through the alarm logic, with its default settings."""
    numbers = itertools.count()
    bed = BedAlarms(AlarmSettings(), lambda: f"alert-{next(numbers)}")
    levels, changes = [], []
    for index, score in enumerate(scores):
        time_seconds = index / _FRAMES_PER_SECOND
        usable = bool(np.isfinite(score))
        visibility = Visibility.USABLE if usable else Visibility.NO_SCORE
        step = bed.observe(Sample(time_seconds, float(score) if usable else None, visibility))
        levels.append(np.nan if step.observation.level is None else step.observation.level)
        changes += [
            (f"{change.code} {change.phase} {change.priority}", change.determined_seconds)
            for change in step.transitions
        ]
    return Timeline(np.array(levels), tuple(changes))


def timelines_agree(reference: Timeline, other: Timeline) -> bool:
    """Return whether two timelines hold the same changes in the same order, each within 1 s of the other."""
    if [what for what, _ in reference.changes] != [what for what, _ in other.changes]:
        return False
    pairs = zip(reference.changes, other.changes, strict=True)
    return all(abs(one - two) <= _TOLERANCE_SECONDS for (_, one), (_, two) in pairs)
