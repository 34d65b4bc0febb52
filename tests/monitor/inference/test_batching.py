"""Batches over beds: everybody gets their own answer, a failure stays within its batch, and nobody is starved."""

import gc
import threading
import weakref
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from mean_model import mean_model

from monitor.config import FaceSettings, ModelSettings
from monitor.errors import EngineError, EngineInputError
from monitor.inference.batching import Batcher
from monitor.inference.engine import TensorSpec
from monitor.inference.lazy_rows import LazyRows
from monitor.inference.onnxruntime_engine import OnnxRuntimeEngine
from monitor.inference.padded_engine import BatchSizes
from monitor.inference.recovering_engine import EngineHealth, RecoveringEngine
from monitor.pipeline.models import ModelSet


class MeanEngine:
    """Answers with the mean of every row, and remembers its batches; fails and waits on demand."""

    name = "mean"
    inputs = (TensorSpec("crops", (None, 2), np.dtype(np.uint8)),)
    outputs = (TensorSpec("score", (None,), np.dtype(np.float64)),)

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_run = threading.Event()
        self.may_run.set()
        self.poison: int | None = None
        self.threads: set[int] = set()
        self.is_closed = False
        self.closes = True
        self.lost_rows = 0
        self.has_begun = threading.Event()

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        assert not self.is_closed
        self.has_begun.set()
        assert self.may_run.wait(30)
        rows = inputs["crops"]
        self.threads.add(threading.get_ident())
        self.batches.append([int(row[0]) for row in rows])
        if self.poison is not None and self.poison in rows:
            raise EngineError("the batch failed")
        return {"score": rows.mean(axis=1)[self.lost_rows :]}

    def close(self) -> None:
        self.is_closed = True
        if not self.closes:
            raise RuntimeError("context is destroyed")


def rows(*values: int) -> dict[str, Any]:
    return {"crops": np.array([[value, value] for value in values], np.uint8)}


@pytest.fixture
def engine() -> Iterator[MeanEngine]:
    return MeanEngine()


def ask_while_busy(engine: MeanEngine, batcher: Batcher, values: range) -> tuple[list[Any], list[Any]]:
    """Let workers ask while a first batch runs; return the futures of all, and the handles."""
    handles = [batcher.open() for _ in values]
    pool = ThreadPoolExecutor(len(handles))
    engine.may_run.clear()
    asked = []
    for number, (value, handle) in enumerate(zip(values, handles, strict=True)):
        asked.append(pool.submit(handle.run, rows(value)))
        while number > 0 and len(batcher._requests) < number:  # the first is taken once its wait is over
            threading.Event().wait(0.001)
        while number == 0 and batcher._requests:
            threading.Event().wait(0.001)
        if number == 0:
            threading.Event().wait(0.05)
    engine.may_run.set()
    pool.shutdown(wait=False)
    return asked, handles


def test_what_is_asked_meanwhile_runs_together_in_the_order_of_asking(engine: MeanEngine) -> None:
    batcher = Batcher(engine, "a model", most_rows=4)
    asked, handles = ask_while_busy(engine, batcher, range(10, 17))
    assert [future.result(30)["score"].tolist() for future in asked] == [[value] for value in range(10, 17)]
    assert engine.batches == [[10], [11, 12, 13, 14], [15, 16]]
    assert len(engine.threads) == 1
    for handle in handles:
        handle.close()
        handle.close()
    assert engine.is_closed
    assert not batcher._thread.is_alive()


def test_a_failure_stays_within_its_batch(engine: MeanEngine) -> None:
    batcher = Batcher(engine, "a model", most_rows=2)
    engine.poison = 13
    asked, handles = ask_while_busy(engine, batcher, range(10, 17))
    outcomes = [future.exception(30) for future in asked]
    failed = [number for number, error in zip(range(10, 17), outcomes, strict=True) if error is not None]
    assert failed == [13, 14]
    assert all(isinstance(error, EngineError) and str(error) == "the batch failed" for error in outcomes if error)
    assert outcomes[3] is not outcomes[4]
    for handle in handles:
        handle.close()


