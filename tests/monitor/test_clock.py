import ctypes
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import ManualClock, SystemClock
from monitor.telemetry import clock_sync
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


@pytest.mark.skipif(sys.platform != "linux", reason="adjtimex is a call of Linux")
def test_the_kernel_answers_as_the_c_library_says_it_does():
    """ntp_gettime(3) is another way to the same state."""
    state = ctypes.CDLL(None).ntp_gettime(ctypes.create_string_buffer(512))
    assert is_synchronised() is (None if state < 0 else state != 5)


@pytest.mark.parametrize(("state", "expected"), [(0, True), (1, True), (4, True), (5, False), (-1, None)])
def test_only_the_error_state_means_that_no_service_disciplines_the_clock(monkeypatch, state, expected):
    """Nobody may bring a real kernel into these states for a test."""
    kernel = SimpleNamespace(adjtimex=lambda _buffer: state)
    monkeypatch.setattr(clock_sync, "sys", SimpleNamespace(platform="linux"))
    monkeypatch.setattr(clock_sync.ctypes, "CDLL", lambda *_args, **_kwargs: kernel)
    assert is_synchronised() is expected


def test_a_system_without_the_call_gives_no_answer(monkeypatch):
    monkeypatch.setattr(clock_sync.ctypes, "CDLL", lambda *_args, **_kwargs: SimpleNamespace())
    assert is_synchronised() is None
    monkeypatch.setattr(clock_sync, "sys", SimpleNamespace(platform="darwin"))
    assert is_synchronised() is None
