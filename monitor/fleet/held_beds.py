"""The beds that a station holds, what it does with them, and the note of them that outlives it."""

import json
import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol

from monitor.config import BedSettings
from monitor.config.fleet import FleetBed
from monitor.delivery.request_reader import CommandReader
from monitor.fleet.lease_table import AlarmState

__all__ = ["FleetStatus", "HeldBed", "SharedBeds", "read_noted_beds", "write_noted_beds"]

_log = logging.getLogger(__name__)


class SharedBeds(Protocol):
    """The station's beds, as the keeper needs them; called from the keeper's thread."""

    def open(self, settings: BedSettings, state: AlarmState | None) -> None:
        """Watch a bed from now on, and go on with its alarms."""
        ...

    def close(self, bed: str, successor: str | None) -> str:
        """Watch a bed no more, because another station does (None: because it is no bed any more).

        Returns:
            Its alarm state once nothing changes it any more.
        """
        ...

    def leave(self, bed: str) -> str:
        """Say nothing more of a bed, because the station ends; return its last alarm state."""
        ...

    def snapshot(self, bed: str) -> str:
        """Return the alarm state of a bed."""
        ...

    def spoken_of(self) -> Collection[str]:
        """Return the beds of which this station, in this run or an earlier one, ever said anything."""
        ...

    def settle(self, states: Mapping[str, str | None]) -> None:
        """End what this station left on at these beds and nobody goes on with.

        Args:
            states: Bed id to the alarm state of the station that watches it; None where no other station does.
        """
        ...

    def compare(self) -> None:
        """Say again what Redis does not say of the alerts that are on: another station wrote of them last."""
        ...

    def has_alarm(self, bed: str) -> bool:
        """Return whether an alarm of a bed is on."""
        ...


class FleetStatus:
    """What the keeper last found; read by other threads.

    Attributes:
        unwatched: Beds that nobody watches.
        failure: One sentence on what keeps this station from claiming beds; None while nothing does.
        takeovers: Beds that were taken over from another station since the start.
        lost: Beds that another station took from this one.
        held: Beds that this station watches.
        limit: Beds that it may hold.
    """

    def __init__(self) -> None:
        self.unwatched: tuple[str, ...] = ()
        self.failure: str | None = None
        self.takeovers = self.lost = self.held = self.limit = 0


class HeldBed:
    """A bed that this station watches."""

    __slots__ = ("bed", "commands_id", "epoch", "reader", "shared", "shared_seconds", "since_seconds")

    def __init__(self, bed: FleetBed, epoch: int, since_seconds: float) -> None:
        self.bed = bed
        self.epoch = epoch
        self.since_seconds = since_seconds
        self.shared: str | None = None
        self.shared_seconds = float("-inf")
        self.reader: CommandReader | None = None
        self.commands_id = "0-0"

    def drop_reader(self) -> None:
        """Let go of the reader of a connection that is over; the next one goes on behind the same command."""
        if self.reader is not None:
            self.commands_id, self.reader = self.reader.last_id, None


def write_noted_beds(path: Path, held: Mapping[str, HeldBed]) -> None:
    """Note the beds that are held, for a start without Redis; without secrets, for a bed's document has none."""
    noted = {bed: {"epoch": item.epoch, "bed": item.bed.model_dump(mode="json")} for bed, item in held.items()}
    draft = path.with_suffix(".new")
    try:
        draft.write_text(json.dumps(noted), encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        _log.warning("the beds of this station cannot be noted in %s: %s", path, error.strerror)


def read_noted_beds(path: Path) -> list[tuple[FleetBed, int]]:
    """Return the beds that were held last, with their epochs; none where nothing sound was noted."""
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))
        return [(FleetBed.model_validate(item["bed"]), int(item["epoch"])) for item in noted.values()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
