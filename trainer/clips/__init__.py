"""The whole monitor on labelled clips: scores once per video, alarms at any settings, and what they are worth."""

from typing import TYPE_CHECKING

from trainer.lazy_names import lazy_names

if TYPE_CHECKING:
    from trainer.clips.evaluation import ClipSettings, evaluate_clips
    from trainer.clips.labels import Clip, read_clips
    from trainer.clips.scores import FrameScores, score_video

__all__ = [
    "Clip",
    "ClipSettings",
    "FrameScores",
    "evaluate_clips",
    "read_clips",
    "score_video",
]

_DEFINED_IN = {
    "trainer.clips.evaluation": ("ClipSettings", "evaluate_clips"),
    "trainer.clips.labels": ("Clip", "read_clips"),
    "trainer.clips.scores": ("FrameScores", "score_video"),
}

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, _DEFINED_IN)
