"""Opens the engine that runs a bundle's model: which implementation, and why that one.

`auto` takes the first of these that can run here: TensorRT, TensorRT-RTX, ONNX Runtime on a GPU, ONNX Runtime on the
CPU. OpenVINO runs when it is asked for; at fp32 it is no faster than ONNX Runtime, which every model is verified with.
"""

import importlib
import importlib.util
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, TypeVar

from monitor.config.base import ModelRole
from monitor.errors import BundleError, EngineError, MonitorError
from monitor.inference.bundle import Bundle
from monitor.inference.cuda import probe_cuda, wait_asleep
from monitor.inference.device_memory import CudaApi, open_device_memory
from monitor.inference.engine import Engine
from monitor.inference.manifest import EngineName, Outcome, Precision, Variant
from monitor.inference.model_metadata import require_class_order
from monitor.inference.outcomes import Kernels, verified_kernels
from monitor.inference.plans import PlanKey, find_plan, plan_directory, plan_key
from monitor.inference.processor import has_bf16, kernel_units_here
from monitor.inference.tensors import first_line

__all__ = [
    "ENGINES",
    "GPU_ENGINES",
    "REDUCED_ENGINES",
    "RESERVE_ENGINE",
    "EngineChoice",
    "OnMissing",
    "describe_engines",
    "extra_of",
    "is_installed",
    "kernels_here",
    "missing_reason",
    "open_engine",
    "open_variant",
    "outcome_here",
    "plan_key_here",
    "require_engine",
]

ENGINES: tuple[EngineName, ...] = (
    "tensorrt",
    "tensorrt-rtx",
    "onnxruntime-cuda",
    "onnxruntime",
    "openvino",
    "openvino-bf16",
)
GPU_ENGINES: frozenset[EngineName] = frozenset({"tensorrt", "tensorrt-rtx", "onnxruntime-cuda"})
EngineChoice = Literal[
    "auto", "onnxruntime", "onnxruntime-cuda", "openvino", "openvino-bf16", "tensorrt", "tensorrt-rtx"
]
OnMissing = Literal["fall_back", "refuse"]
REDUCED_ENGINES: frozenset[EngineName] = frozenset({"openvino-bf16"})
"""They compute in less than the file's precision, and run only what was verified with them."""
_AUTO: tuple[EngineName, ...] = ("tensorrt", "tensorrt-rtx", "onnxruntime-cuda", "onnxruntime")
RESERVE_ENGINE: Literal["onnxruntime"] = "onnxruntime"
"""What answers where another engine cannot: it runs everywhere."""
_MODULES: dict[EngineName, str] = {
    "onnxruntime": "onnxruntime",
    "onnxruntime-cuda": "onnxruntime",
    "openvino": "openvino",
    "openvino-bf16": "openvino",
    "tensorrt": "tensorrt",
    "tensorrt-rtx": "tensorrt_rtx",
}
_log = logging.getLogger(__name__)
_T = TypeVar("_T")


