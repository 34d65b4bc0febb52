"""What readers need of a board."""

from typing import Protocol

from monitor.board.alert_book import AlertEpisode, AlertRecord
from monitor.board.snapshot import BedPicture, BoardSnapshot

__all__ = ["BoardReader"]


class BoardReader(Protocol):
    """The newest state of every bed that a reader may see; `Board` says what each method returns."""

    def snapshot(self) -> BoardSnapshot:
        """Return everything, at most a second old."""
        ...

    def picture(self, bed_id: str) -> BedPicture | None:
        """Return the newest picture of a bed."""
        ...

    def find_alert(self, alert_id: str) -> AlertEpisode | None:
        """Return an alert, open or past."""
        ...

    def records_after(self, number: int) -> tuple[AlertRecord, ...]:
        """Return the alert records after a number, oldest first."""
        ...
