"""Is there a GPU that can be used? Asked through cuda-bindings, before any TensorRT library is touched.

TensorRT's libraries end the process, or raise errors that name nothing, when they meet no driver. cuda-bindings imports
anywhere and answers with error codes.
"""

import logging
from dataclasses import dataclass
from functools import cache

from monitor.inference.tensors import first_line

__all__ = ["CudaProbe", "Gpu", "probe_cuda", "wait_asleep"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gpu:
    """The first GPU of this machine.

    Attributes:
        name: As its driver reports it.
        compute_capability: Major and minor.
        driver_version: Highest CUDA version that the driver supports, like 13.0.
        memory_bytes: Of the GPU.
    """

    name: str
    compute_capability: tuple[int, int]
    driver_version: str
    memory_bytes: int

    @property
    def capability(self) -> str:
        """The compute capability, like 8.6."""
        return f"{self.compute_capability[0]}.{self.compute_capability[1]}"


@dataclass(frozen=True, slots=True)
class CudaProbe:
    """The outcome: a GPU, or the reason why there is none."""

    gpu: Gpu | None
    reason: str


@cache
def probe_cuda() -> CudaProbe:
    """Search for a GPU; the answer holds for the life of the process."""
    try:
        from cuda.bindings import driver
    except ModuleNotFoundError:
        return CudaProbe(None, "cuda-bindings is not installed (pip install cuda-bindings), so no GPU can be found")
    except (ImportError, OSError) as error:
        return CudaProbe(None, f"cuda-bindings is installed and cannot be loaded ({first_line(error)})")
    try:
        (status,) = driver.cuInit(0)
    except RuntimeError as error:
        return CudaProbe(None, f"there is no NVIDIA driver here ({str(error).splitlines()[0]})")
    if status != driver.CUresult.CUDA_SUCCESS:
        return CudaProbe(None, f"the NVIDIA driver does not start ({status.name})")
    status, count = driver.cuDeviceGetCount()
    if status != driver.CUresult.CUDA_SUCCESS or count == 0:
        return CudaProbe(None, "the NVIDIA driver sees no GPU")
    return CudaProbe(_describe(driver), "")


def _describe(driver: object) -> Gpu:
    from typing import Any, cast

    api = cast("Any", driver)
    attribute = api.CUdevice_attribute

    def ask(*answer: Any) -> Any:  # noqa: ANN401 - cuda-bindings publishes no types
        return answer[-1]

    device = ask(*api.cuDeviceGet(0))
    version = int(ask(*api.cuDriverGetVersion()))
    major = int(ask(*api.cuDeviceGetAttribute(attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device)))
    minor = int(ask(*api.cuDeviceGetAttribute(attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device)))
    name = bytes(ask(*api.cuDeviceGetName(256, device))).split(b"\0")[0].decode(errors="replace")
    memory = int(ask(*api.cuDeviceTotalMem(device)))
    return Gpu(name, (major, minor), f"{version // 1000}.{version % 1000 // 10}", memory)


def wait_asleep() -> None:
    """Let every thread of this process that waits for the GPU sleep, also inside libraries; the default is to spin.

    Spinning answers some microseconds sooner, and takes a core from the beds for as long as the GPU computes.
    """
    if probe_cuda().gpu is None:
        return
    from cuda.bindings import driver

    flag = driver.CUctx_flags.CU_CTX_SCHED_BLOCKING_SYNC
    status, device = driver.cuDeviceGet(0)
    if status == driver.CUresult.CUDA_SUCCESS:
        (status,) = driver.cuDevicePrimaryCtxSetFlags(device, int(flag))
    if status != driver.CUresult.CUDA_SUCCESS:
        _log.warning("threads that wait for the GPU will spin (%s)", status.name)
