"""An engine that fails is opened again, and until that succeeds another one answers in its place.

A GPU that fails answers every later call with the same error, so that one fault would leave every bed unwatched until
somebody restarts the station. Opening takes time, and may hang: it happens in a thread of its own, which the running
worker waits for only briefly.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from monitor.backoff import Backoff
from monitor.errors import EngineError, EngineInputError
from monitor.inference.engine import Engine, TensorSpec
from monitor.inference.freeing import free
from monitor.inference.lazy_rows import Rows
from monitor.inference.opening import Opening
from monitor.inference.tensors import first_line

__all__ = ["EngineHealth", "RecoveringEngine"]

_log = logging.getLogger(__name__)

_WAIT_SECONDS = 0.5
"""The longest that a frame waits for an engine to be opened again; then the reserve takes it."""
_FIRST_PAUSE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 60.0
_PROVEN_SECONDS = 60.0
"""An engine that ran so long after it was opened again is trusted as before."""


class EngineHealth:
    """Which engines of a station do not run now as they were asked to. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reasons: dict[int, str] = {}

    def fail(self, engine: object, reason: str) -> None:
        """Note that an engine was replaced, or has no answer at all, and why."""
        with self._lock:
            self._reasons[id(engine)] = reason

    def restore(self, engine: object) -> None:
        """Note that an engine runs as it was asked to, or is gone."""
        with self._lock:
            self._reasons.pop(id(engine), None)

    @property
    def degraded(self) -> str | None:
        """One sentence, None while every engine runs as it was asked to."""
        with self._lock:
            return next(iter(self._reasons.values()), None)


class RecoveringEngine:
    """Runs an engine; after a failure opens it again, and lets a reserve answer meanwhile.

    A failure costs no frame: the same inputs are given to the engine that was opened again or to the reserve. Belongs
    to one thread, as every engine does.

    Args:
        engine: Runs first; closed with this one.
        reopen: Opens the same engine again; called in another thread.
        reserve: Answers meanwhile; open from the start, for opening it takes longest when everything fails at once;
            closed with this one. None where there is nothing, and the failure is then the caller's.
        health: Is notified of replacements and of their end.
        monotonic: Seconds.
    """

    def __init__(
        self,
        engine: Engine,
        reopen: Callable[[], Engine],
        reserve: Engine | None,
        health: EngineHealth,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = engine.name
        self._inputs, self._outputs = engine.inputs, engine.outputs
        self._engine: Engine | None = engine
        self._reopen = reopen
        self._reserve = reserve
        self._health = health
        self._monotonic = monotonic
        self._backoff = Backoff(_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
        self._opening: Opening[Engine] | None = None
        self._next_seconds = 0.0
        self._opened_seconds: float | None = None
        self._is_open = True

    @property
    def name(self) -> str:
        """Which implementation answers now."""
        if self._engine is None and self._reserve is not None:
            return self._reserve.name
        return self._name

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The tensors that `run` wants."""
        return self._inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The tensors that `run` returns."""
        return self._outputs

    def run(self, inputs: Mapping[str, Rows]) -> dict[str, NDArray[Any]]:
        """Run the model once; see `Engine.run`.

        Raises:
            EngineError: The engine failed, could not be opened again in time, and there is no reserve or it failed too.
        """
        if not self._is_open:
            raise EngineError(f"this engine ({self._name}) was closed and cannot be run")
        reason = ""
        if self._engine is not None:
            try:
                return self._run_engine(self._engine, inputs)
            except EngineInputError:
                raise
            except Exception as error:  # noqa: BLE001 - a library's own error is a failure as well
                reason = self._drop(error)
        engine = self._opened_again()
        if engine is not None:
            try:
                answer = self._run_engine(engine, inputs)
            except EngineInputError:
                raise
            except Exception as error:  # noqa: BLE001 - the same
                reason = self._drop(error)
            else:
                _log.warning("%s was opened again and runs", self._name)
                self._health.restore(self)
                return answer
        return self._run_reserve(inputs, reason)

    def close(self) -> None:
        """Free all engines; safe to call twice."""
        if not self._is_open:
            return
        self._is_open = False
        self._health.restore(self)
        for engine in (self._engine, self._reserve):
            self._free(engine)
        if self._opening is not None:
            self._opening.abandon()

    def _run_engine(self, engine: Engine, inputs: Mapping[str, Rows]) -> dict[str, NDArray[Any]]:
        answer = engine.run(inputs)
        if self._opened_seconds is not None and self._monotonic() - self._opened_seconds > _PROVEN_SECONDS:
            self._opened_seconds = None
            self._backoff.reset()
            self._next_seconds = 0.0
        return answer

    def _drop(self, error: Exception) -> str:
        """Close the engine that failed; return the sentence that says why."""
        sentence = str(error) if isinstance(error, EngineError) else f"{self._name} failed: {first_line(error)}"
        engine, self._engine = self._engine, None
        self._free(engine)
        if self._opened_seconds is not None:
            # It could be opened again and failed again: pauses between attempts grow.
            self._opened_seconds = None
            self._next_seconds = self._monotonic() + self._backoff.next_seconds()
        _log.error("%s failed and is opened again: %s", self._name, sentence)
        return sentence

    def _free(self, engine: Engine | None) -> None:
        if engine is not None:
            free(engine, self._name)

    def _opened_again(self) -> Engine | None:
        """Return the engine once it is open again, None where it is not yet; starts an attempt where one is due."""
        is_first = self._opening is None
        if self._opening is None:
            if self._monotonic() < self._next_seconds:
                return None
            self._opening = Opening(self._reopen, self._name)
        # Only the frame that met the failure waits; later ones go to the reserve at once.
        if not self._opening.has_ended(_WAIT_SECONDS if is_first or self._reserve is None else 0.0):
            return None
        engine, reason = self._opening.take(), self._opening.reason
        self._opening = None
        if engine is None:
            self._next_seconds = self._monotonic() + self._backoff.next_seconds()
            _log.warning("%s cannot be opened again yet: %s", self._name, reason)
            return None
        self._engine = engine
        self._opened_seconds = self._monotonic()
        return engine

    def _run_reserve(self, inputs: Mapping[str, Rows], reason: str) -> dict[str, NDArray[Any]]:
        if self._reserve is None:
            sentence = reason or f"{self._name} failed and is not open again yet"
            self._health.fail(self, sentence)
            raise EngineError(sentence)
        if reason:
            _log.error("%s runs instead of %s", self._reserve.name, self._name)
        self._health.fail(
            self, f"The engine {self._name} failed; {self._reserve.name} answers in its place, perhaps less often."
        )
        return self._reserve.run(inputs)
