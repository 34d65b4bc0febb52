import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.pain.sliding_window import SlidingWindow

GAPS = st.floats(0.005, 40.0)


@settings(deadline=None)
@given(spells=st.lists(st.tuples(GAPS, GAPS), min_size=1, max_size=40), after=st.floats(0.0, 50.0))
def test_agrees_with_adding_up_the_intervals(spells, after):
    window, now, intervals = SlidingWindow.of(30.0), 1000.0, []
    for off, on in spells:
        intervals.append((now + off, now + off + on))
        now += off + on
        window.add_time(*intervals[-1])
    now += after
    exact = sum(max(0.0, end - max(begin, now - 30.0)) for begin, end in intervals)
    assert window.time_seconds(now) == pytest.approx(exact, abs=30.0 / 300 + 1e-5)


@settings(deadline=None)
@given(rate=st.floats(2.0, 200.0), present=st.integers(1, 9))
def test_fast_flicker_keeps_its_share(rate, present):
    """Ten frames, some with a face, again and again: the share does not depend on the frame rate."""
    window = SlidingWindow.of(30.0)
    frames = int(40 * rate)
    for number in range(frames):
        if number % 10 < present:
            window.add_time(number / rate, (number + 1) / rate)
    share = window.time_seconds(frames / rate) / 30.0
    assert share == pytest.approx(present / 10, abs=10 / rate / 30 + 1 / 300)


@settings(deadline=None)
@given(offset=st.floats(-1e6, 1e6))
def test_does_not_depend_on_the_origin_of_time(offset):
    shifted, plain = SlidingWindow.of(30.0), SlidingWindow.of(30.0)
    for begin, end in ((0.0, 3.0), (5.25, 9.5), (20.0, 36.125)):
        plain.add_time(begin, end)
        shifted.add_time(begin + offset, end + offset)
    assert shifted.time_seconds(41.0 + offset) == pytest.approx(plain.time_seconds(41.0), abs=1e-4)


def test_counts_events_within_the_window():
    window = SlidingWindow.of(30.0)
    for number in range(1000):
        window.add_count(number / 5)
    assert window.count(999 / 5) == pytest.approx(150, abs=1)
    assert window.count(999 / 5 + 100) == 0


def test_never_drifts_and_never_grows():
    window = SlidingWindow.of(30.0)
    for number in range(50_000):
        window.add_time(number * 0.1, number * 0.1 + 0.0333)
    assert window.is_sound()
    assert len(window.buckets) == 301
    window.time_seconds(1e7)
    assert window.total == 0


def test_what_is_older_than_the_window_is_ignored():
    window = SlidingWindow.of(30.0)
    window.add_time(100.0, 101.0)
    window.add_time(0.0, 1.0)
    assert window.time_seconds(101.0) == pytest.approx(1.0)


def test_an_empty_window_is_empty_and_stays_without_an_origin():
    window = SlidingWindow.of(30.0)
    assert window.time_seconds(5.0) == 0.0
    assert window.origin_seconds is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda window: window.buckets.__setitem__(3, window.buckets[3] + 1),
        # The sum is right, the time in one bucket is not.
        lambda window: window.buckets.__setitem__(slice(3, 5), [-1, window.buckets[3] + window.buckets[4] + 1]),
        lambda window: window.buckets.append(0),
    ],
)
def test_damage_is_seen(damage):
    window = SlidingWindow.of(30.0)
    window.add_time(0.0, 1.0)
    assert window.is_sound()
    damage(window)
    assert not window.is_sound()
