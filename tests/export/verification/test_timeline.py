"""The golden clip through the real alarm logic."""

import numpy as np

from export.verification.timeline import alert_timeline, golden_clip, timelines_agree


def _course(high: float = 0.9) -> np.ndarray:
    """Scores of a clip whose least painful crop has 0.1 and whose most painful one has `high`."""
    pictures = np.stack([np.full((8, 8, 3), 20, np.uint8), np.full((8, 8, 3), 220, np.uint8)])
    clip = golden_clip(pictures, np.array([0.1, 0.9], np.float32))
    share = (clip.mean(axis=(1, 2, 3)) - 20) / 200
    return (0.1 + share * (high - 0.1)).astype(np.float32)


def test_the_clip_raises_and_ends_alarms() -> None:
    changes = [what for what, _ in alert_timeline(_course()).changes]
    assert changes[0] == "pain_sign start low"
    assert any(change.startswith("pain_sustained") for change in changes)


def test_small_differences_agree_and_large_ones_do_not() -> None:
    reference = alert_timeline(_course())
    assert timelines_agree(reference, alert_timeline(_course(0.902)))
    assert not timelines_agree(reference, alert_timeline(_course(0.5)))


def test_a_model_that_answers_nan_raises_no_pain_but_says_so() -> None:
    scores = np.full(180, np.nan, np.float32)
    timeline = alert_timeline(scores)
    assert not np.isfinite(timeline.levels).any()
    assert not any(what.startswith("pain") for what, _ in timeline.changes)
    assert any(what.startswith("model_degraded start") for what, _ in timeline.changes)
    assert not timelines_agree(alert_timeline(_course()), timeline)


def test_the_clip_is_the_same_every_time() -> None:
    np.testing.assert_array_equal(_course(), _course())