def open_engine(
    bundle: Bundle,
    *,
    size_px: int | None = None,
    precision: Precision | None = None,
    choice: EngineChoice = "auto",
    on_missing: OnMissing = "fall_back",
    threads: int = 1,
    cuda_api: CudaApi = "auto",
    prefer_int8: bool = False,
    prepare: Callable[[Engine], Engine] = lambda engine: engine,
    say: Callable[[int, str], None] = _log.log,
) -> Engine:
    """Return an engine for one model of a bundle. One engine belongs to one thread; open one for each.

    Args:
        bundle: What to run.
        size_px: Side of the square input; None where the bundle has only one.
        precision: Which variant of the model; None takes fp16 on a GPU where there is one, and fp32 elsewhere.
        choice: Which implementation, or `auto`.
        on_missing: What to do when the chosen implementation cannot run here: fall back to ONNX Runtime, or refuse.
        threads: Threads within one operator on a CPU.
        cuda_api: Library through which TensorRT's engines use the GPU's memory.
        prefer_int8: Take, on a CPU and where `precision` is None, the int8 file if it passed its verification.
        prepare: Returns what was opened, ready to run; raises EngineError where it is none, once it has closed it.
        say: Takes a level and a line: what was chosen, why others were not, and, as a warning, a fall-back.

    Raises:
        BundleError: The bundle has no such model, or it failed its verification.
        EngineError: No allowed engine can run it here.
    """

    def attempt(name: EngineName) -> tuple[Engine, Variant]:
        variant = _allowed(bundle, name, size_px, precision, prefer_int8=prefer_int8)
        return prepare(open_variant(bundle, variant, name, threads=threads, cuda_api=cuda_api)), variant

    (engine, variant), name, reasons = _first(bundle, choice, on_missing, attempt)
    if choice in {"auto", name}:
        if reasons:
            say(logging.INFO, f"passed over here: {reasons}")
        say(logging.INFO, f"{variant.file} of bundle {bundle.name} runs on {name}")
    else:
        say(logging.WARNING, f"{_cannot_run(bundle, choice, reasons)}; falling back to {name}")
    return engine


def require_engine(
    bundle: Bundle,
    *,
    size_px: int | None = None,
    choice: EngineChoice = "auto",
    on_missing: OnMissing = "fall_back",
    prefer_int8: bool = False,
) -> EngineName:
    """Return which engine `open_engine` would take for one model, as far as can be told without opening it.

    Args:
        bundle: What would be run.
        size_px: As for `open_engine`, like the following.
        choice: Which implementation, or `auto`.
        on_missing: What to do when the chosen implementation cannot run here.
        prefer_int8: Whether the int8 file is taken where it may be.

    Raises:
        BundleError: The bundle has no such model, or it failed its verification.
        EngineError: No allowed engine can run it here: it is not installed, the model failed its verification or is not
            verified with it, or there is no plan of it.
    """

    def attempt(name: EngineName) -> None:
        variant = _allowed(bundle, name, size_px, None, prefer_int8=prefer_int8)
        if name.startswith("tensorrt"):
            find_plan(plan_directory(bundle), plan_key_here(bundle, variant, name))

    return _first(bundle, choice, on_missing, attempt)[1]


def _first(
    bundle: Bundle, choice: EngineChoice, on_missing: OnMissing, attempt: Callable[[EngineName], _T]
) -> tuple[_T, EngineName, str]:
    """Return what `attempt` made of the first engine that can run, the engine, and why others before it cannot.

    Raises:
        BundleError: From `attempt`, as it is.
        EngineError: No allowed engine can run.
    """
    reasons: list[str] = []
    for name in _AUTO if choice == "auto" else (choice,):
        try:
            return attempt(name), name, "; ".join(reasons)
        except EngineError as error:
            # The engine that everything falls back to has no other way out.
            if name == RESERVE_ENGINE:
                raise
            reasons.append(f"{name}: {error}")
    if on_missing == "refuse":
        sentence = _cannot_run(bundle, choice, "; ".join(reasons))
        raise EngineError(f"{sentence}; install what is missing, or choose another engine")
    return attempt(RESERVE_ENGINE), RESERVE_ENGINE, "; ".join(reasons)


def _cannot_run(bundle: Bundle, choice: EngineChoice, reasons: str) -> str:
    return f"bundle {bundle.name} cannot run on {choice} here ({reasons})"


def _allowed(
    bundle: Bundle, name: EngineName, size_px: int | None, precision: Precision | None, *, prefer_int8: bool
) -> Variant:
    """Return the model file that one implementation may run here.

    Raises:
        BundleError: The bundle has no such model, or it failed its verification.
        EngineError: The implementation cannot run here, or the model failed its verification with it.
    """
    reason = missing_reason(name)
    if reason is not None:
        raise EngineError(reason)
    variant = _variant(bundle, name, size_px, precision, prefer_int8=prefer_int8)
    outcome = outcome_here(bundle, variant, name)
    if name in REDUCED_ENGINES and outcome is None:
        raise EngineError(
            f"{variant.file} of bundle {bundle.name} is not verified with {name} (nicu-export verify {bundle.path} "
            f"--engine {name})"
        )
    if outcome == "failed":
        raise EngineError(f"{variant.file} of bundle {bundle.name} failed its verification with {name}")
    return variant


