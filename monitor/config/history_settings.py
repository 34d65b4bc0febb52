"""How long the station's memory of levels and alerts reaches back."""

from pydantic import Field

from monitor.config.base import Settings

__all__ = ["HistorySettings"]


class HistorySettings(Settings):
    """The record on the disk behind trends and handover: levels, coverage, facial actions, alerts, and who did what."""

    days: float = Field(
        default=30.0, ge=0.0, le=3_650.0, description="Older entries are deleted; 0 keeps nothing and writes no file."
    )
    maximum_megabytes: int = Field(
        default=2_048,
        ge=16,
        description="Disk quota; when it is reached, the oldest entries go before their time. A bed takes about 10 MB "
        "in 30 days.",
    )
    ward_hours: int = Field(
        default=24,
        ge=0,
        le=168,
        description="So much of every bed is passed on through Redis for the trends and the handover on the page of a "
        "ward; 0 passes nothing on. A day of a bed takes about 0.25 MB there.",
    )
