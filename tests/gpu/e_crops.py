"""Step (e): a station whose views and crops are cut on the GPU, and the same one whose processor cuts them."""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from e_beds import hand_out_pictures, model_settings, watch
from step import is_rehearsal, run_step

import monitor.station.station as station_module
from monitor.faces.cuda_crops import CudaCrops
from monitor.faces.device_cutter import CropDevice, DeviceCutter
from monitor.inference.device_memory import CudaApi
from monitor.inference.engine_factory import GPU_ENGINES
from monitor.pipeline.crop_choice import CropDevices
from monitor.pipeline.models import ModelSet, WorkerModels

_BEDS = 100


class _Models(ModelSet):
    """Holds the cutters of the workers, for their counts."""

    cutters: ClassVar[set[DeviceCutter]] = set()

    def open(self, threads: int = 1) -> WorkerModels:
        opened = super().open(threads)
        if isinstance(opened.cutter, DeviceCutter):
            self.cutters.add(opened.cutter)
        return opened


def measure(numbers: dict[str, Any]) -> None:
    beds = 2 if is_rehearsal() else _BEDS
    numbers["beds"] = beds
    settings = model_settings()
    numbers["pictures"] = hand_out_pictures()
    devices = _stand_in() if is_rehearsal() else CropDevices(frozenset(GPU_ENGINES), CudaCrops)
    station_module.ModelSet = partial(_Models, crop_devices=devices)  # type: ignore[attr-defined, assignment] # see e_beds
    for way in ("gpu", "cpu"):
        result: dict[str, Any] = {}
        numbers[f"crops: {way}"] = result
        watch(beds, settings.model_copy(update={"crops": way}), result)
        result["pictures uploaded"] = sum(cutter.uploads for cutter in _Models.cutters)
        _Models.cutters.clear()


def _stand_in() -> CropDevices:
    """Return the kernel on the processor, for a rehearsal."""
    from host_crops import HostCrops, compile_kernel

    with tempfile.TemporaryDirectory() as directory:
        library = compile_kernel(Path(directory))

    def open_one(_api: CudaApi) -> CropDevice:
        return HostCrops(library)

    return CropDevices(frozenset({"onnxruntime"}), open_one)


if __name__ == "__main__":
    run_step("e_crops", measure)