def outcome_here(bundle: Bundle, variant: Variant, name: EngineName) -> Outcome | None:
    """Return what verification found with an engine, as far as it says something of what would run here.

    What fewer bits do to a model is known of the kernels that were compared, so that for int8 and bf16 an outcome
    counts only with the version of the engine and the units of the processor that it was made with. That of a file in
    fp32 or fp16 stands, and the log says with which version it was made.

    Args:
        bundle: What would be run.
        variant: Its model file.
        name: An engine that can run here.
    """
    outcome = variant.verification.get(name)
    if outcome is None:
        return None
    try:
        here = kernels_here(name)
    except EngineError:
        return outcome  # why it cannot be loaded is said where it is opened
    verified = verified_kernels(bundle, variant, name)
    is_reduced = variant.precision == "int8" or name in REDUCED_ENGINES
    if verified == here or (not is_reduced and (verified is None or verified.engine_version == here.engine_version)):
        return outcome
    _log.info(
        "%s of bundle %s was verified with %s %s, and %s is here: %s",
        variant.file,
        bundle.name,
        name,
        "of an unknown version" if verified is None else verified.in_words(with_units=is_reduced),
        here.in_words(with_units=is_reduced),
        "it counts as not verified" if is_reduced else f"nicu-export verify {bundle.path} compares it again",
    )
    return None if is_reduced else outcome


def kernels_here(name: EngineName) -> Kernels:
    """Return what decides which kernels compute a model here.

    Args:
        name: An engine for which `missing_reason` is None.

    Raises:
        EngineError: It is installed and cannot be loaded.
    """
    return Kernels(_engine_version(name), "" if name in GPU_ENGINES else kernel_units_here())


def open_variant(
    bundle: Bundle, variant: Variant, name: EngineName, *, threads: int = 1, cuda_api: CudaApi = "auto"
) -> Engine:
    """Open one model file with one engine, whatever its verification found; for verification and benchmarks.

    Raises:
        BundleError: The file is damaged, or its classes are not those of the bundle.
        EngineError: The engine cannot run it here.
    """
    label = f"{bundle.name}/{variant.file}"
    content = bundle.read(variant.file)
    require_class_order(bundle, variant, content)
    try:
        if name == "onnxruntime":
            from monitor.inference.onnxruntime_engine import OnnxRuntimeEngine

            return OnnxRuntimeEngine(content, label=label, threads=threads)
        if name == "onnxruntime-cuda":
            from monitor.inference.onnxruntime_engine import OnnxRuntimeEngine

            wait_asleep()
            return OnnxRuntimeEngine(content, label=label, device="cuda", is_fp16=variant.precision == "fp16")
        if name in {"openvino", "openvino-bf16"}:
            from monitor.inference.openvino_engine import OpenVinoEngine

            return OpenVinoEngine(
                content, label=label, threads=threads, precision="bf16" if name in REDUCED_ENGINES else "f32"
            )
        return _open_plan(bundle, variant, name, cuda_api)
    except (ImportError, OSError) as error:
        # Installed, and of no use: a library that it needs is missing, or of another version.
        raise EngineError(
            f"{name} is installed and cannot be loaded ({first_line(error)}); install it again"
        ) from error


def plan_key_here(bundle: Bundle, variant: Variant, name: EngineName) -> PlanKey:
    """Return what a TensorRT plan of one model file must be made for to run on this machine.

    Raises:
        EngineError: There is no GPU.
    """
    gpu = probe_cuda().gpu
    if gpu is None:
        raise EngineError(probe_cuda().reason)
    from monitor.inference.tensorrt_api import load_module

    return plan_key(bundle, variant, name, load_module(name).__version__, gpu.capability)


