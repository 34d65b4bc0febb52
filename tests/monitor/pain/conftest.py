"""What the tests of the alarm logic share."""

import itertools
from collections.abc import Callable

import pytest

from monitor.config import AlarmSettings
from monitor.pain import BedAlarms, Sample, StationAlarms, Transition, Visibility


class Watched:
    """A bed monitor that remembers every transition, with short words for what happens in front of the camera."""

    def __init__(self, settings: AlarmSettings | None = None, rate: float = 5.0) -> None:
        numbers = itertools.count(1)
        self.settings = settings or AlarmSettings()
        self.monitor = BedAlarms(self.settings, lambda: f"alert-{next(numbers)}")
        self.rate = rate
        self.now = 0.0
        self.transitions: list[Transition] = []
        self.observation = self.monitor.observation()

    def show(
        self, seconds: float, score: float | None = None, visibility: Visibility | None = None
    ) -> list[Transition]:
        """Let frames come for a while; returns what changed."""
        seen = visibility or (Visibility.NO_FACE if score is None else Visibility.USABLE)
        changed: list[Transition] = []
        for _ in range(round(seconds * self.rate)):
            self.now += 1 / self.rate
            step = self.monitor.observe(Sample(self.now, score, seen))
            self.observation = step.observation
            changed += step.transitions
        self.transitions += changed
        return changed

    def wait(self, seconds: float, step_seconds: float = 0.5) -> list[Transition]:
        """Let time pass without frames."""
        changed: list[Transition] = []
        for _ in range(round(seconds / step_seconds)):
            self.now += step_seconds
            step = self.monitor.tick(self.now)
            self.observation = step.observation
            changed += step.transitions
        self.transitions += changed
        return changed

    def note(self, changed: tuple[Transition, ...]) -> list[Transition]:
        """Remember what a call other than a frame or a tick changed."""
        self.transitions += changed
        return list(changed)


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def watch() -> Callable[..., Watched]:
    return Watched


@pytest.fixture
def station() -> StationAlarms:
    numbers = itertools.count(1)
    return StationAlarms(AlarmSettings(), lambda: f"alert-{next(numbers)}")
