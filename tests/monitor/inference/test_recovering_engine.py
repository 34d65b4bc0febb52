"""An engine that fails on demand, and can or cannot be opened again: who answers, and what is reported."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mean_model import mean_model

from monitor.errors import EngineError, EngineInputError
from monitor.inference.onnxruntime_engine import OnnxRuntimeEngine
from monitor.inference.recovering_engine import EngineHealth, RecoveringEngine


class Device:
    """What fails on demand, and every engine that was opened on it."""

    def __init__(self, model: bytes) -> None:
        self.model = model
        self.runs = self.opens = self.closes = True
        self.error: type[Exception] = EngineError
        self.may_open = threading.Event()
        self.may_open.set()
        self.opened: list[DeviceEngine] = []

    def open(self) -> "DeviceEngine":
        assert self.may_open.wait(30)
        if not self.opens:
            raise EngineError("the GPU is lost")
        engine = DeviceEngine(self)
        self.opened.append(engine)
        return engine

    @property
    def living(self) -> int:
        return sum(engine._session is not None for engine in self.opened)


class DeviceEngine(OnnxRuntimeEngine):
    def __init__(self, device: Device) -> None:
        super().__init__(device.model)
        self.device = device
        self.failed = False

    @property
    def name(self) -> str:
        return "tensorrt"

    def run(self, inputs: Any) -> Any:
        answer = super().run(inputs)
        self.failed |= not self.device.runs  # an error of a GPU sticks
        if self.failed:
            raise self.device.error("an illegal memory access was encountered")
        return answer

    def close(self) -> None:
        super().close()
        if not self.device.closes:
            raise RuntimeError("context is destroyed")


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Bench:
    def __init__(self, model: bytes, *, has_reserve: bool = True) -> None:
        self.device, self.health, self.time = Device(model), EngineHealth(), Time()
        self.reserve = OnnxRuntimeEngine(model) if has_reserve else None
        self.engine = RecoveringEngine(self.device.open(), self.device.open, self.reserve, self.health, self.time)

    def run(self, grey: int = 51) -> float:
        crops = np.full((1, 16, 16, 3), grey, np.uint8)
        return float(self.engine.run({"crops": crops})["score"][0])


@pytest.fixture
def bench(classifier_onnx: Callable[..., bytes]) -> Bench:
    return Bench(classifier_onnx())


def test_one_failure_is_mended_by_opening_again_and_costs_no_frame(bench: Bench) -> None:
    bench.device.opened[0].failed = True
    assert bench.run() == pytest.approx(0.2)
    assert len(bench.device.opened) == 2
    assert bench.device.living == 1
    assert bench.engine.name == "tensorrt"
    assert bench.health.degraded is None


def test_a_device_that_is_lost_is_replaced_and_taken_back(bench: Bench) -> None:
    bench.device.opens = False
    bench.device.opened[0].failed = True
    for grey in (51, 255, 0):
        assert bench.run(grey) == pytest.approx(grey / 255)
    assert bench.engine.name == "onnxruntime"
    assert bench.health.degraded == "The engine tensorrt failed; onnxruntime answers in its place, perhaps less often."
    bench.device.opens = True
    bench.run()
    assert bench.engine.name == "onnxruntime", "the next attempt is not due yet"
    bench.time.now += 60
    _until(bench, lambda: bench.engine.name == "tensorrt")
    assert bench.health.degraded is None
    bench.engine.close()
    assert bench.device.living == 0
    assert bench.reserve._session is None


def test_everything_is_freed_where_an_engine_cannot_be(bench: Bench) -> None:
    bench.device.closes = False
    bench.engine.close()
    assert bench.device.living == 0
    assert bench.reserve._session is None


def test_what_comes_late_and_cannot_be_freed_ends_no_thread_with_an_error(bench: Bench) -> None:
    bench.device.may_open.clear()
    bench.device.opened[0].failed = True
    bench.run()
    opening = bench.engine._opening
    bench.device.closes = False
    ended = threading.Thread(target=bench.engine.close)
    ended.start()
    while opening._is_wanted:
        threading.Event().wait(0.001)
    bench.device.may_open.set()
    ended.join(30)
    assert opening.has_ended(30)
    assert bench.device.living == 0


def _until(bench: Bench, is_reached: Callable[[], bool]) -> None:
    for _ in range(1000):
        assert bench.run() == pytest.approx(0.2)
        if is_reached():
            return
        threading.Event().wait(0.01)
    raise AssertionError("never reached")


def test_an_opening_that_hangs_holds_up_no_frame_and_is_closed_when_it_comes_late(bench: Bench) -> None:
    bench.device.may_open.clear()
    bench.device.opened[0].failed = True
    assert [bench.run(51) for _ in range(20)] == pytest.approx([0.2] * 20)
    assert bench.engine.name == "onnxruntime"
    thread = bench.engine._opening._thread
    bench.device.may_open.set()
    bench.engine.close()
    thread.join(30)
    assert bench.device.living == 0


def test_an_engine_that_opens_and_fails_each_time_is_opened_ever_less_often(bench: Bench) -> None:
    bench.device.runs = False
    attempts = []
    for _ in range(3600):
        bench.run()
        opening = bench.engine._opening
        if opening is not None:
            assert opening.has_ended(30)
        bench.time.now += 1.0
        attempts.append(len(bench.device.opened))
    first, second = attempts[1800], attempts[-1] - attempts[1800]
    assert 10 < second < 1800 / 25
    assert first < 1800 / 20
    assert bench.device.living == 0


def test_without_a_reserve_the_failure_is_the_callers_until_it_is_over(classifier_onnx: Callable[..., bytes]) -> None:
    bench = Bench(classifier_onnx(), has_reserve=False)
    bench.device.opens = False
    bench.device.opened[0].failed = True
    with pytest.raises(EngineError, match="illegal memory access"):
        bench.run()
    assert "illegal memory access" in (bench.health.degraded or "")
    with pytest.raises(EngineError, match="tensorrt failed and is not open again yet"):
        bench.run()
    bench.device.opens = True
    bench.time.now += 60
    assert bench.run() == pytest.approx(0.2)
    assert bench.health.degraded is None


def test_wrong_tensors_are_no_failure_of_the_engine(bench: Bench) -> None:
    with pytest.raises(EngineInputError, match="got float32"):
        bench.engine.run({"crops": np.zeros((1, 16, 16, 3), np.float32)})
    assert len(bench.device.opened) == 1
    assert bench.health.degraded is None


_STEP = st.tuples(
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from([EngineError, RuntimeError, TypeError, MemoryError]),
    st.sampled_from([0.1, 1.0, 5.0, 70.0]),
)


@given(steps=st.lists(_STEP, max_size=30))
def test_whatever_fails_when_every_frame_has_its_own_answer(
    classifier_model_bytes: bytes, steps: list[tuple[bool, bool, bool, type[Exception], float]]
) -> None:
    """Runs, openings and ends, with this project's errors and with those that bindings have of their own."""
    bench = Bench(classifier_model_bytes)
    for number, (runs, opens, closes, error, seconds) in enumerate(steps):
        bench.device.runs, bench.device.opens, bench.device.closes, bench.device.error = runs, opens, closes, error
        assert bench.run(number) == pytest.approx(number / 255, abs=1e-6)
        assert (bench.health.degraded is None) == (bench.engine.name == "tensorrt")
        bench.time.now += seconds
    bench.device.closes = True
    bench.engine.close()
    assert bench.device.living == 0
    assert bench.health.degraded is None


@pytest.fixture(scope="module")
def classifier_model_bytes() -> bytes:
    return mean_model()
