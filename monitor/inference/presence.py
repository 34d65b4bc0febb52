"""Which engines can run on this machine, and what the others lack."""

import importlib.util

from monitor.inference.cuda import probe_cuda
from monitor.inference.manifest import EngineName

__all__ = ["is_installed", "missing_reason"]

_MODULES: dict[EngineName, str] = {
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
    "tensorrt": "tensorrt",
    "tensorrt-rtx": "tensorrt_rtx",
}


def is_installed(name: EngineName) -> bool:
    """Tell whether an engine's Python package is installed; nothing is imported."""
    return importlib.util.find_spec(_MODULES[name]) is not None


def missing_reason(name: EngineName) -> str | None:
    """Return why an engine cannot run here, with what mends it, or None where it can."""
    if not is_installed(name):
        return f"{name} is not installed (pip install 'nicu-pain-monitor[{name}]')"
    if name in {"tensorrt", "tensorrt-rtx"}:
        probe = probe_cuda()
        if probe.gpu is None:
            return probe.reason
    return None
