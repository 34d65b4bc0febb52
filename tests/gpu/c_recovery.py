"""Step (c): a GPU whose context is reset under a running engine: who answers, how soon, and whether it comes back.

It is the process's own context that is destroyed; the next call makes a new one. `c_sticky.py` has the fault that
stays.
Where a library ends the process, the log of the step ends with it.
"""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from step import NotHereError, is_rehearsal, run_step

from monitor.errors import EngineError
from monitor.inference.bundle import read_bundle
from monitor.inference.engine import Engine
from monitor.inference.engine_factory import missing_reason, open_variant
from monitor.inference.lazy_rows import Rows
from monitor.inference.manifest import EngineName
from monitor.inference.recovering_engine import EngineHealth, RecoveringEngine

_LIMIT_SECONDS = 15.0


class FailsOnDemand:
    """In a rehearsal, in place of the engine on the GPU."""

    name = "onnxruntime-cuda"

    def __init__(self, engine: Engine) -> None:
        self._engine, self.inputs, self.outputs = engine, engine.inputs, engine.outputs
        self.is_lost = False
        self.close = engine.close

    def run(self, inputs: Mapping[str, Rows]) -> dict[str, NDArray[Any]]:
        if self.is_lost:
            raise EngineError("context is destroyed")
        return self._engine.run(inputs)


def measure(numbers: dict[str, Any]) -> None:
    watch_loss(numbers, _reset, comes_back=True)


def watch_loss(numbers: dict[str, Any], lose: Callable[[], None], *, comes_back: bool) -> None:
    """Run an engine, lose its GPU, and note what follows.

    Args:
        numbers: Of the step.
        lose: Makes the GPU fail; not called in a rehearsal.
        comes_back: In a rehearsal, whether the engine can be opened again.
    """
    name: EngineName = "onnxruntime" if is_rehearsal() else "onnxruntime-cuda"
    reason = missing_reason(name)
    if reason is not None:
        raise NotHereError(reason)
    root = Path(os.environ.get("NICU_BUNDLES", ""))
    paths = sorted(path.parent for path in root.glob("*/bundle.json")) if root.name else []
    if not paths:
        raise NotHereError("there is no bundle in $NICU_BUNDLES")
    bundle = read_bundle(paths[0])
    variant = bundle.variant(size_px=bundle.manifest.variants[0].size_px, precision="fp32")

    def open_one() -> Engine:
        if is_rehearsal() and "answered by" in numbers and not comes_back:
            raise EngineError("an illegal memory access was encountered")
        engine = open_variant(bundle, variant, name)
        return FailsOnDemand(engine) if is_rehearsal() else engine

    first, reserve = open_one(), open_variant(bundle, variant, "onnxruntime")
    health = EngineHealth()
    engine = RecoveringEngine(first, open_one, reserve, health)
    pictures = np.random.default_rng(5).integers(0, 256, (1, variant.size_px, variant.size_px, 3), dtype=np.uint8)
    inputs = {bundle.manifest.input.tensor: pictures}
    expected = reserve.run(inputs)
    engine.run(inputs)
    numbers["model"] = f"{bundle.name}/{variant.file}"
    numbers["stage"] = "the context is lost"
    numbers["answered by"] = "nobody"
    if isinstance(first, FailsOnDemand):
        first.is_lost = True
    else:
        lose()
    began = time.monotonic()
    answer = engine.run(inputs)
    numbers |= {
        "seconds to the next answer": time.monotonic() - began,
        "answered by": engine.name,
        "answered last by": engine.name,
        "reason": health.degraded or "",
        "largest difference": max(float(np.abs(answer[key] - expected[key]).max()) for key in expected),
        "stage": "waiting for the GPU",
    }
    limit = _LIMIT_SECONDS if comes_back or not is_rehearsal() else 1.0
    while health.degraded is not None and time.monotonic() - began < limit:
        time.sleep(0.2)
        answer = engine.run(inputs)
        numbers["answered last by"] = engine.name
        numbers["largest difference"] = max(
            numbers["largest difference"], *(float(np.abs(answer[key] - expected[key]).max()) for key in expected)
        )
    back = health.degraded is None
    numbers["seconds until the GPU answers again"] = time.monotonic() - began if back else f"not within {limit:.0f} s"
    numbers["stage"] = "ended"
    engine.close()


def _reset() -> None:
    from cuda.bindings import driver

    (status,) = driver.cuDevicePrimaryCtxReset(driver.cuDeviceGet(0)[1])
    if status != driver.CUresult.CUDA_SUCCESS:
        raise RuntimeError(f"the context of the GPU cannot be destroyed: {status.name}")


if __name__ == "__main__":
    run_step("c_recovery", measure)
