"""Who cuts the parts of pictures that models see: the processor, or the GPU that the models run on."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from monitor.config import ModelSettings
from monitor.errors import EngineError
from monitor.faces.cuda_crops import CudaCrops, compare_costs
from monitor.faces.device_cutter import CropDevice, DeviceCutter
from monitor.inference.device_memory import CudaApi
from monitor.inference.engine_factory import GPU_ENGINES
from monitor.inference.recovering_engine import EngineHealth
from monitor.inference.tensors import first_line

__all__ = ["CUDA_CROPS", "CropChoice", "CropDevices"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CropDevices:
    """Where pictures may be cut but by the processor.

    Attributes:
        engines: Names of the engines that take their input from there.
        open: Opens such a device.
    """

    engines: frozenset[str]
    open: Callable[[CudaApi], CropDevice]


CUDA_CROPS = CropDevices(frozenset(GPU_ENGINES), CudaCrops)


class CropChoice:
    """Decides once for all workers of a station, when the first of them opens its models.

    Args:
        models: `crops`, `cuda_api` and `on_missing_engine`.
        health: Is notified when the GPU fails while it cuts.
        devices: Where pictures may be cut.
    """

    def __init__(self, models: ModelSettings, health: EngineHealth, devices: CropDevices) -> None:
        self._models = models
        self._health = health
        self._devices = devices
        self._lock = threading.Lock()
        self._users = 0
        self._cutter: DeviceCutter | None = None

    def open(self, engine: str) -> DeviceCutter | None:
        """Return the cutter for one more worker, whose models run on that engine; None where the processor cuts.

        Raises:
            EngineError: `crops: gpu` cannot be had, and `on_missing_engine` is `refuse`.
        """
        with self._lock:
            if self._users == 0 and self._models.crops != "cpu" and engine in self._devices.engines:
                self._cutter = self._choose()
            self._users += 1
            return self._cutter

    def release(self) -> None:
        """Give it back; the last worker closes it."""
        with self._lock:
            self._users -= 1
            cutter = self._cutter
            if self._users > 0 or cutter is None:
                return
            self._cutter = None
        cutter.close()

    def _choose(self) -> DeviceCutter | None:
        models = self._models
        open_one = partial(self._devices.open, models.cuda_api)
        try:
            device = open_one()
            if models.crops == "auto" and not _pays(device):
                device.close()
                return None
        except Exception as error:  # a library's own error is a reason as well
            sentence = f"pictures are cut by the processor, not on the GPU: {first_line(error)}"
            if models.crops == "gpu" and models.on_missing_engine == "refuse":
                raise EngineError(f"{sentence}; install what is missing, or set `models.crops: cpu`") from error
            _log.log(logging.WARNING if models.crops == "gpu" else logging.INFO, "%s", sentence)
            return None
        return DeviceCutter(device, open_one, self._health)


def _pays(device: CropDevice) -> bool:
    try:
        processor, gpu = compare_costs(device)
    except Exception:
        device.close()
        raise
    _log.info(
        "cutting the parts of a picture takes the processor %.2f ms, and %.2f ms of it on the GPU",
        1e3 * processor,
        1e3 * gpu,
    )
    return gpu < processor
