"""What an engine on a GPU needs of CUDA: one stream, buffers on both sides, copies between them.

`DeviceMemory` is all that the TensorRT engine knows of CUDA. Two libraries stand behind it: cuda-python (cuda-bindings,
a small wheel) and pycuda (built at the site). Both use the primary context of the first GPU, which TensorRT uses too.
"""

import ctypes
import importlib.util
import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.errors import EngineError
from monitor.inference.tensors import first_line

__all__ = ["CudaApi", "CudaPythonMemory", "DeviceMemory", "PycudaMemory", "open_device_memory"]

CudaApi = Literal["auto", "pycuda", "cuda-python"]

_log = logging.getLogger(__name__)

_NON_BLOCKING = 1
"""CU_STREAM_NON_BLOCKING, for which pycuda has no name."""


class DeviceMemory(Protocol):
    """One worker's stream and buffers on one GPU.

    Attributes:
        stream: The CUDA stream's handle; copies and kernels on it run in order.
    """

    stream: int

    def entered(self) -> AbstractContextManager[None]:
        """Make the GPU's primary context current in the calling thread; all else but `close` happens inside.

        The thread may be another one each time, one at a time.
        """
        ...

    def allocate(self, size_bytes: int) -> int:
        """Return the address of new memory on the GPU; it lives until `close`."""
        ...

    def pin(self, size_bytes: int) -> NDArray[np.uint8]:
        """Return page-locked host memory of shape (size_bytes,), from which copies need no detour."""
        ...

    def upload(self, address: int, host: NDArray[Any]) -> None:
        """Start a copy of a contiguous array to the GPU."""
        ...

    def download(self, host: NDArray[Any], address: int) -> None:
        """Start a copy from the GPU into a contiguous array."""
        ...

    def synchronise(self) -> None:
        """Wait until everything on the stream is done; the thread sleeps meanwhile and leaves its core to others."""
        ...

    def close(self) -> None:
        """Free the stream and all buffers; safe to call twice, and never an error: a GPU that failed frees nothing."""
        ...


def open_device_memory(api: CudaApi = "auto") -> DeviceMemory:
    """Return device memory over one of the two libraries.

    Args:
        api: Which one; `auto` takes cuda-python where it is installed, else pycuda.

    Raises:
        EngineError: The library is not installed, or the GPU cannot be opened.
    """
    chosen = ("cuda-python" if _has_bindings() else "pycuda") if api == "auto" else api
    try:
        return CudaPythonMemory() if chosen == "cuda-python" else PycudaMemory()
    except (ImportError, OSError) as error:
        package = "cuda-bindings" if chosen == "cuda-python" else "pycuda"
        raise EngineError(
            f"{package} cannot be imported ({error}); pip install {package}, or choose the other"
        ) from error
    except EngineError:
        raise
    except Exception as error:  # each library has errors of its own, which share no base but this
        raise EngineError(f"{chosen} cannot open the GPU: {first_line(error)}; see `nicu-monitor doctor`") from error


def _has_bindings() -> bool:
    # Other packages of NVIDIA's have modules under `cuda` too.
    return importlib.util.find_spec("cuda") is not None and importlib.util.find_spec("cuda.bindings") is not None


