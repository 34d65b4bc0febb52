from hypothesis import given
from hypothesis import strategies as st

from monitor.station.load_governor import Load, LoadGovernor

BUSY, IDLE = Load(0.99, {"b1": 0.0}), Load(0.3, {"b1": 0.0})


def lags(*seconds: float) -> dict[str, float]:
    return {f"b{number}": lag for number, lag in enumerate(seconds, 1)}


def run(governor: LoadGovernor, load: Load, seconds: int, start: float = 0.0) -> float:
    for second in range(seconds):
        governor.update(start + second, load)
    return governor.rate


def test_all_beds_slow_down_while_the_workers_are_busy_and_are_back_within_ten_seconds():
    governor = LoadGovernor(5.0)
    assert run(governor, BUSY, 3) < 5.0
    assert run(governor, BUSY, 20, 3) == 1.0
    assert governor.is_too_slow
    assert run(governor, IDLE, 10, 23) == 5.0
    assert not governor.is_too_slow


@given(limit=st.floats(1.6, 4.6), delay=st.integers(0, 2))
def test_near_what_the_machine_can_do_the_rate_swings_little(limit, delay):
    """A higher rate takes effect with each camera's next key frame; large steps until then lead far beyond and back."""
    governor, rates, busy = LoadGovernor(5.0), [5.0], 0
    for second in range(120):
        in_effect = min(rates[-1], rates[max(0, len(rates) - 1 - delay)])
        governor.update(float(second), Load(min(1.0, 0.9 * in_effect / limit), {"b1": 0.0}))
        rates.append(governor.rate)
        busy += second >= 60 and in_effect > 1.05 * limit
    settled = rates[60:]
    assert sum(settled) / len(settled) >= 0.75 * limit
    assert max(settled) <= min(5.0, 1.35 * limit)
    assert min(settled) >= 0.5 * limit
    assert busy <= 25, "of sixty seconds"


def test_a_machine_that_is_late_once_is_back_within_ten_seconds():
    governor = LoadGovernor(5.0)
    run(governor, IDLE, 20)
    run(governor, BUSY, 1, 20)
    assert governor.rate < 4.0
    assert run(governor, IDLE, 9, 21) == 5.0


def test_key_frames_come_last_and_a_camera_that_is_late_alone_may_have_them_at_once():
    governor = LoadGovernor(5.0)
    run(governor, BUSY, 2)
    assert not governor.may_shed("b1", 2.0), "a lower rate was not tried yet"
    run(governor, BUSY, 20, 2)
    assert governor.may_shed("b1", 22.0)
    alone = LoadGovernor(5.0)
    run(alone, Load(0.4, lags(0.0, 0.0, 4.0)), 5)
    assert alone.rate == 5.0
    assert alone.may_shed("b3", 5.0)
    assert alone.shed_cameras == 0
    assert alone.may_return("b3", 6.0), "its own time decides"


def test_decoders_that_are_late_together_slow_all_beds_down():
    governor = LoadGovernor(5.0)
    assert run(governor, Load(0.3, lags(1.2, 0.9, 2.0)), 12) == 1.0


@given(st.lists(st.tuples(st.floats(0.0, 3.0), st.floats(0.0, 1.2), st.lists(st.floats(0.0, 5.0), max_size=4))))
def test_the_rate_stays_within_its_bounds(steps):
    governor, now = LoadGovernor(5.0, 1.0), 0.0
    for gap, busy, values in steps:
        now += gap
        governor.update(now, Load(busy, lags(*values)))
        assert 1.0 <= governor.rate <= 5.0
