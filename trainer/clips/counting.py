"""What alarms found and missed in labelled videos, counted as the literature on alarms counts."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainer.clips.labels import Clip
from trainer.clips.scores import FrameScores
from trainer.errors import DataError

__all__ = ["GRACE_SECONDS", "Episode", "Watched", "count_video", "joined"]

GRACE_SECONDS = 5.0
_TOLERANCE_SECONDS = 1.0
"""An alarm up to so long after an episode's end still found it."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode of pain and what the alarm made of it.

    Attributes:
        infant: Whose.
        begin: In seconds.
        end: In seconds.
        delay: From the begin to the first alarm that began in it or within 5 s after its end; None where none did.
        was_on_already: Whether an alarm was on when it began: that alarm says nothing of this episode.
        spells: How many alarms began in it.
        coverage: Share of its frames in which the face could be scored.
    """

    infant: str
    begin: float
    end: float
    delay: float | None
    was_on_already: bool
    spells: int
    coverage: float


@dataclass(frozen=True, slots=True)
class Watched:
    """One video.

    Attributes:
        infant: Whom it shows.
        seconds: Its length.
        usable_seconds: Time in which the face could be scored.
        calm_seconds: Time outside every episode and its 5 s of grace.
        alarm_calm_seconds: How much of that had an alarm on.
        episodes: Of pain.
        false_alarms: When alarms began outside every episode and its grace.
        calm_by_stimulus: Time without pain by what was done; "unlabelled" for the rest.
        false_by_stimulus: False alarms likewise.
    """

    infant: str
    seconds: float
    usable_seconds: float
    calm_seconds: float
    alarm_calm_seconds: float
    episodes: tuple[Episode, ...]
    false_alarms: tuple[float, ...]
    calm_by_stimulus: dict[str, float]
    false_by_stimulus: dict[str, int]


def joined(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return spans in order, those that touch as one."""
    found: list[tuple[float, float]] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def _overlap(first: Sequence[tuple[float, float]], second: Sequence[tuple[float, float]]) -> float:
    """Return how long both hold; the spans of each are disjoint."""
    return sum(max(0.0, min(a[1], b[1]) - max(a[0], b[0])) for a in first for b in second)


def _without(spans: Sequence[tuple[float, float]], removed: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the parts of some spans that others leave; `removed` is joined."""
    found = []
    for begin, end in spans:
        start = begin
        for low, high in removed:
            if high <= start or low >= end:
                continue
            if low > start:
                found.append((start, low))
            start = max(start, high)
        if start < end:
            found.append((start, end))
    return found


def _check_times(clips: Sequence[Clip], length_seconds: float) -> None:
    for clip in clips:
        end = clip.start_seconds if clip.end_seconds is None else clip.end_seconds
        if clip.start_seconds >= length_seconds or end > length_seconds + _TOLERANCE_SECONDS:
            until = "" if clip.end_seconds is None else f" to {clip.end_seconds:g}"
            raise DataError(
                f"{clip.file.name}: the clip from {clip.start_seconds:g}{until} s lies outside of the video, which "
                f"lasts {length_seconds:.1f} s; start_s and end_s are seconds of the video"
            )
    for pain, calm in itertools.product(clips, clips):
        begin = max(pain.start_seconds, calm.start_seconds)
        end = min(length_seconds if clip.end_seconds is None else clip.end_seconds for clip in (pain, calm))
        if pain.is_pain and not calm.is_pain and end - begin > _TOLERANCE_SECONDS:
            raise DataError(
                f"{pain.file.name}: {begin:g} to {end:g} s are labelled pain and no pain; correct the times"
            )


def count_video(clips: Sequence[Clip], frames: FrameScores, spells: Sequence[tuple[float, float]]) -> Watched:
    """Count one video.

    Args:
        clips: Its labels; clips of pain that touch are one episode.
        frames: Its scores.
        spells: (begin, end) of its alarms.

    Raises:
        DataError: A clip lies outside the video, or the same stretch is labelled pain and no pain.
    """
    length = float(frames.duration_seconds)
    infant = clips[0].infant
    _check_times(clips, length)

    def span(clip: Clip) -> tuple[float, float]:
        end = length if clip.end_seconds is None else min(clip.end_seconds, length)
        return min(clip.start_seconds, length), end

    pain = [part for part in joined([span(clip) for clip in clips if clip.is_pain]) if part[1] > part[0]]
    grace = joined([(begin, min(length, end + GRACE_SECONDS)) for begin, end in pain])
    calm = _without([(0.0, length)], grace)
    usable = frames.is_usable
    episodes = tuple(_episode(infant, part, spells, frames) for part in pain)
    false = [on for on, _ in spells if not any(begin <= on <= end for begin, end in grace)]
    named: dict[str, list[tuple[float, float]]] = {}
    for clip in clips:
        if not clip.is_pain:
            named.setdefault(clip.stimulus or "unlabelled", []).append(span(clip))
    calm_by, false_by = {}, {}
    rest = calm
    for stimulus, spans in named.items():
        parts = _without(joined(spans), grace)
        calm_by[stimulus] = sum(end - begin for begin, end in parts)
        false_by[stimulus] = sum(any(begin <= on < end for begin, end in parts) for on in false)
        rest = _without(rest, joined(spans))
    calm_by["unlabelled"] = calm_by.get("unlabelled", 0.0) + sum(end - begin for begin, end in rest)
    false_by["unlabelled"] = false_by.get("unlabelled", 0) + sum(
        any(begin <= on < end for begin, end in rest) for on in false
    )
    return Watched(
        infant=infant,
        seconds=length,
        usable_seconds=length * (float(usable.mean()) if len(usable) else 0.0),
        calm_seconds=sum(end - begin for begin, end in calm),
        alarm_calm_seconds=_overlap(list(spells), calm),
        episodes=episodes,
        false_alarms=tuple(false),
        calm_by_stimulus=calm_by,
        false_by_stimulus=false_by,
    )


def _episode(
    infant: str, span: tuple[float, float], spells: Sequence[tuple[float, float]], frames: FrameScores
) -> Episode:
    begin, end = span
    # Who never stops sounding would find every episode at once: only an alarm that begins here was raised by it.
    inside = [on for on, _ in spells if begin <= on <= end + GRACE_SECONDS]
    delay = min(inside) - begin if inside else None
    was_on = any(on < begin <= off for on, off in spells)
    rows = (frames.times >= begin) & (frames.times <= end)
    coverage = float(np.mean(frames.is_usable[rows])) if rows.any() else 0.0
    return Episode(infant, begin, end, delay, was_on, len(inside), coverage)
