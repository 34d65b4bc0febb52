"""The two records of a station for later: the audit log, and the history behind trends and handover."""

from collections.abc import Mapping
from functools import partial

from monitor.board import Board
from monitor.clock import Clock
from monitor.config import StationConfig
from monitor.history.recorder import HistoryRecorder
from monitor.telemetry.audit_log import AuditLog
from monitor.telemetry.heartbeats import Heartbeats

__all__ = ["RecordKeeping"]

_LIMIT_SECONDS = 30.0
_HISTORY_LIMIT_SECONDS = 120.0
"""Checking and pruning a large file takes a while."""
_AUDIT = "audit log"
_HISTORY = "history"


class RecordKeeping:
    """Owns both records and their threads.

    Args:
        config: Says where the state directory is, and how much history is kept.
        board: What beds show.
        clock: Monotonic and wall time.
        heartbeats: Where both threads say that they turn.
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

    def stop(self) -> None:
        """Write what waits and end."""
        if self.history is not None:
            self._heartbeats.forget(_HISTORY)
            self.history.stop()
        self._heartbeats.forget(_AUDIT)
        self.audit.note("station_stopped", {"station": self._station})
        self.audit.stop()