class CudaPythonMemory:
    """Device memory over cuda-bindings' driver interface."""

    def __init__(self) -> None:
        from cuda.bindings import driver

        self._driver = driver
        self._call(driver.cuInit(0))
        self._device = self._call(driver.cuDeviceGet(0))
        self._context = self._call(driver.cuDevicePrimaryCtxRetain(self._device))
        with self.entered():
            self._stream = self._call(driver.cuStreamCreate(int(driver.CUstream_flags.CU_STREAM_NON_BLOCKING)))
            flags = driver.CUevent_flags
            self._done = self._call(
                driver.cuEventCreate(int(flags.CU_EVENT_BLOCKING_SYNC) | int(flags.CU_EVENT_DISABLE_TIMING))
            )
        self.stream = int(self._stream)
        self._on_device: list[int] = []
        self._on_host: list[int] = []
        self._is_open = True

    @contextmanager
    def entered(self) -> Iterator[None]:
        """See `DeviceMemory.entered`."""
        # Nothing has to be undone: the primary context is the one that everything in this process uses.
        self._call(self._driver.cuCtxSetCurrent(self._context))
        yield

    def allocate(self, size_bytes: int) -> int:
        """See `DeviceMemory.allocate`."""
        address = int(self._call(self._driver.cuMemAlloc(size_bytes)))
        self._on_device.append(address)
        return address

    def pin(self, size_bytes: int) -> NDArray[np.uint8]:
        """See `DeviceMemory.pin`."""
        address = int(self._call(self._driver.cuMemAllocHost(size_bytes)))
        self._on_host.append(address)
        return np.ctypeslib.as_array((ctypes.c_uint8 * size_bytes).from_address(address))

    def upload(self, address: int, host: NDArray[Any]) -> None:
        """See `DeviceMemory.upload`."""
        self._call(self._driver.cuMemcpyHtoDAsync(address, host.ctypes.data, host.nbytes, self._stream))

    def download(self, host: NDArray[Any], address: int) -> None:
        """See `DeviceMemory.download`."""
        self._call(self._driver.cuMemcpyDtoHAsync(host.ctypes.data, address, host.nbytes, self._stream))

    def synchronise(self) -> None:
        """See `DeviceMemory.synchronise`."""
        self._call(self._driver.cuEventRecord(self._done, self._stream))
        self._call(self._driver.cuEventSynchronize(self._done))

    def close(self) -> None:
        """See `DeviceMemory.close`."""
        if not self._is_open:
            return
        self._is_open = False
        driver = self._driver
        answers = [driver.cuCtxSetCurrent(self._context)]
        answers += [driver.cuMemFree(address) for address in self._on_device]
        answers += [driver.cuMemFreeHost(address) for address in self._on_host]
        answers += [driver.cuEventDestroy(self._done), driver.cuStreamDestroy(self._stream)]
        answers.append(driver.cuDevicePrimaryCtxRelease(self._device))
        failed = {status.name for status, *_ in answers if status != driver.CUresult.CUDA_SUCCESS}
        if failed:
            _log.warning("the GPU did not free everything of an engine (%s)", ", ".join(sorted(failed)))

    def _call(self, answer: tuple[Any, ...]) -> Any:  # noqa: ANN401 - cuda-bindings publishes no types
        status, *values = answer
        if status != self._driver.CUresult.CUDA_SUCCESS:
            raise EngineError(f"the GPU refused a CUDA call ({status.name}); see `nicu-monitor doctor`")
        return values[0] if values else None


class PycudaMemory:
    """Device memory over pycuda.

    pycuda holds a stack of contexts for every thread, ends the process when a thread ends whose stack is not empty, and
    does not free what was made under another of its context objects. So this object's own context is pushed for every
    use and popped after it: a station opens engines in one thread, and runs and closes them in another.
    """

    def __init__(self) -> None:
        from pycuda import driver

        self._driver = driver
        driver.init()
        self._context = driver.Device(0).retain_primary_context()
        with self.entered():
            # Not held up by the legacy stream, which other threads may use while this one is recorded.
            self._stream: Any = driver.Stream(_NON_BLOCKING)
            flags = driver.event_flags
            self._done: Any = driver.Event(flags.BLOCKING_SYNC | flags.DISABLE_TIMING)
        self.stream = int(self._stream.handle)
        self._buffers: list[Any] = []
        self._is_open = True

    @contextmanager
    def entered(self) -> Iterator[None]:
        """See `DeviceMemory.entered`."""
        try:
            self._context.push()
        except self._driver.Error as error:
            raise _failed(error) from error
        try:
            yield
        except self._driver.Error as error:
            raise _failed(error) from error
        finally:
            self._driver.Context.pop()

    def allocate(self, size_bytes: int) -> int:
        """See `DeviceMemory.allocate`."""
        allocation = self._driver.mem_alloc(size_bytes)
        self._buffers.append(allocation)
        return int(allocation)

    def pin(self, size_bytes: int) -> NDArray[np.uint8]:
        """See `DeviceMemory.pin`."""
        buffer: NDArray[np.uint8] = self._driver.pagelocked_empty(size_bytes, np.uint8)
        # pycuda's handle of the memory, which the array lies in.
        self._buffers.append(buffer.base)
        return buffer

    def upload(self, address: int, host: NDArray[Any]) -> None:
        """See `DeviceMemory.upload`."""
        self._driver.memcpy_htod_async(address, host, self._stream)

    def download(self, host: NDArray[Any], address: int) -> None:
        """See `DeviceMemory.download`."""
        self._driver.memcpy_dtoh_async(host, address, self._stream)

    def synchronise(self) -> None:
        """See `DeviceMemory.synchronise`."""
        self._done.record(self._stream)
        self._done.synchronize()

    def close(self) -> None:
        """See `DeviceMemory.close`."""
        if not self._is_open:
            return
        self._is_open = False
        driver = self._driver
        try:
            self._context.push()
        except driver.Error as error:
            _log.warning("the GPU frees nothing of an engine any more (%s)", first_line(error))
            return
        try:
            for buffer in self._buffers:
                buffer.free()
            self._buffers.clear()
            # Their last references: event and stream go while their context is there.
            self._done = self._stream = None
            # Released while it is current, whatever the thread; this takes it off the stack too.
            self._context.detach()
        except driver.Error as error:
            _log.warning("the GPU did not free everything of an engine (%s)", first_line(error))
            with suppress(driver.Error):
                driver.Context.pop()


def _failed(error: Exception) -> EngineError:
    return EngineError(f"the GPU refused a call of pycuda: {first_line(error)}; see `nicu-monitor doctor`")
