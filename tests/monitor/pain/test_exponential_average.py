import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.pain.exponential_average import TimeAverage, time_above_zero

SCORES = st.floats(0.0, 1.0)
MARGINS = st.floats(-1.0, 1.0)
LENGTHS = st.floats(1e-3, 2.0)
TAUS = st.floats(0.5, 20.0)


def integrated(value: float, first: float, last: float, seconds: float, tau: float, steps: int = 400) -> float:
    """Solve value' = (x - value) / tau by the midpoint rule."""
    step = seconds / steps
    for number in range(steps):
        x = first + (last - first) * (number + 0.5) / steps
        middle = value + (x - value) / tau * step / 2
        value += (x - middle) / tau * step
    return value


@settings(deadline=None)
@given(first=SCORES, last=SCORES, start=SCORES, seconds=LENGTHS, tau=TAUS)
def test_follows_the_differential_equation(first, last, start, seconds, tau):
    average = TimeAverage(weighted=start, mass=1.0)
    average.follow(first, last, seconds, tau)
    assert average.weighted == pytest.approx(integrated(start, first, last, seconds, tau), abs=1e-5)


@settings(deadline=None)
@given(scores=st.lists(SCORES, min_size=2, max_size=20), start=SCORES, seconds=LENGTHS, parts=st.integers(2, 9))
def test_a_line_may_be_read_as_often_as_one_likes(scores, start, seconds, parts):
    once, often = TimeAverage(start, 1.0), TimeAverage(start, 1.0)
    for first, last in itertools.pairwise(scores):
        once.follow(first, last, seconds, 5.0)
        for part in range(parts):
            often.follow(
                first + (last - first) * part / parts,
                first + (last - first) * (part + 1) / parts,
                seconds / parts,
                5.0,
            )
    assert often.value() == pytest.approx(once.value(), abs=1e-9)


@settings(deadline=None)
@given(scores=st.lists(SCORES, min_size=1, max_size=50))
def test_stays_within_what_it_has_seen(scores):
    average = TimeAverage()
    average.begin(scores[0])
    for first, last in itertools.pairwise(scores):
        average.follow(first, last, 0.2, 5.0)
    assert min(scores) - 1e-9 <= average.value() <= max(scores) + 1e-9


def test_a_fresh_average_is_not_pulled_towards_zero():
    average = TimeAverage()
    average.begin(0.9)
    assert average.value() == pytest.approx(0.9)
    average.follow(0.9, 0.9, 0.2, 5.0)
    assert average.value() == pytest.approx(0.9)


def test_only_the_first_of_two_beginnings_counts():
    """No time has passed between them: nothing was seen yet that a second one could replace."""
    average = TimeAverage()
    average.begin(0.9)
    average.begin(0.1)
    assert average.value() == pytest.approx(0.9)
    average.follow(0.9, 0.9, 0.2, 5.0)
    average.begin(0.1)
    assert average.value() == pytest.approx(0.9)


@settings(deadline=None)
@given(seconds=st.floats(0.0, 50.0), level=st.floats(0.01, 1.0))
def test_decays_to_unknown_and_never_to_zero(seconds, level):
    average = TimeAverage(level, 1.0)
    average.forget(seconds, 5.0)
    assert average.value() == pytest.approx(level)
    assert average.mass == pytest.approx(math.exp(-seconds / 5.0))


def test_what_comes_after_a_gap_weighs_more_the_longer_the_gap_was():
    levels = []
    for gap in (0.0, 2.0, 20.0, 2_000.0):
        average = TimeAverage(0.9, 1.0)
        average.forget(gap, 5.0)
        average.begin(0.1)
        average.follow(0.1, 0.1, 1.0, 5.0)
        levels.append(average.value())
    assert levels == sorted(levels, reverse=True)
    assert levels[-1] == pytest.approx(0.1)


@settings(deadline=None)
@given(value=MARGINS, first=MARGINS, last=MARGINS, seconds=LENGTHS, tau=TAUS)
def test_times_above_zero_are_those_that_a_fine_sampling_finds(value, first, last, seconds, tau):
    stretches = time_above_zero(value, first, last, seconds, tau)
    assert all(0.0 <= begin <= end <= seconds for begin, end in stretches)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(stretches))
    for number in range(101):
        time = min(seconds, seconds * number / 100)
        probe = TimeAverage(value, 1.0)
        if time:
            probe.follow(first, first + (last - first) * number / 100, time, tau)
        if abs(probe.weighted) < 1e-9:
            continue
        inside = any(begin <= time <= end for begin, end in stretches)
        assert inside == (probe.weighted > 0), (time, probe.weighted, stretches)


def test_a_dip_below_zero_between_two_frames_is_seen():
    """Both ends are above; the frames alone would count the whole time."""
    stretches = time_above_zero(0.001, -0.5, 1.0, 2.0, 5.0)
    assert len(stretches) == 2
    assert stretches[0][0] == 0.0
    assert stretches[1][1] == 2.0
