"""pycuda's contexts: what is pushed is popped, and everything is freed, whichever thread opens, runs and closes.

The stand-in holds what pycuda's sources (src/cpp/cuda.hpp) say of its stack of contexts for every thread: a thread that
ends with contexts on its stack ends the process, and memory is freed only where its own context object is current.
"""

import sys
import threading
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from monitor.errors import EngineError
from monitor.inference.cuda import probe_cuda
from monitor.inference.device_memory import open_device_memory


class _PycudaError(Exception):
    """pycuda.driver.Error: the base of its own errors."""


class _Pycuda:
    """The part of `pycuda.driver` that is used."""

    def __init__(self) -> None:
        self.stacks: dict[int, list[Any]] = {}
        self.living: set[str] = set()
        self.released: list[Any] = []
        self.Context = SimpleNamespace(pop=self._pop)
        self.Error = _PycudaError
        self.event_flags = SimpleNamespace(BLOCKING_SYNC=1, DISABLE_TIMING=2)
        self.fault: str | None = None
        self.Device = lambda _: SimpleNamespace(retain_primary_context=self._retain)

    @property
    def stack(self) -> list[Any]:
        return self.stacks.setdefault(threading.get_ident(), [])

    def init(self) -> None:
        assert not self.stacks

    def _pop(self) -> None:
        self.stack.pop()

    def _retain(self) -> Any:
        context = SimpleNamespace()
        context.push = lambda: self.stack.append(context)

        def detach() -> None:
            assert self.stack.pop() is context
            self.released.append(context)

        context.detach = detach
        return context

    def make(self, name: str) -> Any:
        """Return something that lives under the context that is current."""
        (*_, owner) = self.stack
        self.living.add(name)

        def free() -> None:
            assert self.stack[-1] is owner
            if self.fault is not None:
                raise _PycudaError(self.fault)
            self.living.remove(name)

        return free

    def Stream(self, flags: int = 0) -> Any:  # noqa: N802 - pycuda's name
        assert flags == 1, "another thread's call on the legacy stream ends the recording of this one"
        driver, free = self, self.make("stream")

        class Stream:
            handle = 77

            def __del__(self) -> None:
                if driver.fault is None:  # destructors of the real one warn and go on
                    free()

        return Stream()

    def Event(self, flags: int) -> Any:  # noqa: N802 - pycuda's name
        assert flags == self.event_flags.BLOCKING_SYNC | self.event_flags.DISABLE_TIMING
        driver, free = self, self.make("event")

        class Event:
            recorded: Any = None

            def __del__(self) -> None:
                if driver.fault is None:
                    free()

            def record(self, stream: Any) -> None:
                self.recorded = stream

            def synchronize(self) -> None:
                assert driver.stack
                assert self.recorded is not None
                if driver.fault is not None:
                    raise _PycudaError(driver.fault)

        return Event()

    def mem_alloc(self, size_bytes: int) -> Any:
        class Allocation:
            free = staticmethod(self.make("device memory"))

            def __int__(self) -> int:
                return size_bytes

        return Allocation()

    def pagelocked_empty(self, size_bytes: int, dtype: type) -> Any:
        class Pinned(np.ndarray):
            base = SimpleNamespace(free=self.make("pinned memory"))

        return np.zeros(size_bytes, dtype).view(Pinned)


@pytest.fixture
def pycuda(monkeypatch: pytest.MonkeyPatch) -> _Pycuda:
    driver, package = _Pycuda(), ModuleType("pycuda")
    package.driver = driver  # type: ignore[attr-defined] # a module made by hand
    monkeypatch.setitem(sys.modules, "pycuda", package)
    return driver


def _here(work: Callable[[], None]) -> None:
    work()


def _elsewhere(work: Callable[[], None]) -> None:
    errors: list[BaseException] = []

    def caught() -> None:
        try:
            work()
        except AssertionError as error:
            errors.append(error)

    thread = threading.Thread(target=caught)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


@pytest.mark.parametrize("run", [_here, _elsewhere])
@pytest.mark.parametrize("close", [_here, _elsewhere])
def test_no_context_stays_on_a_stack_and_everything_is_freed(
    pycuda: _Pycuda, run: Callable[..., None], close: Callable[..., None]
) -> None:
    memory = open_device_memory("pycuda")
    with memory.entered():
        memory.allocate(16)
        memory.pin(16)

    def use() -> None:
        with memory.entered():
            memory.synchronise()

    assert pycuda.living == {"stream", "event", "device memory", "pinned memory"}
    run(use)
    assert not any(pycuda.stacks.values())
    close(memory.close)
    close(memory.close)
    assert not any(pycuda.stacks.values())
    assert pycuda.living == set()
    assert len(pycuda.released) == 1


def test_a_gpu_that_cannot_be_opened_is_one_sentence(pycuda: _Pycuda, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the library's own would end the station, where one of the engine lets it fall back."""

    class LogicError(Exception):
        pass

    def init() -> None:
        raise LogicError("cuInit failed: unknown error\nmore")

    monkeypatch.setattr(pycuda, "init", init)
    with pytest.raises(EngineError, match="pycuda cannot open the GPU: cuInit failed: unknown error; see"):
        open_device_memory("pycuda")


def test_without_a_driver_cuda_python_is_one_sentence() -> None:
    pytest.importorskip("cuda.bindings", reason="cuda-bindings is not installed")
    if probe_cuda().gpu is not None:
        pytest.skip("this machine has a GPU")
    with pytest.raises(EngineError, match=r"cuda-python cannot open the GPU: |the GPU refused a CUDA call"):
        open_device_memory("cuda-python")


def test_an_error_of_pycuda_is_one_of_the_engine_and_closing_raises_none(
    pycuda: _Pycuda, caplog: pytest.LogCaptureFixture
) -> None:
    """A sticky error of the GPU answers every later call, those that free memory among them."""
    memory = open_device_memory("pycuda")
    with memory.entered():
        memory.allocate(16)
    pycuda.fault = "cuEventSynchronize failed: an illegal memory access was encountered"
    with pytest.raises(EngineError, match="refused a call of pycuda: cuEventSynchronize failed"), memory.entered():
        memory.synchronise()
    memory.close()
    assert "the GPU did not free everything of an engine (cuEventSynchronize failed" in caplog.text
    assert not any(pycuda.stacks.values())


def test_an_error_inside_leaves_the_stack_as_it_was(pycuda: _Pycuda) -> None:
    memory = open_device_memory("pycuda")
    with pytest.raises(ValueError, match="odd"), memory.entered():
        raise ValueError("odd")
    assert not any(pycuda.stacks.values())
    memory.close()
