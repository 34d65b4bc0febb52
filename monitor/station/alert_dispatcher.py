"""Where every change of an alarm condition passes: on its way to the spool, the metrics, the page and the log."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from monitor.alerts.record import AlertContext, AlertDraft, ClockState, compose_alert
from monitor.pain.vocabulary import Kind, Phase, Transition
from monitor.pipeline.bed_pipeline import BedPipeline
from monitor.station.outputs import StationOutputs
from monitor.telemetry.clock_sync import is_synchronised
from monitor.telemetry.label_clock import LabelClock

__all__ = ["AlertDispatcher"]

_log = logging.getLogger("monitor.alerts")


class AlertDispatcher:
    """Passes changes on, in the order in which it gets them. Returns at once: nothing here waits for disk or network.

    Args:
        contexts: Bed id, None for the whole station, to what its alerts say about where they come from.
        clock: The clock of the alarm logic, with labels that never go back.
        outputs: Publisher, metrics and board.
        audit: Takes every change for the audit log: one word and JSON values.
    """

    def __init__(
        self,
        contexts: Mapping[str | None, AlertContext],
        clock: LabelClock,
        outputs: StationOutputs,
        audit: Callable[[str, Mapping[str, object]], None] = lambda _event, _details: None,
    ) -> None:
        self._contexts = contexts
        self._clock = clock
        self._outputs = outputs
        self._publisher = outputs.publisher
        self._metrics = outputs.metrics
        self._board = outputs.board
        self._audit = audit
        self._determined: dict[str, datetime] = {}

    def go_on_after(self, newest: Iterable[AlertDraft]) -> None:
        """Let no alert of an earlier run be determined before its stored record, whatever the wall clock says now.

        Args:
            newest: The newest stored record of every alert.
        """
        self._determined |= {draft.alert_id: draft.determined_at for draft in newest if draft.is_on}

    def record(self, bed: str | None, transitions: Sequence[Transition], snapshot: str) -> None:
        """Publish changes together with the alarm state that they led to."""
        drafts = self.show(bed, transitions)
        self._publisher.submit(drafts, {bed or "": snapshot})
        for draft in drafts:
            self._audit("alert", {"alert": draft.model_dump(mode="json")})
        for transition in transitions:
            _log.log(
                _level(transition),
                "%s: %s %s (%s, %s): %s",
                bed or "station",
                transition.code,
                transition.phase,
                transition.priority,
                transition.validity,
                transition.detail,
                extra={"bed": bed, "code": str(transition.code), "alert_id": transition.alert_id},
            )

    def show(self, bed: str | None, transitions: Sequence[Transition]) -> list[AlertDraft]:
        """Show changes on the page and in the metrics without publishing them: they were published before a restart."""
        drafts = []
        for transition in transitions:
            context = replace(self._contexts[bed], clock_state=self._clock_state())
            draft = self._in_order(compose_alert(transition, context, self._clock))
            self._metrics.transition(bed, transition)
            self._board.transition(bed, draft)
            drafts.append(draft)
        return drafts

    def _in_order(self, draft: AlertDraft) -> AlertDraft:
        earliest = self._determined.get(draft.alert_id)
        if earliest is None:
            return draft
        if not draft.is_on:
            del self._determined[draft.alert_id]
        return draft.model_copy(update={"determined_at": max(earliest, draft.determined_at)})

    def show_requests(self, bed: BedPipeline) -> None:
        """Show on the page at once what people asked of a bed."""
        with suppress(KeyError):  # it may have left meanwhile
            self._outputs.show_requests(bed)

    def store_state(self, bed: str | None, snapshot: str) -> None:
        """Store alarm state that no alert belongs to."""
        self._publisher.submit((), {bed or "": snapshot})

    def _clock_state(self) -> ClockState:
        """Return whether the labels of an alert that is made now can be trusted."""
        synchronised = is_synchronised()
        if synchronised is False or self._clock.is_ahead():
            return ClockState.UNSYNCHRONISED
        return ClockState.UNKNOWN if synchronised is None else ClockState.SYNCHRONISED


def _level(transition: Transition) -> int:
    is_news = transition.phase in {Phase.START, Phase.ESCALATE}
    return logging.WARNING if is_news and transition.kind is Kind.PHYSIOLOGICAL else logging.INFO