def test_wrong_tensors_fail_their_worker_alone(engine: MeanEngine) -> None:
    handle = Batcher(engine, "a model").open()
    with pytest.raises(EngineInputError, match="a model: input crops must be uint8"):
        handle.run({"crops": np.zeros((1, 3), np.uint8)})
    assert engine.batches == []
    handle.close()


def test_a_single_worker_waits_for_nobody(engine: MeanEngine) -> None:
    """An hour of patience would show."""
    handle = Batcher(engine, "a model", wait_seconds=3600.0).open()
    assert handle.run(rows(7))["score"].tolist() == [7]
    handle.close()
    with pytest.raises(EngineError, match="was closed"):
        handle.run(rows(7))


def test_workers_that_wait_when_it_ends_are_answered(engine: MeanEngine) -> None:
    batcher = Batcher(engine, "a model", wait_seconds=3600.0)
    first, second = batcher.open(), batcher.open()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(first.run, rows(1))
        while not batcher._requests:
            threading.Event().wait(0.001)
        first.close()
        second.close()
        error = asked.exception(30)  # it may have been run just before
        assert error is None or "was closed" in str(error)
    assert engine.is_closed
    with pytest.raises(EngineError, match="have ended"):
        batcher.open()


def test_workers_that_wait_when_it_ends_are_answered_though_the_engine_cannot_be_freed(engine: MeanEngine) -> None:
    engine.closes = False
    batcher = Batcher(engine, "a model", most_rows=1)
    handles = [batcher.open() for _ in range(2)]
    engine.may_run.clear()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(handles[0].run, rows(1))
        assert engine.has_begun.wait(30)
        second = pool.submit(handles[1].run, rows(2))
        while not batcher._requests:
            threading.Event().wait(0.001)
        with batcher._changed:
            batcher._handles, batcher._is_open = 0, False
        engine.may_run.set()
        assert first.result(30)["score"].tolist() == [1]
        assert "was closed" in str(second.exception(30))
    batcher._thread.join(30)
    assert engine.is_closed


def test_an_answer_with_other_rows_than_asked_for_goes_to_nobody(engine: MeanEngine) -> None:
    """Cut up all the same, each bed would get the row of the next one."""
    engine.lost_rows = 1
    asked, handles = ask_while_busy(engine, Batcher(engine, "a model"), range(10, 14))
    assert all("a model answered score of shape" in str(future.exception(30)) for future in asked)
    engine.lost_rows = 0
    assert handles[0].run(rows(20))["score"].tolist() == [20]
    for handle in handles:
        handle.close()


@pytest.mark.parametrize("poison", [None, 3])
def test_no_picture_is_held_once_it_is_answered(engine: MeanEngine, poison: int | None) -> None:
    """Else a failure holds a batch until the collector of garbage comes, and a thread that waits holds its last one."""
    handle = Batcher(engine, "a model").open()
    engine.poison = poison
    asked = rows(3)
    picture = weakref.ref(asked["crops"])
    gc.disable()
    try:
        with suppress(EngineError):
            handle.run(asked)
        del asked
        for _ in range(1000):  # the worker may go on before the thread does
            if picture() is None:
                break
            threading.Event().wait(0.01)
        assert picture() is None
    finally:
        gc.enable()
    handle.close()


class Square:
    """What is cut out of one bed's picture, where it can be."""

    def __init__(self, grey: int) -> None:
        self.grey = grey

    def pixels(self) -> np.ndarray:
        if self.grey == 0:
            raise ValueError("a crop needs a box with a finite position")
        return np.full((16, 16, 3), self.grey, np.uint8)


class CannotCut:
    device, is_ready = "cuda", True

    def cut(self, *_: Any) -> bool:
        return False


