from monitor.clock import ManualClock
from monitor.telemetry.heartbeats import Heartbeats


def test_a_loop_is_late_only_after_its_own_limit_and_recovers():
    clock = ManualClock()
    beats = Heartbeats(clock)
    beats.expect("fast", 1.0)
    beats.expect("slow", 10.0)
    clock.advance(2)
    assert beats.late() == ["fast"]
    beats.beat("fast")
    assert beats.late() == []
    clock.advance(9)
    assert beats.late() == ["fast", "slow"]


def test_a_loop_that_ended_is_not_missed():
    clock = ManualClock()
    beats = Heartbeats(clock)
    beats.expect("camera", 1.0)
    beats.forget("camera")
    beats.beat("camera")
    clock.advance(100)
    assert beats.late() == []
