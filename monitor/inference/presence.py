"""Which engines can run on this machine, and what the others lack."""

import importlib.util

from monitor.inference.manifest import EngineName

__all__ = ["missing_reason"]


def missing_reason(name: EngineName) -> str | None:
    """Return why an engine cannot run here, with what mends it, or None where it can."""
    if name == "onnxruntime":
        return None
    if name == "openvino":
        return None if _has("openvino") else "OpenVINO is not installed (pip install 'nicu-pain-monitor[openvino]')"
    module = "tensorrt" if name == "tensorrt" else "tensorrt_rtx"
    if not _has(module):
        return f"{module} is not installed (pip install 'nicu-pain-monitor[{name}]')"
    return "no GPU"


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
