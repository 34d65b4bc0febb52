"""Real-time monitor of newborns' faces: camera streams in, alerts and metrics out.

Research software, not a medical device. No alert does not mean no pain.

The names in `__all__` are the public Python API; docs/python.md shows them at work. They are loaded when they are first
used, so that `import monitor` costs nothing and loads neither GStreamer nor a model runtime.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.alerts.record import (
        Acknowledgement,
        Alert,
        AlertDraft,
        AlertEvidence,
        AlertModel,
        ClockState,
        GenerationMode,
    )
    from monitor.clock import Clock, ManualClock, SystemClock
    from monitor.config import (
        AlarmSettings,
        AnalysisSettings,
        BedSettings,
        CameraSettings,
        FaceSettings,
        HttpSettings,
        LogSettings,
        ModelSettings,
        RedisSettings,
        RegionOfInterest,
        SpoolSettings,
        StationConfig,
        StationSettings,
        WebSettings,
    )
    from monitor.config.file import Mistake, find_mistakes, read_config
    from monitor.delivery.subscriber import (
        AlertSubscriber,
        HeartbeatLost,
        HeartbeatSeen,
        NewAlert,
        ServerLost,
        ServerSeen,
    )
    from monitor.errors import (
        BundleError,
        ConfigError,
        EngineError,
        MonitorError,
        PublishError,
        SpoolError,
        VideoError,
    )
    from monitor.pain.vocabulary import Code, Kind, Observation, Phase, Priority, Signal, Transition, Validity
    from monitor.pipeline.bed_pipeline import FrameResult
    from monitor.pipeline.models import ModelSet
    from monitor.replay.replay import Replay, ReplayStep
    from monitor.station.station import Station

try:
    __version__ = version("nicu-pain-monitor")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = [
    "Acknowledgement",
    "AlarmSettings",
    "Alert",
    "AlertDraft",
    "AlertEvidence",
    "AlertModel",
    "AlertSubscriber",
    "AnalysisSettings",
    "BedSettings",
    "BundleError",
    "CameraSettings",
    "Clock",
    "ClockState",
    "Code",
    "ConfigError",
    "EngineError",
    "FaceSettings",
    "FrameResult",
    "GenerationMode",
    "HeartbeatLost",
    "HeartbeatSeen",
    "HttpSettings",
    "Kind",
    "LogSettings",
    "ManualClock",
    "Mistake",
    "ModelSet",
    "ModelSettings",
    "MonitorError",
    "NewAlert",
    "Observation",
    "Phase",
    "Priority",
    "PublishError",
    "RedisSettings",
    "RegionOfInterest",
    "Replay",
    "ReplayStep",
    "ServerLost",
    "ServerSeen",
    "Signal",
    "SpoolError",
    "SpoolSettings",
    "Station",
    "StationConfig",
    "StationSettings",
    "SystemClock",
    "Transition",
    "Validity",
    "VideoError",
    "WebSettings",
    "__version__",
    "find_mistakes",
    "read_config",
]

# Where each public name is defined. A test compares this with the imports above, which are for type checkers only.
_DEFINED_IN = {
    "monitor.alerts.record": (
        "Acknowledgement", "Alert", "AlertDraft", "AlertEvidence", "AlertModel", "ClockState", "GenerationMode",
    ),
    "monitor.clock": ("Clock", "ManualClock", "SystemClock"),
    "monitor.config": (
        "AlarmSettings", "AnalysisSettings", "BedSettings", "CameraSettings", "FaceSettings", "HttpSettings",
        "LogSettings", "ModelSettings", "RedisSettings", "RegionOfInterest", "SpoolSettings", "StationConfig",
        "StationSettings", "WebSettings",
    ),
    "monitor.config.file": ("Mistake", "find_mistakes", "read_config"),
    "monitor.delivery.subscriber": (
        "AlertSubscriber", "HeartbeatLost", "HeartbeatSeen", "NewAlert", "ServerLost", "ServerSeen",
    ),
    "monitor.errors": (
        "BundleError", "ConfigError", "EngineError", "MonitorError", "PublishError", "SpoolError", "VideoError",
    ),
    "monitor.pain.vocabulary": (
        "Code", "Kind", "Observation", "Phase", "Priority", "Signal", "Transition", "Validity",
    ),
    "monitor.pipeline.bed_pipeline": ("FrameResult",),
    "monitor.pipeline.models": ("ModelSet",),
    "monitor.replay.replay": ("Replay", "ReplayStep"),
    "monitor.station.station": ("Station",),
}  # fmt: skip


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
