"""Step (c): ONNX Runtime on the GPU with every model file: equal to the CPU's answers, latency and throughput.

Batch sizes are timed alone and in turn: a station's follow each other as its beds have it. The time is shared out by
file, the detector first, so that no file is left out for want of time.
"""

import os
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from step import NotHereError, is_rehearsal, median_ms, run_step

from monitor.inference.bundle import Bundle, read_bundle
from monitor.inference.engine_factory import missing_reason, open_variant
from monitor.inference.lazy_rows import Rows
from monitor.inference.manifest import EngineName, Variant
from monitor.inference.onnxruntime_engine import OnnxRuntimeEngine
from monitor.inference.padded_engine import BATCH_SIZES

_LIMITS = {"fp32": 0.001, "fp16": 0.05}
"""Of the outputs that are probabilities, as `nicu-export verify` has them for golden pictures. TF32 would be beyond."""
_SECONDS = 34.0
"""Of the step's 40, for the files together."""


def measure(numbers: dict[str, Any]) -> None:
    engine: EngineName = "onnxruntime" if is_rehearsal() else "onnxruntime-cuda"
    reason = missing_reason(engine)
    if reason is not None:
        raise NotHereError(reason)
    files = [
        (bundle, variant)
        for bundle in _bundles()
        for variant in bundle.manifest.variants
        if variant.precision != "int8"
    ]
    until = time.monotonic() + _SECONDS
    for number, (bundle, variant) in enumerate(files):
        numbers[f"{bundle.name}/{variant.file}"] = {}
        seconds = (until - time.monotonic()) / (len(files) - number)
        _measure(bundle, variant, engine, numbers[f"{bundle.name}/{variant.file}"], seconds)
    if not numbers:
        raise NotHereError("there is no bundle in $NICU_BUNDLES")
    worst = [name for name, result in numbers.items() if not result["equal"]]
    if worst:
        raise RuntimeError(f"answers differ from the CPU's: {', '.join(worst)}")


def _bundles() -> list[Bundle]:
    root = Path(os.environ.get("NICU_BUNDLES", ""))
    paths = sorted(path.parent for path in root.glob("*/bundle.json")) if root.name else []
    bundles = [read_bundle(path) for path in paths]
    # What most of a station's time goes into comes first; a stable sort.
    bundles.sort(key=lambda bundle: bundle.manifest.kind != "detector")
    return bundles[:1] if is_rehearsal() else bundles


def _measure(bundle: Bundle, variant: Variant, name: EngineName, result: dict[str, Any], seconds: float) -> None:
    """Measure one file.

    Args:
        seconds: For its timings; planning and loading take what they take.
    """
    tensor, size = bundle.manifest.input.tensor, variant.size_px
    random = np.random.default_rng(2)
    sizes = BATCH_SIZES[:2] if is_rehearsal() else BATCH_SIZES
    batches: dict[int, dict[str, Rows]] = {
        rows: {tensor: random.integers(0, 256, (rows, size, size, 3), dtype=np.uint8)} for rows in sizes
    }
    engine, reference = open_variant(bundle, variant, name), open_variant(bundle, variant, "onnxruntime")
    for rows, inputs in batches.items():
        began = time.monotonic()
        found = engine.run(inputs)
        result[f"batch {rows}"] = {"s first": time.monotonic() - began}
        if rows == sizes[1]:
            expected = reference.run(inputs)
            shares = [output for output in ("score", "scores", "presence") if output in expected]
            differences = {output: float(np.abs(found[output] - expected[output]).max()) for output in shares}
            result["largest difference"] = differences
            result["equal"] = all(value <= _LIMITS[variant.precision] for value in differences.values())
    share = max(0.1, min(0.4, seconds / (len(sizes) + 3)))
    for rows, inputs in batches.items():
        p50, p99, _ = median_ms(partial(engine.run, inputs), 200, share)
        result[f"batch {rows}"] |= {"ms p50": p50, "ms p99": p99, "pictures per second": 1000 * rows / p50}

    def in_turn() -> None:
        for inputs in batches.values():
            engine.run(inputs)

    p50, p99, _ = median_ms(in_turn, 100, share)
    alone = sum(result[f"batch {rows}"]["ms p50"] for rows in sizes)
    result[f"batches {', '.join(map(str, sizes))} in turn"] = {"ms p50": p50, "ms p99": p99, "over alone": p50 / alone}
    engine.close()
    reference.close()
    if variant.precision == "fp16" and name == "onnxruntime-cuda":
        # What the option of fp32 files would cost this one: its convolutions without tensor cores.
        without = OnnxRuntimeEngine(bundle.read(variant.file), label=variant.file, device="cuda", is_fp16=False)
        p50, p99, _ = median_ms(partial(without.run, batches[sizes[-1]]), 200, share)
        result[f"batch {sizes[-1]} with use_tf32 0"] = {"ms p50": p50, "ms p99": p99}
        without.close()


if __name__ == "__main__":
    run_step("c_onnxruntime", measure)
