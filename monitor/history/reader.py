"""What the page and the API need of days past, wherever it is kept."""

from datetime import datetime
from typing import Protocol

from monitor.history.entries import ActionEntry, AlertEntry
from monitor.history.samples import SampleSeries

__all__ = ["HistoryReader"]


class HistoryReader(Protocol):
    """Reads samples, alerts and actions of a bed from one moment to another; from any thread."""

    def samples(self, bed: str, since: datetime, until: datetime) -> SampleSeries:
        """Return a bed's samples, oldest first; raises HistoryError."""

    def alerts(self, bed: str, since: datetime, until: datetime) -> list[AlertEntry]:
        """Return the records of every alert that was on then, oldest first; raises HistoryError."""

    def actions(self, bed: str, since: datetime, until: datetime) -> list[ActionEntry]:
        """Return what people asked of a bed then, oldest first; raises HistoryError."""
