"""Labels never go back."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitor.telemetry.label_clock import LabelClock

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class SetClock:
    """A wall clock that somebody sets."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.offset = timedelta()

    def monotonic(self) -> float:
        return self.seconds

    def wall(self) -> datetime:
        return BEGIN + timedelta(seconds=self.seconds) + self.offset


def test_labels_follow_the_wall_clock_forward_and_catch_up_after_it_was_set_back() -> None:
    machine = SetClock()
    labels = LabelClock(machine)
    assert labels.wall() == BEGIN
    machine.offset = timedelta(hours=5)
    assert labels.wall() == BEGIN + timedelta(hours=5)
    assert not labels.is_ahead()
    machine.offset = timedelta(hours=4)
    machine.seconds = 10
    assert labels.wall() == BEGIN + timedelta(hours=5, seconds=5)
    assert labels.is_ahead()
    machine.seconds = 7300
    assert labels.wall() == machine.wall()
    assert not labels.is_ahead()


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(-1e7, 1e7))))
def test_labels_never_go_back(steps: list[tuple[float, float]]) -> None:
    machine = SetClock()
    labels = LabelClock(machine)
    last = labels.wall()
    for elapsed, offset in steps:
        machine.seconds += elapsed
        machine.offset = timedelta(seconds=offset)
        label = labels.wall()
        assert label >= max(last, machine.wall())
        last = label
