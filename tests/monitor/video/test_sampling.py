from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.video.sampling import Sampler


def _chosen(times: list[float], rate: float | None) -> list[float]:
    sampler = Sampler(rate)
    return [time for time in times if sampler.due(time)]


@given(
    stream_rate=st.floats(1.0, 120.0),
    rate=st.floats(0.2, 60.0),
    jitter=st.lists(st.floats(-0.3, 0.3), min_size=40, max_size=200),
)
def test_rate_holds_whatever_the_stream_and_its_jitter(stream_rate, rate, jitter):
    times = [100.0 + (number + shift) / stream_rate for number, shift in enumerate(jitter)]
    chosen = _chosen(times, rate)
    expected = (times[-1] - times[0]) * min(rate, stream_rate)
    assert abs(len(chosen) - expected) <= 2.5 + 0.05 * expected
    longest = max((later - sooner for sooner, later in pairwise(chosen)), default=0.0)
    assert longest <= 1.0 / rate + 2.0 / stream_rate


@given(
    rate=st.floats(0.2, 10.0),
    count=st.integers(2, 16),
    began=st.floats(0.0, 1e6),
    gap=st.none() | st.floats(0.1, 100.0),
)
def test_cameras_that_start_together_take_turns(rate, count, began, gap):
    """Beds that are analysed at the same moments wait for each other, and nobody uses the rest of the time."""
    samplers = [Sampler(rate, index / count) for index in range(count)]
    step = 1.0 / (rate * count * 4)
    times = [began + number * step for number in range(count * 16)]
    if gap is not None:
        times += [times[-1] + gap + number * step for number in range(count * 16)]
    chosen = [[time for time in times if sampler.due(time)] for sampler in samplers]
    for own in chosen:
        assert own[0] == times[0]
        assert max(later - sooner for sooner, later in pairwise(own)) <= 1.0 / rate + (gap or 0.0) + 2 * step
    last = [own[-1] * rate % 1.0 for own in chosen]
    for index, one in enumerate(last):
        for other in last[index + 1 :]:
            apart = abs(one - other)
            assert min(apart, 1.0 - apart) >= 0.4 / count


def test_stream_at_the_analysed_rate_loses_nothing_to_jitter():
    """Pictures that come a few milliseconds early must not be skipped: every second one would be lost."""
    times = [number * 0.2 + (-0.005 if number % 2 else 0.005) for number in range(50)]
    assert len(_chosen(times, 5.0)) == 50


def test_bursts_do_not_change_the_rate():
    """Two pictures at a time, as some networks deliver them."""
    times = [(number // 2) * (2 / 30) + (number % 2) * 0.001 for number in range(300)]
    assert len(_chosen(times, 5.0)) == pytest.approx(50, abs=2)


def test_gap_is_not_made_up_for():
    times = [number / 30 for number in range(60)] + [60.0 + number / 30 for number in range(60)]
    chosen = _chosen(times, 5.0)
    assert len([time for time in chosen if time >= 60.0]) == 10


@pytest.mark.parametrize("jump", [-1000.0, 1000.0])
def test_jump_of_time_does_not_stop_the_choice(jump):
    times = [2000.0 + number / 30 for number in range(60)] + [2000.0 + jump + number / 30 for number in range(60)]
    assert len(_chosen(times, 5.0)[10:]) == 10


def test_rate_can_be_changed_while_it_runs():
    sampler = Sampler(10.0)
    times = [number / 30 for number in range(300)]
    first = sum(sampler.due(time) for time in times[:150])
    sampler.frames_per_second = 2.0
    second = sum(sampler.due(time) for time in times[150:])
    assert (first, second) == (50, 10)


def test_none_selects_everything():
    assert _chosen([0.0, 0.0, 5.0, 1.0], None) == [0.0, 0.0, 5.0, 1.0]


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_rates_are_refused(rate):
    with pytest.raises(ValueError, match="must be above 0"):
        Sampler(rate)


@given(count=st.integers(6, 16), rates=st.lists(st.floats(2.5, 5.0), min_size=2, max_size=8))
def test_cameras_whose_rates_change_together_keep_their_turns(count, rates):
    """A machine that is too slow changes all rates at once; every bed then had a frame in the same moment."""
    samplers = [Sampler(5.0, index / count) for index in range(count)]
    chosen: list[list[float]] = [[] for _ in samplers]
    for step in range(int(200 * len(rates))):
        time = step / 100
        for own, sampler in zip(chosen, samplers, strict=True):
            if step % 200 == 0:
                sampler.frames_per_second = rates[step // 200]
            if sampler.due(time):
                own.append(time)
    settled = 1.0 / min(rates)
    for own in chosen:
        assert max(later - sooner for sooner, later in pairwise(own)) <= 1.0 / min(rates) + 0.03
    together = Counter(time for own in chosen for time in own if time > settled)
    # Half of them may be overdue by a rate that has doubled, and one is due anyway.
    assert max(together.values()) <= 2 + count // 2


@given(phase=st.none() | st.floats(0.0, 0.99), changed=st.integers(0, 24))
def test_a_bed_that_is_analysed_more_often_again_is_analysed_within_a_period(phase, changed):
    sampler = Sampler(1.0, phase)
    chosen = []
    for picture in range(75):
        if picture == 25 + changed:
            sampler.frames_per_second = 5.0
        if sampler.due(picture / 25):
            chosen.append(picture)
    after = [picture for picture in chosen if picture >= 25 + changed]
    assert after[0] <= 25 + changed + 6
    assert max(later - sooner for sooner, later in pairwise(after)) <= 6


@given(phase=st.floats(0.0, 0.99), rate=st.floats(1.0, 4.9), changed=st.integers(0, 24))
def test_a_face_is_followed_across_a_lower_rate(phase, rate, changed):
    """No gap is longer than one at the lower rate, or the patient's identity would be lost when a machine slows."""
    sampler, chosen = Sampler(5.0, phase), []
    for picture in range(150):
        if picture == 25 + changed:
            sampler.frames_per_second = rate
        if sampler.due(picture / 25):
            chosen.append(picture / 25)
    assert max(later - sooner for sooner, later in pairwise(chosen)) <= 1.0 / rate + 0.041
