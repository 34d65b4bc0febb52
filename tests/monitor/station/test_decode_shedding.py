"""Cameras shed and return without a swing, on a simulated machine whose threads share its cores evenly."""

import itertools
import math
from collections import Counter, deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.clock import ManualClock
from monitor.station.decode_shedding import DecodeShedding
from monitor.station.load_governor import Load, LoadGovernor
from monitor.video.decode_governor import DecodeChoice, DecodeGovernor
from monitor.video.probe import PipelineProbe
from monitor.video.sampling import Sampler

STEP_SECONDS = 0.05
PICTURE_SECONDS, KEY_EVERY = 0.04, 40
DECODE_SECONDS, KEY_DECODE_SECONDS, ANALYSIS_SECONDS = 0.0035, 0.008, 0.03
"""About what a camera-like stream in 720p and a calm face cost."""

WORKERS = 2
FULL_RATE = 5.0


class SimulatedCamera:
    """A stream, its decoder's queue and its newest frame."""

    def __init__(self, name: str, phase: int) -> None:
        self.name = name
        self.numbers = itertools.count(phase)
        self.governor = DecodeGovernor()
        self.queue: deque[tuple[float, float]] = deque()
        self.left_seconds = 0.0
        self.awaits_key = True
        self.lag_seconds: float | None = None
        self.offered_seconds = -math.inf
        self.has_frame = False
        self.changes: list[float] = []

    def receive(self, now: float) -> None:
        is_key = next(self.numbers) % KEY_EVERY == 0
        self.awaits_key = self.awaits_key and not is_key
        if is_key or not (self.awaits_key or self.governor.keyframes_only):
            self.queue.append((now, KEY_DECODE_SECONDS if is_key else DECODE_SECONDS))

    def decode(self, seconds: float, now: float, rate: float) -> None:
        self.left_seconds += seconds
        while self.queue and self.left_seconds >= self.queue[0][1]:
            arrival, cost = self.queue.popleft()
            self.left_seconds -= cost
            self.lag_seconds = now - arrival
            if arrival - self.offered_seconds >= 1.0 / rate - 1e-6:
                self.offered_seconds, self.has_frame = arrival, True
        if not self.queue:
            self.left_seconds = 0.0

    def govern(self, now: float, station: LoadGovernor) -> None:
        before = self.governor.keyframes_only
        after = self.governor.update(
            now,
            self.lag_seconds or 0.0,
            lambda: station.may_shed(self.name, now),
            lambda: station.must_shed(self.name, now, KEY_EVERY * PICTURE_SECONDS),
            lambda: station.may_return(self.name, now),
        )
        if after == before:
            return
        self.changes.append(now)
        self.awaits_key = True
        self.queue = deque(picture for picture in self.queue if picture[1] == KEY_DECODE_SECONDS)


