"""Step (c): ONNX Runtime on the GPU with every model file: equal to the CPU's answers, latency and throughput."""

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from step import NotHereError, is_rehearsal, median_ms, run_step

from monitor.inference.bundle import Bundle, read_bundle
from monitor.inference.engine_factory import missing_reason, open_variant
from monitor.inference.manifest import EngineName, Variant

_BATCHES = (1, 8, 32, 64)
_LIMITS = {"fp32": 0.02, "fp16": 0.05}
"""Of the outputs that are probabilities; `nicu-export verify` has the gates, which need golden pictures."""


def measure(numbers: dict[str, Any]) -> None:
    engine: EngineName = "onnxruntime" if is_rehearsal() else "onnxruntime-cuda"
    reason = missing_reason(engine)
    if reason is not None:
        raise NotHereError(reason)
    for bundle in _bundles():
        for variant in bundle.manifest.variants:
            if variant.precision != "int8":
                numbers[f"{bundle.name}/{variant.file}"] = {}
                _measure(bundle, variant, engine, numbers[f"{bundle.name}/{variant.file}"])
    if not numbers:
        raise NotHereError("there is no bundle in $NICU_BUNDLES")
    worst = [name for name, result in numbers.items() if not result["equal"]]
    if worst:
        raise RuntimeError(f"answers differ from the CPU's: {', '.join(worst)}")


def _bundles() -> list[Bundle]:
    root = Path(os.environ.get("NICU_BUNDLES", ""))
    paths = sorted(path.parent for path in root.glob("*/bundle.json")) if root.name else []
    return [read_bundle(path) for path in (paths[:1] if is_rehearsal() else paths)]


def _measure(bundle: Bundle, variant: Variant, name: EngineName, result: dict[str, Any]) -> None:
    tensor, size = bundle.manifest.input.tensor, variant.size_px
    random = np.random.default_rng(2)
    engine, reference = open_variant(bundle, variant, name), open_variant(bundle, variant, "onnxruntime")
    pictures = random.integers(0, 256, (4, size, size, 3), dtype=np.uint8)
    expected, found = reference.run({tensor: pictures}), engine.run({tensor: pictures})
    shares = [output for output in ("score", "scores", "presence") if output in expected]
    differences = {output: float(np.abs(found[output] - expected[output]).max()) for output in shares}
    result["largest difference"] = differences
    result["equal"] = all(value <= _LIMITS[variant.precision] for value in differences.values())
    for batch in _BATCHES[:1] if is_rehearsal() else _BATCHES:
        inputs = {tensor: random.integers(0, 256, (batch, size, size, 3), dtype=np.uint8)}
        p50, p99, _ = median_ms(partial(engine.run, inputs), 200, 0.4)
        result[f"batch {batch}"] = {"ms p50": p50, "ms p99": p99, "pictures per second": 1000 * batch / p50}
    engine.close()
    reference.close()


if __name__ == "__main__":
    run_step("c_onnxruntime", measure)
