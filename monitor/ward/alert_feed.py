"""Every alert of every station, from the stream to the board."""

import logging
from typing import Any

from monitor.alerts.record import Alert, alert_of_entry
from monitor.board.board import Board
from monitor.delivery.keys import Keys, id_after, id_order
from monitor.delivery.redis_client import RedisClient
from monitor.pain.vocabulary import Signal

__all__ = ["AlertFeed"]

_log = logging.getLogger(__name__)

_AT_ONCE = 1_000
_LOOKED_BACK = 50_000
"""Records that are read at the start: an alert that was on before the first of them, and never since, is not known."""


class AlertFeed:
    """Follows the stream; used from one thread.

    Args:
        keys: Names of keys.
        board: Takes every record of a bed that it shows, and of every station.
    """

    def __init__(self, keys: Keys, board: Board) -> None:
        self._keys = keys
        self._board = board
        self._last_id: str | None = None
        self._on: dict[str, Alert] = {}

    def poll(self, client: RedisClient) -> None:
        """Take what is new.

        Raises:
            redis.exceptions.RedisError: The server does not answer.
        """
        redis: Any = client
        if self._last_id is None:
            self._begin(redis)
        while True:
            entries = redis.xrange(self._keys.alerts, min=id_after(self._last_id or "0-0"), count=_AT_ONCE)
            for entry_id, fields in entries:
                self._last_id = str(entry_id)
                alert = alert_of_entry(fields)
                if alert is not None:
                    self._note(alert)
                    self._board.transition(alert.bed, alert)
            if len(entries) < _AT_ONCE:
                return

    def notice_loss(self, client: RedisClient) -> None:
        """Begin again where the server has lost what was read."""
        redis: Any = client
        newest = redis.xrevrange(self._keys.alerts, count=1)
        if self._last_id is not None and not (newest and id_order(str(newest[0][0])) >= id_order(self._last_id)):
            _log.warning("Redis lost alerts; the stream is read again")
            self._last_id = None

    def show_bed(self, bed: str) -> None:
        """Show the alerts of a bed that came before the bed itself was known."""
        for alert in self._on.values():
            if alert.bed == bed:
                self._board.transition(bed, alert)

    def _begin(self, redis: Any) -> None:  # noqa: ANN401 - redis-py's clients are untyped
        """Find the alerts that are on, and show those that are over as the past."""
        newest = redis.xrevrange(self._keys.alerts, count=_LOOKED_BACK)
        alerts = [alert for _, fields in reversed(newest) if (alert := alert_of_entry(fields)) is not None]
        for alert in alerts:
            self._note(alert)
        self._board.load_history(alerts)
        for alert in self._on.values():
            self._board.transition(alert.bed, alert)
        self._last_id = str(newest[0][0]) if newest else "0-0"

    def _note(self, alert: Alert) -> None:
        if alert.signal is Signal.OFF and not alert.condition_present:
            self._on.pop(alert.alert_id, None)
        else:
            self._on[alert.alert_id] = alert