class Machine:
    """Cores that every thread with work has an even share of."""

    def __init__(self, cameras: int, cores: float = 2.0) -> None:
        self.cameras = [SimulatedCamera(f"b{number}", 7 * number) for number in range(cameras)]
        self.cores = cores
        self.governor = LoadGovernor(FULL_RATE)
        self.now = 0.0
        self.analysed: Counter[str] = Counter()
        self.busy_seconds = 0.0
        self.left_seconds = 0.0
        self.turn = itertools.cycle(range(cameras))
        self.checked = (0.0, 0.0)
        self.done: deque[float] = deque()
        self.lags: list[float] = []

    def run(self, seconds: float) -> Counter[str]:
        """Let time pass; return how many frames of each camera were analysed."""
        before = Counter(self.analysed)
        for _ in range(round(seconds / STEP_SECONDS)):
            self._step()
        return self.analysed - before

    @property
    def shed(self) -> int:
        """How many cameras decode key frames only."""
        return sum(camera.governor.keyframes_only for camera in self.cameras)

    def _step(self) -> None:
        for at in range(round(STEP_SECONDS / 0.01)):
            moment = round(self.now * 100) + at
            if moment % round(PICTURE_SECONDS * 100) == 0:
                for camera in self.cameras:
                    camera.receive(moment / 100)
        self.now += STEP_SECONDS
        decoders = [camera for camera in self.cameras if camera.queue]
        waiting = min(WORKERS, sum(camera.has_frame for camera in self.cameras))
        share = min(1.0, self.cores / max(1, len(decoders) + waiting)) * STEP_SECONDS
        for camera in decoders:
            camera.decode(share, self.now, self.governor.rate)
        self._analyse(waiting, share)
        if self.now - self.checked[0] >= 1.0:
            busy = (self.busy_seconds - self.checked[1]) / WORKERS / (self.now - self.checked[0])
            self.checked = (self.now, self.busy_seconds)
            while self.done and self.now - self.done[0] > 10.0:
                self.done.popleft()
            lags = {camera.name: camera.lag_seconds for camera in self.cameras}
            self.governor.update(self.now, Load(busy, lags, len(self.done) / 10.0))
        for camera in self.cameras:
            camera.govern(self.now, self.governor)
        self.lags.append(max(camera.lag_seconds or 0.0 for camera in self.cameras))

    def _analyse(self, waiting: int, share: float) -> None:
        wanted = ANALYSIS_SECONDS * sum(camera.has_frame for camera in self.cameras) - self.left_seconds
        worked = max(0.0, min(waiting * share, wanted + 1e-9))
        # A thread that shares a core is busy for longer than it works.
        self.busy_seconds += worked / share * STEP_SECONDS
        self.left_seconds += worked
        while self.left_seconds >= ANALYSIS_SECONDS:
            found = next(camera for _ in self.cameras if (camera := self.cameras[next(self.turn)]).has_frame)
            self.left_seconds -= ANALYSIS_SECONDS
            found.has_frame = False
            self.analysed[found.name] += 1
            self.done.append(self.now)


@pytest.mark.parametrize("cameras", [14, 20, 24, 30])
def test_far_too_many_cameras_settle_instead_of_swinging(cameras):
    machine = Machine(cameras)
    # The first seconds are the worst: every camera lags, and it takes a few seconds to let them go.
    machine.run(12.0)
    machine.lags.clear()
    machine.run(68.0)
    began = machine.now
    analysed = machine.run(240.0)
    assert max(machine.lags) < 2.0
    changes = [moment for camera in machine.cameras for moment in camera.changes if moment > began]
    assert len(changes) <= cameras, "in four minutes"
    total = sum(analysed.values()) / 240.0
    assert min(analysed.values()) >= 0.6 * sum(analysed.values()) / cameras
    # At least as many as there are key frames, which hardly cost anything.
    assert total >= 0.9 * cameras / (KEY_EVERY * PICTURE_SECONDS)
    assert machine.governor.is_too_slow


def test_a_load_that_passes_leaves_nothing_behind():
    machine = Machine(5, cores=3.0)
    machine.run(20.0)
    assert machine.governor.rate == FULL_RATE
    assert machine.shed == 0
    machine.cores = 0.3
    machine.run(40.0)
    assert machine.shed > 0
    assert machine.governor.is_too_slow
    machine.cores = 3.0
    machine.run(90.0)
    assert machine.shed == 0
    assert machine.governor.rate == FULL_RATE
    assert not machine.governor.is_too_slow


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 10), st.floats(0.1, 2.0), st.floats(5.0, 60.0))
def test_every_camera_returns_after_any_load(cameras, cores, seconds):
    machine = Machine(cameras, cores)
    machine.run(seconds)
    machine.cores = 16.0
    machine.run(300.0)
    assert machine.shed == 0
    assert machine.governor.rate == FULL_RATE


