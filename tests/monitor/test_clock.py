from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import ManualClock, SystemClock
from monitor.telemetry.clock_sync import StepDetector, is_synchronised


class SteppedClock(ManualClock):
    """A clock whose wall time somebody sets."""

    offset = timedelta()

    def wall(self):
        return super().wall() + self.offset


def test_a_manual_clock_never_goes_back():
    clock = ManualClock(5.0)
    clock.advance_to(6.0)
    with pytest.raises(ValueError, match="cannot go back"):
        clock.advance_to(5.0)
    assert clock.monotonic() == 6.0
    assert clock.wall() == datetime(1970, 1, 1, 0, 0, 6, tzinfo=UTC)


def test_the_system_clock_labels_in_utc():
    assert SystemClock().wall().utcoffset() == timedelta()


@given(step=st.floats(-86_400, 86_400), pause=st.floats(0, 3_600))
def test_a_step_of_the_wall_clock_is_seen_once_and_slewing_never(step, pause):
    clock = SteppedClock()
    steps = StepDetector(clock)
    clock.advance(pause)
    assert steps.step_seconds() == 0.0
    clock.offset = timedelta(seconds=step)
    seen = steps.step_seconds()
    assert seen == (pytest.approx(step, abs=1e-3) if abs(step) > 1.001 else pytest.approx(0.0, abs=1.001))
    assert steps.step_seconds() == 0.0


def test_the_kernel_can_be_asked():
    assert is_synchronised() in (True, False, None)
