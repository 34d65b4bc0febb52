"""The crop kernel on an NVIDIA GPU, and whether it pays there."""

import math
import time
from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.errors import EngineError
from monitor.faces.crop import CropSpec
from monitor.faces.device_crop import PLAN_TYPE, CropPlan, DevicePicture, kernel_source
from monitor.faces.device_cutter import CropDevice, DeviceCutter
from monitor.faces.geometry import OrientedBox
from monitor.faces.picture_copies import MOST_COPIES
from monitor.faces.squares import CropSquare, ViewSquare
from monitor.faces.viewport import Viewport
from monitor.inference.cuda import probe_cuda
from monitor.inference.cuda_kernel import CudaKernel
from monitor.inference.device_memory import CudaApi, open_device_memory
from monitor.inference.recovering_engine import EngineHealth

__all__ = ["CudaCrops", "compare_costs"]

_BLOCK = (16, 8, 1)
# For each plan: itself, the addresses of two planes, and their pitch.
_ROW_BYTES = PLAN_TYPE.itemsize + 16 + 4
_ROUNDS = 15
_WARM_UP = 2


class CudaCrops:
    """The kernel, compiled for the GPU that is here.

    Args:
        api: Library for the GPU's memory; the kernel itself needs cuda-bindings with either.

    Raises:
        EngineError: There is no GPU, a library is missing, or the kernel cannot be compiled.
    """

    name = "cuda"

    def __init__(self, api: CudaApi = "auto") -> None:
        gpu = probe_cuda().gpu
        if gpu is None:
            raise EngineError(probe_cuda().reason)
        self.memory = open_device_memory(api)
        try:
            with self.memory.entered():
                self._kernel = CudaKernel(kernel_source(), "crop_squares", gpu.compute_capability)
                self._table = self.memory.allocate(_ROW_BYTES * MOST_COPIES)
                self._host_table = self.memory.pin(_ROW_BYTES * MOST_COPIES)
        except BaseException:
            self.memory.close()
            raise

    def launch(self, pictures: Sequence[DevicePicture], plans: Sequence[CropPlan], address: int) -> None:
        """See `CropDevice.launch`."""
        count, size_px = len(plans), plans[0].size_px
        packed = [plan.packed(picture.conversion) for plan, picture in zip(plans, pictures, strict=True)]
        planes = np.array([(picture.address, picture.chroma_address) for picture in pictures], np.uint64)
        pitches = np.array([picture.pitch_bytes for picture in pictures], np.int32)
        tables: list[NDArray[np.uint8]] = [
            part.reshape(-1).view(np.uint8) for part in (np.concatenate(packed), planes, pitches)
        ]
        starts = np.cumsum([0, *(len(table) for table in tables)])
        # The stream was waited for since the last launch: nobody reads the table any more.
        content = self._host_table[: starts[-1]]
        np.concatenate(tables, out=content)
        self.memory.upload(self._table, content)
        plans_at, planes_at, pitches_at = (np.array([self._table + start], np.uint64) for start in starts[:-1])
        arguments = (planes_at, pitches_at, plans_at, np.array([address], np.uint64), np.array([size_px], np.int32))
        grid = (math.ceil(size_px / _BLOCK[0]), math.ceil(size_px / _BLOCK[1]), count)
        self._kernel.launch(grid, _BLOCK, arguments, self.memory.stream)

    def close(self) -> None:
        """Free the GPU's memory; the kernel goes with its process: a GPU that failed unloads nothing."""
        self.memory.close()


def compare_costs(
    device: CropDevice, stopwatch: Callable[[], float] = time.thread_time, rounds: int = _ROUNDS
) -> tuple[float, float]:
    """Return what a frame's squares cost, cut by the processor and on a device.

    A frame of 1280 x 720 px with what most frames need: one view of the detector and one crop. The default stopwatch
    counts this thread's own time on a core: what a GPU does meanwhile takes none from other beds.

    Args:
        device: Cuts; stays open.
        stopwatch: Seconds.
        rounds: Of each.

    Returns:
        Seconds a frame, medians.

    Raises:
        EngineError: The device cannot cut.
    """
    random = np.random.default_rng(3)
    image = random.integers(0, 256, (720, 1280, 3), dtype=np.uint8)
    view = Viewport.around(OrientedBox(640.0, 360.0, 150.0, 180.0, 20.0), 20.0, 224, 90.0)
    box, spec = OrientedBox(640.0, 360.0, 150.0, 180.0, 20.0), CropSpec(112, 0.1)
    health = EngineHealth()
    cutter = DeviceCutter(device, lambda: device, health)
    with device.memory.entered():
        targets = [device.memory.allocate(side_px * side_px * 3) for side_px in (224, 112)]

    def squares() -> tuple[ViewSquare, CropSquare]:
        frame = image.view()  # as a new frame: it goes up again
        return ViewSquare(frame, view), CropSquare(frame, box, spec)

    def by_processor() -> None:
        for square in squares():
            square.pixels()

    def on_device() -> None:
        for square, target in zip(squares(), targets, strict=True):
            if not cutter.cut([square], target):
                raise EngineError("a trial of the cutting of pictures on the GPU failed")

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # as the workers do
    try:
        return _median_seconds(by_processor, stopwatch, rounds), _median_seconds(on_device, stopwatch, rounds)
    finally:
        cv2.setNumThreads(threads)


def _median_seconds(work: Callable[[], None], stopwatch: Callable[[], float], rounds: int) -> float:
    times = []
    for _ in range(_WARM_UP + rounds):
        began = stopwatch()
        work()
        times.append(stopwatch() - began)
    return float(np.median(times[_WARM_UP:]))
