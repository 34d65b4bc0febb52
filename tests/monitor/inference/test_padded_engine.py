"""Few batch sizes: which one runs, that filling up changes no answer, and that every size runs before it is needed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.inference.engine import TensorSpec
from monitor.inference.lazy_rows import LazyRows, Rows
from monitor.inference.padded_engine import BATCH_SIZES, BatchSizes, PaddedEngine, warm_up


class MeanEngine:
    """Answers with the mean of every row; takes time by a clock of its own."""

    name = "mean"
    inputs = (TensorSpec("crops", (None, 2, 2, 3), np.dtype(np.uint8)),)
    outputs = (TensorSpec("score", (None,), np.dtype(np.float64)),)

    def __init__(self, base_ms: float = 0.0, row_ms: float = 0.0) -> None:
        self.batches: list[int] = []
        self.in_place: list[int] = []
        self.now = 0.0
        self._base, self._row = base_ms / 1000, row_ms / 1000

    def run(self, inputs: Mapping[str, Rows]) -> dict[str, Any]:
        rows = inputs["crops"]
        self.now += self._base + len(rows) * self._row
        if isinstance(rows, LazyRows):
            assert rows.cutter.device == "cuda"
            assert rows.write(0)
            self.in_place.append(len(rows))
            return {"score": np.zeros(len(rows))}
        if len(rows) not in self.batches:
            self.now += 5.0  # plans
        self.batches.append(len(rows))
        return {"score": rows.mean(axis=(1, 2, 3))}

    def close(self) -> None:
        pass


def measured(base_ms: float, row_ms: float) -> BatchSizes:
    engine, sizes = MeanEngine(base_ms, row_ms), BatchSizes()
    sizes.note(warm_up(engine, sizes.sizes, monotonic=lambda: engine.now))
    return sizes


@pytest.mark.parametrize(
    ("base_ms", "row_ms", "waiting", "taken", "size"),
    [
        (1.5, 0.8, 1, 1, 1),
        (1.5, 0.8, 3, 3, 4),
        (1.5, 0.8, 8, 4, 4),
        (1.5, 0.8, 14, 14, 16),
        (1.5, 0.8, 17, 16, 16),
        (1.5, 0.8, 32, 16, 16),
        # Where a row costs next to nothing all that wait are taken at once; where there is no base, none waits.
        (40.0, 0.05, 2, 2, 4),
        (40.0, 0.05, 5, 5, 16),
        (0.0, 1.0, 3, 1, 1),
    ],
)
def test_a_batch_is_filled_up_only_where_that_pays(base_ms, row_ms, waiting, taken, size) -> None:
    sizes = measured(base_ms, row_ms)
    assert sizes.take(waiting) == taken
    assert sizes.filled(taken) == size


@settings(max_examples=60)
@given(count=st.integers(1, 200), largest=st.sampled_from([1, 2, 4, 8, 16, 64, 500]))
def test_padding_changes_no_answer_and_leaves_few_sizes(count: int, largest: int) -> None:
    engine = MeanEngine()
    values = [number % 256 for number in range(count)]
    pictures = np.array(values, np.uint8).reshape(-1, 1, 1, 1) * np.ones((1, 2, 2, 3), np.uint8)
    answer = PaddedEngine(engine, BatchSizes(largest)).run({"crops": pictures})["score"]
    assert answer.tolist() == values
    assert set(engine.batches) <= {*BATCH_SIZES, largest}
    assert max(engine.batches) <= min(largest, BATCH_SIZES[-1])


@pytest.mark.parametrize("in_place", [False, True])
def test_every_size_runs_once_before_it_is_needed(in_place: bool) -> None:
    engine, sizes = MeanEngine(), BatchSizes(8)
    warm_up(engine, sizes.sizes, in_place=in_place)
    assert set(engine.batches) == {1, 4, 8}
    assert set(engine.in_place) == ({1, 4, 8} if in_place else set())


def test_the_time_of_a_size_is_not_that_of_its_plan() -> None:
    engine = MeanEngine(2.0, 1.0)
    assert warm_up(engine, (1, 4), monotonic=lambda: engine.now) == pytest.approx({1: 0.003, 4: 0.006})
