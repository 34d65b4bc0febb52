"""AUC, equal size, intervals over subjects, abstention."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from trainer.labelled.separation import abstention_errors, auc, separation

_SCORES = st.lists(st.integers(0, 20).map(lambda number: number / 20), min_size=1, max_size=30)


@given(positives=_SCORES, negatives=_SCORES)
def test_the_auc_is_the_usual_one(positives: list[float], negatives: list[float]) -> None:
    truth = [1] * len(positives) + [0] * len(negatives)
    expected = roc_auc_score(truth, positives + negatives)
    assert auc(np.array(positives), np.array(negatives)) == pytest.approx(expected)


def test_at_equal_size_a_score_that_is_the_size_shows_nothing() -> None:
    rng = np.random.default_rng(1)
    crying, calm = rng.uniform(200, 400, 300), rng.uniform(100, 300, 300)
    subjects = np.array([str(number) for number in range(300)])
    measured = separation((crying, crying, subjects), (calm, calm, subjects), resamples=100)
    assert measured.value > 0.85
    assert 0.4 < measured.same_size < 0.75
    assert measured.low <= measured.value <= measured.high


def test_pictures_of_one_subject_do_not_narrow_the_interval() -> None:
    rng = np.random.default_rng(2)
    scores, size = rng.normal(0.5, 1.0, 20), np.full(20, 100.0)
    others = rng.normal(0.0, 1.0, 20)
    one_each = np.array([f"a{number}" for number in range(20)]), np.array([f"b{number}" for number in range(20)])
    once = separation((scores, size, one_each[0]), (others, size, one_each[1]), resamples=1000)
    eight = [np.tile(values, 8) for values in (scores, size, one_each[0], others, one_each[1])]
    again = separation((eight[0], eight[1], eight[2]), (eight[3], eight[1], eight[4]), resamples=1000)
    assert again.value == pytest.approx(once.value)
    assert again.high - again.low == pytest.approx(once.high - once.low, rel=0.15)


def test_no_pair_of_the_same_size_gives_no_number() -> None:
    crying, calm, subject = np.array([0.9]), np.array([0.1]), np.array(["a"])
    measured = separation((crying, np.array([400.0]), subject), (calm, np.array([50.0]), subject), resamples=100)
    assert np.isnan(measured.same_size)


def test_the_unsure_answers_are_left_out_first() -> None:
    scores = np.array([0.95, 0.05, 0.55, 0.45])
    truth = np.array([True, False, False, True])
    assert abstention_errors(scores, truth, 0.5, (1.0, 0.5)) == [0.5, 0.0]


def test_few_subjects_have_no_interval() -> None:
    """Neither one that is as good as it gets, nor one of a single subject, is known exactly."""
    high, low, size = np.array([0.7, 0.8, 0.9]), np.array([0.1, 0.2, 0.3]), np.full(3, 100.0)
    for names in (["a", "b", "c"], ["a", "a", "a"]):
        subjects = np.array(names)
        measured = separation((high, size, subjects), (low, size, subjects), resamples=100)
        assert measured.value == 1.0
        assert np.isnan([measured.low, measured.high]).all()
    size, subjects = np.full(8, 100.0), np.array([str(number) for number in range(8)])
    measured = separation((np.full(8, 0.9), size, subjects), (np.full(8, 0.1), size, subjects), resamples=100)
    assert (measured.value, measured.low) == (1.0, pytest.approx(0.025 ** (1 / 8)))


def test_answers_that_are_equally_sure_are_left_out_alike() -> None:
    scores, truth = np.array([1.0, 1.0, 1.0, 1.0, 0.6]), np.array([True, True, False, False, True])
    forwards, backwards = (
        abstention_errors(scores[rows], truth[rows], 0.5, (0.4, 0.8)) for rows in (slice(None), slice(None, None, -1))
    )
    assert forwards == backwards == [0.5, 0.5]
