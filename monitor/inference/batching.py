"""Batches over beds: the workers' requests for one model file are gathered, and run together.

A GPU answers sixteen pictures hardly later than one. One thread a model file takes what the workers have asked for,
waits at most a few milliseconds for others, runs them as one batch, and gives each worker its own answer. A worker has
one request at a time, for the newest frame of the bed whose turn it is: nothing queues that is older than that, and
fairness and order stay with the scheduler.

The thread belongs to its `Batcher` and ends with it. It has no heartbeat of its own: a worker that waits for a batch
that never ends misses its own one.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from monitor.errors import EngineError, EngineInputError
from monitor.inference.engine import Engine, TensorSpec
from monitor.inference.freeing import free
from monitor.inference.lazy_rows import Rows, join_rows
from monitor.inference.padded_engine import BatchSizes
from monitor.inference.tensors import check_inputs, first_line

__all__ = ["BatchedEngine", "Batcher"]

_MOST_ROWS = 64
_WAIT_SECONDS = 0.003
_CLOSE_SECONDS = 5.0

Answer = dict[str, NDArray[Any]]


@dataclass(slots=True)
class _Request:
    """What one worker asks for; it waits for `is_done`."""

    inputs: Mapping[str, Rows]
    rows: int
    asked_seconds: float
    is_done: threading.Event = field(default_factory=threading.Event)
    answer: Answer | None = None
    error: EngineError | None = None


class Batcher:
    """The thread that runs one engine for all workers.

    Args:
        engine: Belongs to that thread from now on; closed when the last handle is closed.
        label: Of the thread: the model file.
        sizes: Of the engine's batches, where it has few: a batch takes no more rows than pay. None for any size.
        most_rows: The largest batch where there are no such sizes.
        wait_seconds: How long the first request of a batch waits for others at most.
        monotonic: Seconds.

    Attributes:
        batches: How many ran, by number of rows; for measurements.
    """

    def __init__(
        self,
        engine: Engine,
        label: str,
        *,
        sizes: BatchSizes | None = None,
        most_rows: int = _MOST_ROWS,
        wait_seconds: float = _WAIT_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.engine = engine
        self.batches: dict[int, int] = {}
        self._label = label
        self._sizes = sizes
        self._most_rows = most_rows if sizes is None else sizes.largest
        self._wait_seconds = wait_seconds
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._requests: deque[_Request] = deque()
        self._handles = 0
        self._is_open = True
        self._thread = threading.Thread(target=self._work, name=f"batches of {label}", daemon=True)
        self._thread.start()

    def open(self) -> "BatchedEngine":
        """Return a handle for one more worker."""
        with self._changed:
            if not self._is_open:
                raise EngineError(f"the batches of {self._label} have ended")
            self._handles += 1
        return BatchedEngine(self)

    @property
    def is_open(self) -> bool:
        """Whether requests are taken."""
        return self._is_open

    def run(self, inputs: Mapping[str, Rows]) -> Answer:
        """Wait for a worker's turn in a batch, and return its own part of the answer.

        Raises:
            EngineInputError: The inputs are not what the model takes; no other worker's request suffers.
            EngineError: The batch failed, or the batcher was closed.
        """
        check_inputs(self._label, self.engine.inputs, inputs)
        request = _Request(inputs, len(next(iter(inputs.values()))), self._monotonic())
        with self._changed:
            if not self._is_open:
                raise EngineError(f"{self._label} was closed and cannot be run")
            self._requests.append(request)
            self._changed.notify_all()
        request.is_done.wait()
        if request.error is not None:
            # One error for each worker: a traceback grows by every thread that raises it.
            raise type(request.error)(str(request.error))
        assert request.answer is not None  # noqa: S101 - done without an error
        return request.answer

    def release(self) -> None:
        """Take a handle back; with the last one the thread ends and the engine is freed."""
        with self._changed:
            self._handles -= 1
            self._is_open = self._handles > 0
            self._changed.notify_all()
            if self._is_open:
                return
        self._thread.join(_CLOSE_SECONDS)

    def _work(self) -> None:
        try:
            while (batch := self._gather()) is not None:
                self._run(batch)
                # Pictures that are held while nothing is asked for keep their cameras' buffers.
                del batch
        finally:
            # Answered first, whatever ended the thread: freeing what is left on a lost device may fail.
            with self._changed:
                self._is_open = False
                left = list(self._requests)
                self._requests.clear()
            self._fail(left, EngineError(f"{self._label} was closed and cannot be run"))
            for request in left:
                request.is_done.set()
            free(self.engine, self._label)

    def _gather(self) -> list[_Request] | None:
        """Return the next batch, in the order of asking; None when there is no more work to come."""
        with self._changed:
            while self._is_open and not self._requests:
                self._changed.wait()
            if not self._is_open:
                return None
            until = self._requests[0].asked_seconds + self._wait_seconds
            # Every bed that could ask is waiting already: no other request can come.
            while self._is_open and len(self._requests) < self._handles and self._rows() < self._most_rows:
                left = until - self._monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            most_rows = self._most_rows if self._sizes is None else self._sizes.take(self._rows())
            batch = [self._requests.popleft()]
            rows = batch[0].rows
            while self._requests and rows + self._requests[0].rows <= most_rows:
                batch.append(self._requests.popleft())
                rows += batch[-1].rows
            return batch

    def _rows(self) -> int:
        return sum(request.rows for request in self._requests)

    def _run(self, batch: list[_Request]) -> None:
        """Run one batch; whatever happens to it, its workers go on, and the next batch is another one."""
        try:
            self._answer(batch)
        except EngineInputError as error:
            if len(batch) > 1:
                # One bed's picture that cannot be cut, say: the others do not suffer.
                for request in batch:
                    self._run([request])
            else:
                self._fail(batch, error)
        except EngineError as error:
            self._fail(batch, error)
        except Exception as error:  # noqa: BLE001 - the thread serves every bed, and must not end of one batch
            self._fail(batch, EngineError(f"a batch of {self._label} failed in an unforeseen way: {first_line(error)}"))
        finally:
            for request in batch:
                request.is_done.set()

    def _answer(self, batch: list[_Request]) -> None:
        """Run the engine once, and give every request its rows of the answer."""
        together = {
            spec.name: join_rows([request.inputs[spec.name] for request in batch]) for spec in self.engine.inputs
        }
        answer = self.engine.run(together)
        rows = sum(request.rows for request in batch)
        for name, array in answer.items():
            if array.shape[:1] != (rows,):
                # Cut up all the same, a bed would get another bed's rows, or none.
                raise EngineError(
                    f"{self._label} answered {name} of shape {array.shape} to {rows} rows; set `models.batching: off`"
                )
        start = 0
        for request in batch:
            end = start + request.rows
            # A copy: a view would hold the whole batch for as long as one worker needs its part.
            request.answer = {name: array[start:end].copy() for name, array in answer.items()}
            start = end
        self.batches[rows] = self.batches.get(rows, 0) + 1

    @staticmethod
    def _fail(batch: list[_Request], error: EngineError) -> None:
        for request in batch:
            # Without its traceback, which holds the pictures of the whole batch until the collector of garbage comes.
            request.answer, request.error = None, type(error)(str(error))


class BatchedEngine:
    """One worker's handle of a batcher; behaves as an engine of its own."""

    def __init__(self, batcher: Batcher) -> None:
        self._batcher = batcher
        self._is_open = True

    @property
    def name(self) -> str:
        """The name of the engine that runs the batches."""
        return self._batcher.engine.name

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The tensors that `run` wants."""
        return self._batcher.engine.inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The tensors that `run` returns."""
        return self._batcher.engine.outputs

    def run(self, inputs: Mapping[str, Rows]) -> Answer:
        """Run the model once, together with what other workers ask for; see `Engine.run`."""
        if not self._is_open:
            raise EngineError(f"this engine ({self.name}) was closed and cannot be run")
        return self._batcher.run(inputs)

    def close(self) -> None:
        """Give the handle back; safe to call twice."""
        if self._is_open:
            self._is_open = False
            self._batcher.release()
