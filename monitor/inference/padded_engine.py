"""Few batch sizes on a GPU: which there are, which one runs next, and the engine that is filled up to them.

Every size costs memory, a recording and a search for kernels, so that there are few. Filling a batch up is not free
either: how long each size takes is measured when an engine is opened, and a batch is filled up only where that takes
less time a row than running a smaller batch now and the rest with the next one.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.inference.engine import Engine, TensorSpec
from monitor.inference.lazy_rows import LazyRows, Rows, Square, pad_rows
from monitor.inference.tensors import check_inputs

__all__ = ["BATCH_SIZES", "BatchSizes", "PaddedEngine", "warm_up"]

BATCH_SIZES = (1, 4, 16)
"""What batches are filled up to on a GPU. A station has at most 32 workers, each with mostly one row."""
_ASSUMED_BASE_SECONDS = 0.0015
_ASSUMED_ROW_SECONDS = 0.0008
_TIMED_RUNS = 3
"""After the first run of a size, which plans, and the second, which may record; the quickest of these counts."""


class BatchSizes:
    """The sizes that the batches of one model have, and how long each takes. Any thread may use it.

    Args:
        largest: The largest batch that the engine takes.
    """

    def __init__(self, largest: int = BATCH_SIZES[-1]) -> None:
        self.sizes = tuple(sorted({size for size in BATCH_SIZES if size < largest} | {min(largest, BATCH_SIZES[-1])}))
        self._seconds = {size: _ASSUMED_BASE_SECONDS + size * _ASSUMED_ROW_SECONDS for size in self.sizes}

    @property
    def largest(self) -> int:
        """The largest batch."""
        return self.sizes[-1]

    def note(self, seconds: Mapping[int, float]) -> None:
        """Remember what was measured: how long a batch of each size takes, in seconds."""
        self._seconds = {**self._seconds, **seconds}

    def take(self, waiting: int) -> int:
        """Return how many of the rows that wait are to run next: as many as take least time a row.

        Args:
            waiting: At least 1.
        """
        seconds = self._seconds
        best = min(self.sizes, key=lambda size: (seconds[size] / min(size, waiting), -size))
        return min(best, waiting)

    def filled(self, rows: int) -> int:
        """Return the size that a batch is filled up to; `rows` is at most `largest`."""
        return next(size for size in self.sizes if size >= rows)


class PaddedEngine:
    """Runs an engine with few batch sizes only: batches are filled up with zeros, or cut.

    Args:
        engine: Closed with this one.
        sizes: Which ones.
    """

    def __init__(self, engine: Engine, sizes: BatchSizes) -> None:
        self._engine = engine
        self._sizes = sizes

    @property
    def name(self) -> str:
        """The name of the engine."""
        return self._engine.name

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The tensors that `run` wants."""
        return self._engine.inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The tensors that `run` returns."""
        return self._engine.outputs

    def run(self, inputs: Mapping[str, Rows]) -> dict[str, NDArray[Any]]:
        """Run the model once; see `Engine.run`."""
        check_inputs(self.name, self.inputs, inputs)
        rows = len(next(iter(inputs.values())))
        parts: list[dict[str, NDArray[Any]]] = []
        start = 0
        while start < rows:
            count = self._sizes.take(rows - start)
            whole = count == rows
            part = inputs if whole else {name: array[start : start + count] for name, array in inputs.items()}
            parts.append(self._run(part, count))
            start += count
        if len(parts) == 1:
            return parts[0]
        return {spec.name: np.concatenate([part[spec.name] for part in parts]) for spec in self.outputs}

    def close(self) -> None:
        """Free the engine; safe to call twice."""
        self._engine.close()

    def _run(self, inputs: Mapping[str, Rows], rows: int) -> dict[str, NDArray[Any]]:
        size = self._sizes.filled(rows)
        if size == rows:
            return self._engine.run(inputs)
        padded = {name: pad_rows(array, size) for name, array in inputs.items()}
        return {name: array[:rows] for name, array in self._engine.run(padded).items()}


def warm_up(
    engine: Engine,
    sizes: Sequence[int],
    *,
    in_place: bool = False,
    monotonic: Callable[[], float] = time.monotonic,
) -> dict[int, float]:
    """Run every batch size that will be needed: the first run of a size loads, plans and compiles, for seconds perhaps.

    Args:
        engine: Runs zeros.
        sizes: Rows of each batch.
        in_place: Whether pictures may be cut straight into the engine's memory: such runs have recordings of their own.
        monotonic: Seconds.

    Returns:
        How long a batch of each size takes after that, in seconds.

    Raises:
        EngineError: The engine does not run.
    """
    seconds = {}
    # The largest first: memory that grows with the batch is asked for once.
    for size in sorted(sizes, reverse=True):
        if in_place:
            for _ in range(2):
                engine.run({spec.name: _empty_rows(spec, size) for spec in engine.inputs})
        zeros: dict[str, Rows] = {
            spec.name: np.zeros((size, *(axis or 1 for axis in spec.shape[1:])), spec.dtype) for spec in engine.inputs
        }
        times = []
        for _ in range(2 + _TIMED_RUNS):
            began = monotonic()
            engine.run(zeros)
            times.append(monotonic() - began)
        seconds[size] = min(times[2:])
    return seconds


class _Uncut:
    """Leaves the engine's memory as it is: what a first run computes is of no account."""

    device = "cuda"
    is_ready = True

    def cut(self, squares: Sequence[Square], address: int) -> bool:  # noqa: ARG002 - as a cutter has them
        return True


def _empty_rows(spec: TensorSpec, size: int) -> Rows:
    """Return rows that are nowhere yet, as those that a device cuts; zeros for an input that is no picture."""
    side = spec.shape[1] if len(spec.shape) > 1 else None
    if side is None or spec.shape[1:] != (side, side, 3) or spec.dtype != LazyRows.dtype:
        return np.zeros((size, *(axis or 1 for axis in spec.shape[1:])), spec.dtype)
    return LazyRows((), side, _Uncut(), fill=size)
