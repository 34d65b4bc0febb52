"""What alarms found and missed in labelled videos, counted as `monitor.pain.alarm_counting` says."""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from monitor.pain.alarm_counting import CountedEpisode, count_alarms, joined_spans, spans_without
from trainer.clips.labels import Clip
from trainer.clips.scores import FrameScores
from trainer.errors import DataError

__all__ = ["Episode", "Watched", "count_video"]

_TOLERANCE_SECONDS = 1.0
"""A clip may end so long after its video."""


@dataclass(frozen=True, slots=True)
class Episode(CountedEpisode):
    """One episode of pain and what the alarm made of it.

    Attributes:
        infant: Whose.
        coverage: Share of its frames in which the face could be scored.
    """

    infant: str
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

    count = count_alarms([span(clip) for clip in clips if clip.is_pain], spells, length)
    calm, false = list(count.calm), count.false_alarms
    outside = spans_without([(0.0, length)], calm)
    usable = frames.is_usable
    named: dict[str, list[tuple[float, float]]] = {}
    for clip in clips:
        if not clip.is_pain:
            named.setdefault(clip.stimulus or "unlabelled", []).append(span(clip))
    calm_by, false_by = {}, {}
    rest = calm
    for stimulus, spans in named.items():
        parts = spans_without(joined_spans(spans), outside)
        calm_by[stimulus] = sum(end - begin for begin, end in parts)
        false_by[stimulus] = sum(any(begin <= on < end for begin, end in parts) for on in false)
        rest = spans_without(rest, joined_spans(spans))
    calm_by["unlabelled"] = calm_by.get("unlabelled", 0.0) + sum(end - begin for begin, end in rest)
    false_by["unlabelled"] = false_by.get("unlabelled", 0) + sum(
        any(begin <= on < end for begin, end in rest) for on in false
    )
    return Watched(
        infant=infant,
        seconds=length,
        usable_seconds=length * (float(usable.mean()) if len(usable) else 0.0),
        calm_seconds=count.calm_seconds,
        alarm_calm_seconds=count.alarm_calm_seconds,
        episodes=tuple(_episode(infant, episode, frames) for episode in count.episodes),
        false_alarms=false,
        calm_by_stimulus=calm_by,
        false_by_stimulus=false_by,
    )


def _episode(infant: str, counted: CountedEpisode, frames: FrameScores) -> Episode:
    rows = (frames.times >= counted.begin) & (frames.times <= counted.end)
    coverage = float(np.mean(frames.is_usable[rows])) if rows.any() else 0.0
    return Episode(**asdict(counted), infant=infant, coverage=coverage)
