"""Step (f): TensorRT 8.6, the newest that package indexes hold whole, through this project's own runtime path.

Its wheels are for Python 3.10 and older, which is outside the supported range: this step runs under $NICU_PYTHON310,
and lends that Python the one name that it lacks.
"""

import hashlib
import importlib.util
import os
import platform
import tempfile
import time
import typing
from functools import partial
from pathlib import Path
from typing import Any

from step import NotHereError, is_rehearsal, median_ms, run_step

_PROFILE = (1, 4, 16)


def measure(numbers: dict[str, Any]) -> None:
    version = platform.python_version_tuple()[:2]
    if version != ("3", "10"):
        raise NotHereError(f"this step wants Python 3.10 as $NICU_PYTHON310, and this is {platform.python_version()}")
    import typing_extensions

    typing.Self = typing_extensions.Self  # Python 3.11 has it
    import numpy as np

    from monitor.inference.bundle import read_bundle
    from monitor.inference.cuda_graph import CudaGraph
    from monitor.inference.device_memory import open_device_memory
    from monitor.inference.engine_factory import open_variant
    from monitor.inference.plans import Plan, PlanRecord
    from monitor.inference.tensorrt_api import layer_types, load_module
    from monitor.inference.tensorrt_engine import TensorRtEngine

    if importlib.util.find_spec("tensorrt") is None:
        raise NotHereError("TensorRT 8.6 is not installed beside this Python; `tests/gpu/run.sh pack310` packs it")
    trt = load_module("tensorrt")
    numbers["version"] = trt.__version__
    if is_rehearsal():
        raise NotHereError("TensorRT builds nothing without a GPU")
    root = Path(os.environ.get("NICU_BUNDLES", ""))
    bundles = [read_bundle(path.parent) for path in sorted(root.glob("*/bundle.json"))]
    # What most of a station's time goes into comes first: the step may be cut short while it builds.
    bundles.sort(key=lambda bundle: bundle.manifest.kind != "detector")
    for bundle in bundles:
        variant = bundle.variant(size_px=min(v.size_px for v in bundle.manifest.variants), precision="fp32")
        result: dict[str, Any] = {"stage": "is built"}
        numbers[f"{bundle.name}/{variant.file}"] = result
        began = time.monotonic()
        content = _build(trt, bundle.read(variant.file), bundle.manifest.input.tensor, variant.size_px)
        record = PlanRecord(
            onnx_file=variant.file,
            onnx_sha256=bundle.manifest.files[variant.file].sha256,
            engine="tensorrt",
            engine_version=trt.__version__,
            compute_capability="9.0",
            requested_precision="fp16",
            profile=_PROFILE,
            build_seconds=time.monotonic() - began,
            plan_sha256=hashlib.sha256(content).hexdigest(),
            plan_bytes=len(content),
        )
        result |= {"stage": "runs", "build seconds": record.build_seconds, "plan bytes": len(content)}
        with tempfile.TemporaryDirectory() as directory:
            plan = Plan(Path(directory) / "model.plan", record, content)
            engine = TensorRtEngine(plan, trt, open_device_memory(), CudaGraph)
        result["types"] = list(layer_types(trt, engine._engine, engine._context))
        reference = open_variant(bundle, variant, "onnxruntime")
        pictures = np.random.default_rng(2).integers(0, 256, (4, *[variant.size_px] * 2, 3), dtype=np.uint8)
        inputs = {bundle.manifest.input.tensor: pictures}
        expected, found = reference.run(inputs), engine.run(inputs)
        result["largest difference"] = {
            name: float(np.abs(found[name] - expected[name]).max()) for name in ("score", "scores") if name in expected
        }
        for batch in _PROFILE:
            rows = np.zeros((batch, variant.size_px, variant.size_px, 3), np.uint8)
            again = {bundle.manifest.input.tensor: rows}
            p50, p99, _ = median_ms(partial(engine.run, again), 200, 0.5)
            result[f"batch {batch}"] = {"ms p50": p50, "ms p99": p99}
        engine.close()
        result["stage"] = "ended"


def _build(trt: Any, model: bytes, tensor: str, size: int) -> bytes:
    """Build as TensorRT 8 does: weakly typed, with fp16 allowed."""
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(model):
        raise RuntimeError(f"the parser of TensorRT 8.6 refuses the model: {parser.get_error(0).desc()}")
    config = builder.create_builder_config()
    config.set_flag(trt.BuilderFlag.FP16)
    # Without cuBLAS and cuDNN, of which this version wants others than newer machines have.
    sources = (trt.TacticSource.EDGE_MASK_CONVOLUTIONS, trt.TacticSource.JIT_CONVOLUTIONS)
    config.set_tactic_sources(sum(1 << int(source) for source in sources))
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    # Every batch size has a context of its own; before TensorRT 9 they may share a profile only where this was set.
    config.set_preview_feature(trt.PreviewFeature.PROFILE_SHARING_0806, True)  # noqa: FBT003 - TensorRT's
    profile = builder.create_optimization_profile()
    profile.set_shape(tensor, *((batch, size, size, 3) for batch in _PROFILE))
    config.add_optimization_profile(profile)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise RuntimeError("TensorRT 8.6 builds no engine of this model")
    return bytes(plan)


if __name__ == "__main__":
    run_step("f_tensorrt8", measure)
