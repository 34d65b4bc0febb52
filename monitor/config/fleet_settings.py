"""What a station that shares its beds with others says about itself."""

from pathlib import Path

from pydantic import Field

from monitor.config.base import PositiveSeconds, Settings

__all__ = ["FleetSettings"]


class FleetSettings(Settings):
    """A station that shares its beds with others: Redis holds the beds, and the station claims some of them."""

    capacity_beds: int | None = Field(
        default=None,
        ge=1,
        le=256,
        description="Beds that this machine can watch; four fifths of them are claimed. As measured when absent.",
    )
    command_token_file: Path | None = Field(
        default=None,
        description="Of a ward's page: the token with which it passes on what people ask, in their names. "
        "Its holder must be an admin of the stations' redis.command_access_file.",
    )
    lease_seconds: PositiveSeconds = Field(
        default=7.0, ge=2.0, le=60.0, description="A bed whose station has been silent for so long is taken over."
    )