def test_a_picture_that_cannot_be_cut_is_no_failure_of_the_engine_nor_of_other_beds() -> None:
    health, opened = EngineHealth(), []

    def open_one() -> OnnxRuntimeEngine:
        opened.append(OnnxRuntimeEngine(mean_model()))
        return opened[-1]

    engine = RecoveringEngine(open_one(), open_one, OnnxRuntimeEngine(mean_model()), health)
    batcher = Batcher(engine, "a model", wait_seconds=30.0)
    handles = [batcher.open() for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        asked = [
            pool.submit(handle.run, {"crops": LazyRows((Square(grey),), 16, CannotCut())})
            for handle, grey in zip(handles, (51, 0, 255), strict=True)
        ]
        failures = [future.exception(60) for future in asked]
    assert [type(failure) for failure in failures] == [type(None), EngineInputError, type(None)]
    assert "cannot be cut" in str(failures[1])
    assert asked[0].result()["score"].tolist() == pytest.approx([0.2])
    assert asked[2].result()["score"].tolist() == pytest.approx([1.0])
    assert len(opened) == 1, "it was not opened again"
    assert health.degraded is None
    for handle in handles:
        handle.close()


def test_a_batch_takes_no_more_than_pays_and_leaves_the_rest_for_the_next(engine: MeanEngine) -> None:
    """Seventeen rows would have to be filled up to a size that costs twice as much."""
    sizes = BatchSizes()
    batcher = Batcher(engine, "a model", sizes=sizes)
    asked, handles = ask_while_busy(engine, batcher, range(10, 28))
    assert [future.result(30)["score"].tolist() for future in asked] == [[value] for value in range(10, 28)]
    assert [len(batch) for batch in engine.batches] == [1, 16, 1]
    for handle in handles:
        handle.close()


def test_a_station_whose_models_are_batched_scores_as_one_whose_models_are_not() -> None:
    """The real models on the CPU; four workers share three threads of batches."""
    plain = ModelSet(ModelSettings(engine="onnxruntime"), FaceSettings())
    batched = ModelSet(ModelSettings(engine="onnxruntime", batching="on"), FaceSettings())
    alone = plain.open()
    assert not plain.is_batched
    size = alone.classifier.size_px
    pictures = np.random.default_rng(5).integers(0, 256, (4, 2, size, size, 3), dtype=np.uint8)
    expected = [alone.classifier.scores(crops) for crops in pictures]
    workers = [batched.open() for _ in range(4)]
    assert batched.is_batched
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(worker.classifier.scores, crops) for worker, crops in zip(workers, pictures, strict=True)]
        for future, scores in zip(asked, expected, strict=True):
            assert future.result(60) == pytest.approx(scores, abs=1e-5)
    assert sum(thread.name.startswith("batches of") for thread in threading.enumerate()) in {3, 4}
    for worker in (alone, *workers):
        worker.close()
    assert not batched.is_batched
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("batches of")]


def test_a_hundred_beds_are_served_alike() -> None:
    """The simulation of docs/engines.md, shortened: real threads, the real scheduler, an engine that only sleeps."""
    outcome = simulate(beds=100, seconds=3.0, workers=16, latency_ms=(1.5, 0.8))
    assert outcome.least_share > 0.5
    assert outcome.fairness > 0.9
    assert outcome.frames > 0
    assert outcome.mean_rows > 1.0
    assert outcome.queue_ms_p50 < outcome.age_ms_p50 < outcome.age_ms_p99
    assert outcome.batch_ms_p50 < outcome.age_ms_p50


def test_batches_serve_what_single_requests_cannot() -> None:
    """An engine that answers 64 pictures hardly later than one: 500 pictures a second, and 25 without batches."""
    ward = {"beds": 100, "seconds": 1.5, "workers": 16, "latency_ms": (40.0, 0.05)}
    single, batched = simulate(**ward, largest=1), simulate(**ward)
    assert single.mean_rows == 1.0
    assert batched.frames > 2 * single.frames
    assert batched.age_ms_p50 < single.age_ms_p50


def simulate(**arguments: Any) -> Any:
    from batch_simulation import simulate as run

    return run(**arguments)
