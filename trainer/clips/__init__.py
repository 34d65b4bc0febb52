"""The whole monitor on labelled clips: scores once per video, alarms at any settings, and what they are worth."""

from trainer.clips.evaluation import ClipSettings, evaluate_clips
from trainer.clips.labels import Clip, read_clips
from trainer.clips.scores import FrameScores, score_video

__all__ = ["Clip", "ClipSettings", "FrameScores", "evaluate_clips", "read_clips", "score_video"]