def _open_plan(bundle: Bundle, variant: Variant, name: EngineName, cuda_api: CudaApi) -> Engine:
    """Open the TensorRT plan that fits this GPU and version.

    Raises:
        EngineError: There is no GPU, no plan that fits, or the library `cuda_api` is not installed.
    """
    plan = find_plan(plan_directory(bundle), plan_key_here(bundle, variant, name))
    from monitor.inference.cuda_graph import CudaGraph
    from monitor.inference.tensorrt_api import load_module
    from monitor.inference.tensorrt_engine import TensorRtEngine

    trt = load_module(name)
    memory = open_device_memory(cuda_api)
    try:
        return TensorRtEngine(plan, trt, memory, CudaGraph)
    except Exception as error:
        memory.close()
        if isinstance(error, (MonitorError, ImportError, OSError)):
            raise
        # The bindings have errors of their own: where a library makes no object, theirs is a TypeError.
        raise EngineError(f"{name} {trt.__version__} cannot open {plan.path.name}: {first_line(error)}") from error


def _variant(
    bundle: Bundle, name: EngineName, size_px: int | None, precision: Precision | None, *, prefer_int8: bool
) -> Variant:
    if precision is None and prefer_int8 and name not in GPU_ENGINES | REDUCED_ENGINES:
        try:
            variant = bundle.variant(size_px=size_px, precision="int8")
        except BundleError:
            pass
        else:
            # What a lower precision does to a model is known only where it was compared.
            if outcome_here(bundle, variant, name) == "passed":
                return variant
            _log.info("%s of bundle %s is not verified with %s: fp32 runs", variant.file, bundle.name, name)
    if precision is None and name in GPU_ENGINES:
        try:
            return bundle.variant(size_px=size_px, precision="fp16")
        except BundleError:
            pass
    return bundle.variant(size_px=size_px, precision=precision or "fp32")


def is_installed(name: EngineName) -> bool:
    """Return whether an engine's Python package is installed; nothing is imported."""
    found = importlib.util.find_spec(_MODULES[name])
    if name != "onnxruntime-cuda" or found is None or found.origin is None:
        return found is not None
    # One package name, two builds: this library is in the one for GPUs alone.
    return (Path(found.origin).parent / "capi" / "libonnxruntime_providers_cuda.so").is_file()


def _engine_version(name: EngineName) -> str:
    """Return the version of an engine that is installed, as its own module gives it, without the commit of its build.

    Distributions are not asked: builds of one module come under several names (onnxruntime, onnxruntime-gpu).

    Args:
        name: One for which `missing_reason` is None.

    Raises:
        EngineError: It is installed and cannot be loaded.
    """
    try:
        module = importlib.import_module(_MODULES[name])
        return str(module.__version__).partition("-")[0]
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        raise EngineError(
            f"{name} is installed and cannot be loaded ({first_line(error)}); install it again"
        ) from error


def describe_engines(engines: Mapping[ModelRole, str]) -> str:
    """Return in words what runs the model of each role: one name where it is the same for all."""
    if len(set(engines.values())) == 1:
        return next(iter(engines.values()))
    return ", ".join(f"{engine} ({role})" for role, engine in engines.items())


def extra_of(name: EngineName) -> str:
    """Return the extra of this project's package that an engine comes with."""
    return {"onnxruntime-cuda": "cuda", "openvino-bf16": "openvino"}.get(name, name)


def missing_reason(name: EngineName) -> str | None:
    """Return why an engine cannot run here, with what mends it, or None where it can."""
    if not is_installed(name):
        return f"{name} is not installed (pip install 'nicu-pain-monitor[{extra_of(name)}]')"
    if name in GPU_ENGINES:
        probe = probe_cuda()
        if probe.gpu is None:
            return probe.reason
    if name in REDUCED_ENGINES and not has_bf16():
        return "this processor has no unit for bf16 (AVX512-BF16 or AMX)"
    return None
