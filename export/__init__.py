"""From trained networks to verified model bundles and engines.

The names in `__all__` are the public Python API. They are loaded when they are first used, so that `import export`
costs nothing and does not load PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from export.benchmark import Benchmark, Timing, run_benchmark
    from export.classifier.bundle import write_classifier_bundle
    from export.detector.bundle import DetectorSource, write_detector_bundle
    from export.engines.build import Target, build_engine, parse_target
    from export.precisions import DEFAULT_PRECISIONS
    from export.verification.report import Report, Row, report_lines
    from export.verification.verify import engines_present, verify_bundle, write_report

__all__ = [
    "DEFAULT_PRECISIONS",
    "Benchmark",
    "DetectorSource",
    "Report",
    "Row",
    "Target",
    "Timing",
    "build_engine",
    "engines_present",
    "parse_target",
    "report_lines",
    "run_benchmark",
    "verify_bundle",
    "write_classifier_bundle",
    "write_detector_bundle",
    "write_report",
]

# Where each public name is defined. A test compares this with the imports above, which are for type checkers only.
_DEFINED_IN = {
    "export.benchmark": ("Benchmark", "Timing", "run_benchmark"),
    "export.classifier.bundle": ("write_classifier_bundle",),
    "export.detector.bundle": ("DetectorSource", "write_detector_bundle"),
    "export.engines.build": ("Target", "build_engine", "parse_target"),
    "export.precisions": ("DEFAULT_PRECISIONS",),
    "export.verification.report": ("Report", "Row", "report_lines"),
    "export.verification.verify": ("engines_present", "verify_bundle", "write_report"),
}


def __getattr__(name: str) -> object:
    """Load a public name on its first use (PEP 562)."""
    for module, names in _DEFINED_IN.items():
        if name in names:
            value: object = getattr(import_module(module), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