def test_decoders_that_keep_up_and_starve_the_workers_turn_to_key_frames():
    governor, now = LoadGovernor(FULL_RATE), 0.0
    lags = {f"b{number}": 0.0 for number in range(8)}
    for second in range(60):
        now = float(second)
        governor.update(now, Load(1.0, lags, 2.0))
        if governor.must_shed("b1", now, 2.0):
            break
    assert 10.0 < now < 25.0, "not before a lower rate has been tried"
    assert governor.must_shed("b1", now, 2.0) is False, "one of eight at a time"
    # Four frames a second of eight cameras are as many as their key frames.
    enough = LoadGovernor(FULL_RATE)
    for second in range(60):
        enough.update(float(second), Load(1.0, lags, 4.0))
        assert not enough.must_shed("b1", float(second), 2.0)


@pytest.mark.parametrize("is_cut_off", [True, False])
def test_a_camera_that_is_gone_or_cut_off_holds_no_other_back(is_cut_off):
    governor, now = LoadGovernor(FULL_RATE), 0.0
    lags: dict[str, float | None] = {"b1": 4.0, "b2": 4.0}
    for _ in range(10):
        now += 1.0
        governor.update(now, Load(0.5, lags))
    assert governor.may_shed("b1", now)
    assert governor.shed_cameras == 1
    lags = {"b1": None, "b2": 0.1} if is_cut_off else {"b2": 0.1}
    for _ in range(12):
        now += 1.0
        governor.update(now, Load(0.5, lags))
    assert governor.shed_cameras == 0
    assert governor.rate == FULL_RATE


def test_a_camera_that_is_replaced_while_it_decodes_key_frames_only_holds_no_other_back():
    governor, clock = LoadGovernor(FULL_RATE), ManualClock()
    choices = {name: DecodeChoice(name, governor) for name in ("b1", "b2")}
    probes = {name: PipelineProbe(clock, Sampler(FULL_RATE)) for name in choices}

    def run(lag_seconds: float, busy_share: float) -> None:
        for second in range(20):
            clock.advance(1.0)
            governor.update(clock.monotonic(), Load(busy_share, dict.fromkeys(choices, lag_seconds)))
            for name, choice in choices.items():
                probes[name].encoded(second * 1_000_000_000, keyframe=True)
                probes[name].lag_seconds = lag_seconds
                choice.update(clock.monotonic(), probes[name])

    run(4.0, 1.0)
    assert governor.shed_cameras == 2
    # As a reload does with another address.
    choices["b1"] = DecodeChoice("b1", governor)
    assert governor.shed_cameras == 1
    run(0.0, 0.1)
    assert governor.shed_cameras == 0
    assert governor.rate == FULL_RATE


def test_cameras_that_are_lost_because_they_lag_are_not_taken_for_one_that_lags_alone():
    governor, now = LoadGovernor(FULL_RATE), 0.0
    for _ in range(3):
        now += 1.0
        governor.update(now, Load(0.5, {"b1": 4.0, "b2": 4.0, "b3": None}))
    assert governor.may_shed("b1", now)
    assert governor.shed_cameras == 1, "it returns when the station says so"


def test_an_eighth_of_the_cameras_shed_in_a_second_and_they_return_one_by_one():
    shedding = DecodeShedding()
    names = [f"b{number}" for number in range(16)]
    assert [shedding.shed(name, 0.0, 16) for name in names[:4]] == [True, True, False, False]
    assert shedding.shed("b2", 1.0, 16)
    assert all(shedding.shed(name, 1.5, 16, takes_all=True) for name in names[3:])
    assert not any(shedding.give_back(name, 6.4, 16) for name in names)
    assert [shedding.give_back(name, 6.5, 16) for name in names[:3]] == [True, False, False]
    assert not shedding.give_back("b1", 7.9, 16)
    assert shedding.give_back("b1", 8.0, 16)
    assert shedding.give_back("b2", 8.8, 16, is_idle=True)
    assert not shedding.has_relapsed
    # Too much: the next trial waits twice as long.
    assert shedding.shed("b1", 16.0, 16)
    assert shedding.has_relapsed
    assert not shedding.give_back("b1", 25.9, 16)
    assert shedding.give_back("b1", 26.0, 16)
