"""The records of a station for later: the audit log, and the history, whose last hours go to a ward's page, too."""

from collections.abc import Mapping
from functools import partial

from monitor.board import Board
from monitor.clock import Clock
from monitor.config import StationConfig
from monitor.history.recorder import HistoryRecorder
from monitor.history.sharing import HistorySharing
from monitor.telemetry.audit_log import AuditLog
from monitor.telemetry.heartbeats import Heartbeats

__all__ = ["RecordKeeping"]

_LIMIT_SECONDS = 30.0
_HISTORY_LIMIT_SECONDS = 120.0
"""Checking and pruning a large file takes a while."""
_AUDIT = "audit log"
_HISTORY = "history"
_SHARING = "history for the ward"


class RecordKeeping:
    """Owns the records and their threads.

    Args:
        config: Says where the state directory is, and how much history is kept.
        board: What beds show.
        clock: Monotonic and wall time.
        heartbeats: Where the threads say that they turn.
    """

    def __init__(self, config: StationConfig, board: Board, clock: Clock, heartbeats: Heartbeats) -> None:
        self._station = config.station.id
        self._heartbeats = heartbeats
        directory = config.spool.directory
        self.audit = AuditLog(directory / "audit", clock, ticked=partial(heartbeats.beat, _AUDIT))
        self.history: HistoryRecorder | None = None
        if config.history.days > 0:
            self.history = HistoryRecorder(
                config.history, directory / "history", board, clock, ticked=partial(heartbeats.beat, _HISTORY)
            )
        self._sharing: HistorySharing | None = None
        if self.history is not None and config.history.ward_hours > 0:
            self._sharing = HistorySharing(
                config.redis,
                config.station.id,
                self.history,
                board,
                clock,
                config.history.ward_hours,
                ticked=partial(heartbeats.beat, _SHARING),
            )

    def note_request(self, event: str, details: Mapping[str, object]) -> None:
        """Keep what somebody asked of the station; returns at once."""
        self.audit.note(event, details)
        if self.history is not None:
            self.history.note(event, details)

    def start(self) -> None:
        """Begin to write."""
        self._heartbeats.expect(_AUDIT, _LIMIT_SECONDS)
        self.audit.start()
        if self.history is not None:
            self._heartbeats.expect(_HISTORY, _HISTORY_LIMIT_SECONDS)
            self.history.start()
        if self._sharing is not None:
            self._heartbeats.expect(_SHARING, _HISTORY_LIMIT_SECONDS)
            self._sharing.start()

    def stop(self) -> None:
        """Write what waits and end."""
        if self._sharing is not None:
            self._heartbeats.forget(_SHARING)
            self._sharing.stop()
        if self.history is not None:
            self._heartbeats.forget(_HISTORY)
            self.history.stop()
        self._heartbeats.forget(_AUDIT)
        self.audit.note("station_stopped", {"station": self._station})
        self.audit.stop()
