"""The configuration of a station: its fields, and how a file with mistakes is read.

The names here are those of `settings`; reading a file is `monitor.config.file`.
"""

from monitor.config.history_settings import HistorySettings
from monitor.config.model_settings import ModelSettings
from monitor.config.push_settings import PushSettings
from monitor.config.settings import (
    MAXIMUM_BEDS,
    REDIS_SCHEMES,
    AlarmSettings,
    AnalysisSettings,
    BedSettings,
    CameraSettings,
    DecoderKind,
    FaceSettings,
    HttpSettings,
    LogSettings,
    RedisSettings,
    RegionOfInterest,
    SpoolSettings,
    StationConfig,
    StationSettings,
    WebSettings,
)

__all__ = [
    "MAXIMUM_BEDS",
    "REDIS_SCHEMES",
    "AlarmSettings",
    "AnalysisSettings",
    "BedSettings",
    "CameraSettings",
    "DecoderKind",
    "FaceSettings",
    "HistorySettings",
    "HttpSettings",
    "LogSettings",
    "ModelSettings",
    "PushSettings",
    "RedisSettings",
    "RegionOfInterest",
    "SpoolSettings",
    "StationConfig",
    "StationSettings",
    "WebSettings",
]
