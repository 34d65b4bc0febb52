"""Step (b): the crop kernel against the CPU's path, and its speed."""

import time
from typing import Any

import numpy as np
from step import is_rehearsal, median_ms, run_step

from monitor.faces.crop import CropSpec, crop_face
from monitor.faces.cuda_crops import CudaCrops, compare_costs
from monitor.faces.device_crop import BT601, CropPlan, DevicePicture, nv12_to_rgb, plan_crop, plan_view, render
from monitor.faces.geometry import OrientedBox
from monitor.faces.viewport import Viewport

_WIDTH, _HEIGHT = 1920, 1080
_COUNT = 64


def measure(numbers: dict[str, Any]) -> None:
    random = np.random.default_rng(11)
    luma = random.integers(16, 236, (_HEIGHT, _WIDTH), dtype=np.uint8)
    chroma = random.integers(16, 241, (_HEIGHT // 2, _WIDTH), dtype=np.uint8)
    image = nv12_to_rgb(luma, chroma)
    count = 4 if is_rehearsal() else _COUNT
    crops, views, crop_plans, view_plans = [], [], [], []
    for _ in range(count):
        x, y, side, angle = random.uniform((0, 0, 60, -180), (_WIDTH, _HEIGHT, 500, 180))
        box, spec = OrientedBox(x, y, side, side, angle), CropSpec(112, 0.1)
        view = Viewport(224, x, y, 224 / (2 * side), angle)
        crop_plans.append(plan_crop(box, spec, _WIDTH, _HEIGHT))
        view_plans.append(plan_view(view, _WIDTH, _HEIGHT))
        crops.append(crop_face(image, box, spec))
        views.append(view.render(image))
    for name, plans, expected in (("crops of 112 px", crop_plans, crops), ("views of 224 px", view_plans, views)):
        found, timing = _cut_here(image, plans) if is_rehearsal() else _cut_on_gpu(luma, chroma, plans)
        worst = int(np.abs(found.astype(int) - np.stack(expected)).max())
        numbers[name] = {"count": count, "largest difference in levels": worst, **timing}
        if worst > 1:
            raise RuntimeError(f"{name} differ from the CPU's by {worst} levels")
    if not is_rehearsal():
        _compare(numbers)


def _cut_here(image: np.ndarray, plans: list[CropPlan]) -> tuple[np.ndarray, dict[str, float]]:
    return np.stack([render(image, plan) for plan in plans]), {}


def _cut_on_gpu(luma: np.ndarray, chroma: np.ndarray, plans: list[CropPlan]) -> tuple[np.ndarray, dict[str, float]]:
    device, size = CudaCrops(), plans[0].size_px
    out = np.zeros((len(plans), size, size, 3), np.uint8)
    with device.memory.entered():
        planes = [device.memory.allocate(plane.nbytes) for plane in (luma, chroma)]
        target = device.memory.allocate(out.nbytes)
        for address, plane in zip(planes, (luma, chroma), strict=True):
            device.memory.upload(address, plane)
        picture = DevicePicture(planes[0], planes[1], _WIDTH, _WIDTH, _HEIGHT, BT601)

        def cut() -> None:
            device.launch([picture] * len(plans), plans, target)
            device.memory.synchronise()

        p50, p99, _ = median_ms(cut, 500)
        device.memory.download(out, target)
        device.memory.synchronise()
    device.close()
    return out, {"ms p50": p50, "ms p99": p99}


def _compare(numbers: dict[str, Any]) -> None:
    """Note what a frame's view and crop cost this thread, and how long they take, cut here and on the GPU."""
    result: dict[str, float] = {}
    numbers["a frame's view and crop, picture uploaded"] = result
    for name, stopwatch in (("CPU ms", time.thread_time), ("ms", time.perf_counter)):
        processor, gpu = compare_costs(CudaCrops(), stopwatch)
        result |= {f"{name} by the processor": 1000 * processor, f"{name} on the GPU": 1000 * gpu}


if __name__ == "__main__":
    run_step("b_crops", measure)
