"""Beds at which this station may have left alerts on that no station goes on with."""

from collections.abc import Collection

from monitor.fleet.held_beds import SharedBeds
from monitor.fleet.lease_table import LeaseTable, TableReading

__all__ = ["LeftBeds"]


class LeftBeds:
    """Waits until it is certain who goes on with which alerts of a bed; then the station sets its own right.

    Not thread-safe.

    Args:
        beds: The station's beds.
        station: Its id.
    """

    def __init__(self, beds: SharedBeds, station: str) -> None:
        self._beds = beds
        self._station = station
        self._waiting: set[str] = set()

    def add(self, bed: str) -> None:
        """Look at a bed: it was taken just now, or another station has it."""
        self._waiting.add(bed)

    def look_again(self) -> None:
        """Look at every bed of which this station ever said anything: it was off, or Redis has lost something."""
        self._waiting.update(self._beds.spoken_of())

    def turn(self, table: LeaseTable, reading: TableReading, held: Collection[str]) -> None:
        """Set right the beds of which it is certain now.

        Args:
            table: Where alarm states are.
            reading: The table, read in this turn.
            held: The beds that this station watches; their leases were confirmed.
        """
        if reading.version == 0:  # no table was written yet, or it was lost: then it says nothing about any bed
            return
        certain: dict[str, str | None] = {}
        for bed in sorted(self._waiting):
            if bed not in reading.beds and bed not in reading.unreadable:
                certain[bed] = None
                continue
            lease = reading.leases.get(bed)
            owner = None if lease is None else lease.owner
            if bed in held and owner == self._station:
                certain[bed] = None
            elif lease is not None and bed not in held and owner not in {None, self._station}:
                state = table.alarm_state(bed)
                # What it took over was written by the one before; only what it wrote itself shows what it knows.
                if state is not None and state.station == owner and state.epoch >= lease.epoch:
                    certain[bed] = state.text
        if certain:
            self._beds.settle(certain)
            self._waiting.difference_update(certain)
