"""One CUDA kernel, compiled from its source for the GPU that is here: NVRTC and the driver, through cuda-bindings."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.errors import EngineError
from monitor.inference.tensors import first_line

__all__ = ["CudaKernel", "compile_cuda"]

# A fused multiplication would round coordinates differently from the processor.
_OPTIONS = ("--std=c++14", "--fmad=false")


def compile_cuda(source: str, name: str, capability: tuple[int, int]) -> bytes:
    """Return the machine code of a kernel; no GPU is needed.

    Args:
        source: CUDA C++.
        name: Of the kernel, for errors.
        capability: Compute capability of the GPU, major and minor.

    Raises:
        EngineError: The compiler's library is not installed, or refuses the source.
    """
    try:
        return _compile(source, name, capability)
    except EngineError:
        raise
    except Exception as error:  # the library is searched for by name, and what is raised then is no one type
        raise EngineError(
            f"NVRTC cannot be used ({first_line(error)}); pip install cuda-bindings nvidia-cuda-nvrtc"
        ) from error


def _compile(source: str, name: str, capability: tuple[int, int]) -> bytes:
    from cuda.bindings import nvrtc

    call = _Caller(nvrtc.nvrtcResult.NVRTC_SUCCESS)
    program = call(nvrtc.nvrtcCreateProgram(source.encode(), f"{name}.cu".encode(), 0, [], []))
    # Machine code of this very GPU, not PTX: a driver may be older than the compiler.
    options = [option.encode() for option in (*_OPTIONS, "--gpu-architecture=sm_{}{}".format(*capability))]
    (status,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
    if status != nvrtc.nvrtcResult.NVRTC_SUCCESS:
        log = b" " * call(nvrtc.nvrtcGetProgramLogSize(program))
        call(nvrtc.nvrtcGetProgramLog(program, log))
        text = log.decode(errors="replace").strip("\0 \n")
        raise EngineError(f"NVRTC refuses the kernel {name} ({status.name}): {text}")
    code = bytes(call(nvrtc.nvrtcGetCUBINSize(program)))
    call(nvrtc.nvrtcGetCUBIN(program, code))
    call(nvrtc.nvrtcDestroyProgram(program))
    return code


class CudaKernel:
    """A kernel that is loaded; the GPU's primary context must be current wherever it is used.

    Args:
        source: CUDA C++.
        name: Of the function, which must be `extern "C"`.
        capability: Compute capability of the GPU.

    Raises:
        EngineError: It cannot be compiled or loaded.
    """

    def __init__(self, source: str, name: str, capability: tuple[int, int]) -> None:
        code = compile_cuda(source, name, capability)
        from cuda.bindings import driver

        self._driver = driver
        self._call = _Caller(driver.CUresult.CUDA_SUCCESS)
        self._module = self._call(driver.cuModuleLoadData(code))
        self._function = self._call(driver.cuModuleGetFunction(self._module, name.encode()))

    def launch(
        self,
        grid: tuple[int, int, int],
        block: tuple[int, int, int],
        arguments: Sequence[NDArray[Any]],
        stream: int,
    ) -> None:
        """Put one launch on a stream.

        Args:
            grid: Blocks in x, y and z.
            block: Threads of a block, likewise.
            arguments: Of the function, each an array of one number of the parameter's own type.
            stream: Handle of the stream.

        Raises:
            EngineError: The GPU refused it.
        """
        # The driver wants the address of a table of the arguments' addresses, and has read both when it returns.
        table = np.array([argument.ctypes.data for argument in arguments], np.uint64)
        handle = self._driver.CUstream(stream)
        self._call(self._driver.cuLaunchKernel(self._function, *grid, *block, 0, handle, table.ctypes.data, 0))

    def close(self) -> None:
        """Unload it."""
        self._call(self._driver.cuModuleUnload(self._module))


class _Caller:
    """Turns the answers of cuda-bindings into values and errors."""

    def __init__(self, success: object) -> None:
        self._success = success

    def __call__(self, answer: tuple[Any, ...]) -> Any:  # noqa: ANN401 - cuda-bindings publishes no types
        status, *values = answer
        if status != self._success:
            raise EngineError(f"the GPU or its compiler refused a call ({getattr(status, 'name', status)})")
        return values[0] if values else None
