"""Alerts of an earlier run that nobody would ever end: their bed left the configuration, or their state is lost."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime

from monitor.alerts.record import AlertDraft
from monitor.clock import Clock
from monitor.pain.vocabulary import Phase, Signal, Validity
from monitor.station.outputs import StationOutputs

__all__ = ["ELSEWHERE", "LeftAlerts", "end_left_alerts"]

_log = logging.getLogger(__name__)

_REMOVED = "Bed {bed} left the configuration: this station does not watch it any more."
_LOST = "The alarm state of the last run could not be read; what still holds is raised again."

ELSEWHERE = "Another station watches bed {bed} now; what still holds is raised there."


def end_left_alerts(
    newest: Iterable[AlertDraft],
    restored: Collection[str],
    beds: Collection[str],
    now: datetime,
    reason: str | None = None,
) -> list[AlertDraft]:
    """Return the ends of alerts that an earlier run left on and this one knows nothing of.

    Args:
        newest: The newest stored record of every alert.
        restored: Ids of the alerts with which this run goes on.
        beds: The beds that are watched.
        now: Wall label.
        reason: The sentence that each end gives; None lets it follow from whether the bed is watched.

    Returns:
        One record an alert. The end is no statement about the infant, hence questionable.
    """
    ends = []
    for draft in newest:
        if not draft.is_on or draft.alert_id in restored:
            continue
        is_removed = draft.bed is not None and draft.bed not in beds
        changes = {
            "phase": Phase.END,
            "condition_present": False,
            "signal": Signal.OFF,
            "validity": Validity.QUESTIONABLE,
            "determined_at": max(now, draft.determined_at),
            "detail": reason or (_REMOVED.format(bed=draft.bed) if is_removed else _LOST),
            "remedy": "See for yourself how the infant is." if draft.bed is not None else "Nothing needs to be done.",
        }
        ends.append(draft.model_copy(update=changes))
    return ends


class LeftAlerts:
    """Ends alerts that nobody would end: in Redis, on the board, hence in the history, and in the audit log.

    May be used from any thread.

    Args:
        outputs: Take the ends.
        beds: The beds that are watched, as they come and go.
        clock: For labels.
        audit: Takes the ends for the audit log.
    """

    def __init__(
        self,
        outputs: StationOutputs,
        beds: Collection[str],
        clock: Clock,
        audit: Callable[[str, Mapping[str, object]], None],
    ) -> None:
        self._publisher, self._board = outputs.publisher, outputs.board
        self._beds = beds
        self._clock = clock
        self._audit = audit

    def end(self, newest: Iterable[AlertDraft], goes_on: Collection[str] = (), reason: str | None = None) -> None:
        """End those of these alerts that are on.

        Args:
            newest: The newest record of every alert.
            goes_on: Ids of the alerts with which this run goes on.
            reason: The sentence that each end gives; None lets it follow from whether the bed is watched.
        """
        ends = end_left_alerts(newest, goes_on, self._beds, self._clock.wall(), reason)
        if not ends:
            return
        self._publisher.submit(ends)
        for end in ends:
            self._board.end_left(end)
            self._audit("alert", {"alert": end.model_dump(mode="json")})
        _log.warning("%d alerts that nobody would end any more are ended", len(ends))
