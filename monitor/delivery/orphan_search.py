"""Alerts that Redis shows as on, of an earlier run of this station whose state directory is lost or was restored.

No rule of this run will ever end them, and a subscriber would show them for good.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

from pydantic import ValidationError

from monitor.alerts.record import AlertDraft
from monitor.delivery.alert_stream import AlertStream, parse_record
from monitor.delivery.claims import Claims
from monitor.delivery.keys import id_before
from monitor.pain.vocabulary import Signal

__all__ = ["OrphanSearch"]

_MOST_PAGES = 100


class OrphanSearch:
    """Reads the stream backwards once a process, a page a turn, so that it holds up no alert.

    Only what was in the stream before this run wrote to it is read. Used from the publisher's thread.

    Args:
        station: Id of the station whose alerts count.
        known: Returns the ids of all alerts that this run knows.
        with_beds: Whether alerts of beds count; not where stations hand beds over to each other.
    """

    def __init__(
        self,
        station: str,
        known: Callable[[], Collection[str]],
        *,
        with_beds: bool,
    ) -> None:
        self._station = station
        self._known = known
        self._with_beds = with_beds
        self._end: str | None = None
        self._pages_left = _MOST_PAGES
        self._seen: set[str] = set()
        self._on: list[AlertDraft] = []
        self._is_done = False

    def begin(self, stream: AlertStream) -> None:
        """Note where the stream ends before this run writes to it; later calls do nothing.

        Raises:
            redis.exceptions.RedisError: The stream cannot be read.
        """
        if self._end is None:
            self._end = stream.tip()

    def turn(self, stream: AlertStream, claims: Claims) -> Sequence[AlertDraft]:
        """Read one page; after the last one, return what was found.

        Args:
            stream: Where to read.
            claims: Says whether it is certain that no other process uses the station's id: its alerts are no orphans.

        Returns:
            The newest record of every alert that is on and not known; nothing before the search is over, nor again.

        Raises:
            redis.exceptions.RedisError: The stream cannot be read.
        """
        if self._is_done or self._end is None:
            return ()
        if self._pages_left:
            page = stream.page_until(self._end)
            for _, fields in page:
                self._note(fields)
            self._end = id_before(page[-1][0]) if page else self._end
            self._pages_left = self._pages_left - 1 if page else 0
        elif claims.is_alone:
            self._is_done = True
            known = self._known() if self._on else ()
            orphans = [draft for draft in self._on if draft.alert_id not in known]
            self._seen, self._on = set(), []
            return orphans
        return ()

    def _note(self, fields: Mapping[str, str]) -> None:
        alert_id = fields.get("alert_id", "")
        if not alert_id or alert_id in self._seen:
            return
        record = parse_record(fields.get("alert", ""))
        if record is None:
            return
        self._seen.add(alert_id)
        is_ours = record.get("station") == self._station and (self._with_beds or record.get("bed") is None)
        if not is_ours or (record.get("signal") == Signal.OFF and record.get("condition_present") is False):
            return
        try:
            self._on.append(AlertDraft.model_validate({k: v for k, v in record.items() if k in _DRAFT_FIELDS}))
        except ValidationError:  # of another version, or forged
            return


_DRAFT_FIELDS = frozenset(field.alias or name for name, field in AlertDraft.model_fields.items())
