import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.video.decode_governor import DecodeGovernor
from monitor.video.stall_watchdog import StallLimits, Watchdog

LIMITS = StallLimits(data_seconds=2.0, opening_seconds=5.0, first_picture_seconds=15.0, picture_seconds=6.0)


@pytest.mark.parametrize(
    ("now", "data", "picture", "words"),
    [
        (104.9, None, None, None),
        (105.1, None, None, "sent nothing within 5 s"),
        (110.0, 109.9, None, None),
        (112.1, 110.0, None, "has sent nothing for 2 s"),
        (120.0, 119.9, 119.9, None),
        (126.1, 126.0, 120.0, "no picture could be decoded for 6 s"),
    ],
)
def test_each_stage_has_its_limit(now, data, picture, words):
    fault = Watchdog(LIMITS, opened_seconds=100.0).fault(now, data, picture)
    assert fault is None if words is None else words in fault


def test_wait_for_the_first_key_frame_is_bounded():
    watchdog = Watchdog(LIMITS, opened_seconds=100.0)
    assert watchdog.fault(101.0, 101.0, None) is None
    assert watchdog.fault(115.9, 115.8, None) is None
    assert "no picture" in watchdog.fault(116.1, 116.0, None)


def test_overload_is_shed_and_left_again_ever_more_reluctantly():
    governor = DecodeGovernor(hold_seconds=10.0, longest_hold_seconds=35.0)
    held = []
    now = 0.0
    for _ in range(5):
        assert not governor.update(now, 1.5)
        now += 1.0
        assert governor.update(now, 1.5)
        began = now
        while governor.update(now, 0.1):
            now += 0.5
        held.append(now - began)
        now += 1.0
    assert held == [10.0, 20.0, 35.0, 35.0, 35.0]


def test_overload_holds_while_the_lag_stays():
    governor = DecodeGovernor(hold_seconds=10.0)
    governor.update(0.0, 1.2)
    assert all(governor.update(float(second), 1.2) for second in range(1, 100))


def test_short_lag_as_at_the_start_is_no_overload():
    governor = DecodeGovernor()
    assert not any(governor.update(number * 0.1, 3.0 if number < 10 else 0.1) for number in range(100))


@given(st.lists(st.floats(0.0, 1.0), max_size=100))
def test_small_lags_are_no_overload(lags):
    governor = DecodeGovernor()
    assert not any(governor.update(float(number), lag) for number, lag in enumerate(lags))
