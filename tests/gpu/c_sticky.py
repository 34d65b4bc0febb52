"""Step (c): a GPU on which a kernel writes where nothing is: every later call of the process fails until it ends.

Expected: the reserve answers from then on, no attempt to open the engine again succeeds, and neither that nor the end
of the step takes the process down.
"""

from typing import Any

import numpy as np
from c_recovery import watch_loss
from step import run_step

_KERNEL = 'extern "C" __global__ void write_nowhere(int value) { *(volatile int *)16 = value; }'


def measure(numbers: dict[str, Any]) -> None:
    watch_loss(numbers, _write_nowhere, comes_back=False)


def _write_nowhere() -> None:
    from cuda.bindings import driver

    from monitor.inference.cuda import probe_cuda
    from monitor.inference.cuda_kernel import CudaKernel

    gpu = probe_cuda().gpu
    if gpu is None:
        raise RuntimeError("the GPU is gone already")
    context = driver.cuDevicePrimaryCtxRetain(driver.cuDeviceGet(0)[1])[1]
    driver.cuCtxSetCurrent(context)
    kernel = CudaKernel(_KERNEL, "write_nowhere", gpu.compute_capability)
    kernel.launch((1, 1, 1), (1, 1, 1), [np.array([1], np.int32)], 0)
    (status,) = driver.cuCtxSynchronize()
    if status == driver.CUresult.CUDA_SUCCESS:
        raise RuntimeError("the GPU did not mind a write to an address that is none")


if __name__ == "__main__":
    run_step("c_sticky", measure)
