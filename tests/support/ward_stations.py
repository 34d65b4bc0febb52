"""Stations that write to a real Redis what a ward reads, and the reader of that ward, on a clock that a test moves."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from redis_server import RedisServer

from monitor.board import BedState, Board
from monitor.clock import ManualClock
from monitor.config import StationConfig
from monitor.ward.reader import WardReader

_STATE = {"level": "0.1", "score": "0.1", "display_level": "0.1", "validity": "valid", "coverage": "1"}


class StationsAndWard:
    """The reader of a ward and the stations around it.

    Args:
        server: Through which they speak.
    """

    def __init__(self, server: RedisServer) -> None:
        self.client: Any = server.client()
        self.clock = ManualClock(1_000.0)
        self.board = Board((), self.clock, on_level=0.6)
        config = StationConfig.model_validate({"fleet": {}, "redis": {"url": server.url}, "station": {"id": "ward"}})
        self.reader = WardReader(config, self.board, self.clock)
        self._written = 0

    def run(
        self,
        seconds: int,
        watched: Mapping[str, Collection[str]],
        *,
        written_by_silent: Mapping[str, Collection[str]] | None = None,
        also_named: Mapping[str, Collection[str]] | None = None,
        names_beds: bool = True,
        state: Mapping[str, str] | None = None,
    ) -> None:
        """Let time pass second by second: stations write, the ward reads.

        Args:
            seconds: How long.
            watched: Station to the beds that it watches. Each gives its heartbeat.
            written_by_silent: Likewise of stations that give none.
            also_named: Station to beds that it has, but of which it writes nothing.
            names_beds: Whether heartbeats name the beds, as those of older stations do not.
            state: What stations say of every bed besides.
        """
        for _ in range(seconds):
            for station, beds in watched.items():
                named = [*beds, *(also_named or {}).get(station, ())]
                heartbeat = {"beds": named} if names_beds else {}
                self.client.set(f"nicu:heartbeat:{station}", json.dumps(heartbeat))
            for station, beds in (*watched.items(), *(written_by_silent or {}).items()):
                for bed in beds:
                    self._write(station, bed, state or {})
            self.clock.advance(1.0)
            self.reader.turn()
            self.reader._raise_alarms()

    def fall_silent(self, station: str) -> None:
        """Let the heartbeat of a station lapse."""
        self.client.delete(f"nicu:heartbeat:{station}")

    def forget(self, bed: str) -> None:
        """Delete the state of a bed, as a station does of a bed that left, or let it lapse."""
        self.client.delete(f"nicu:state:{bed}")

    def states(self) -> dict[str, BedState]:
        """Return what the ward shows of each bed."""
        return {bed.info.bed_id: bed.status.state for bed in self.board.snapshot().beds}

    def notices(self) -> list[str]:
        """Return what the ward says of itself and of its stations."""
        return [alert.newest.detail for alert in self.board.snapshot().open_alerts]

    def _write(self, station: str, bed: str, state: Mapping[str, str]) -> None:
        self._written += 1
        fields = {"camera_state": "playing", "seconds_since_face": "0.1", "updated_at": str(self._written)}
        self.client.hset(f"nicu:state:{bed}", mapping={**_STATE, **fields, **state, "station": station})
