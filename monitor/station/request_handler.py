"""What people ask of a running station: acknowledge, pause, admit and so on. Their right was checked before."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict

from monitor.clock import Clock
from monitor.control.requests import (
    Acknowledge,
    Admit,
    Discharge,
    OperatorRequest,
    Pause,
    Procedure,
    Resume,
    Standby,
    Undo,
    Withdraw,
)
from monitor.errors import RefusalCode, RefusedError
from monitor.localization import Phrase
from monitor.pain.vocabulary import Code, Occupancy, Transition
from monitor.pipeline.bed_pipeline import BedPipeline
from monitor.station.alert_dispatcher import AlertDispatcher
from monitor.station.station_conditions import StationConditions

__all__ = ["RequestHandler"]

_log = logging.getLogger(__name__)

_CODES = frozenset(code.value for code in Code)


class RequestHandler:
    """Passes requests to the bed that they concern. Every method may be called from any thread and returns at once.

    Args:
        beds: Id to bed.
        conditions: The conditions of the whole station.
        dispatcher: Stores the alarm state of a bed or of the station, so that a pause outlives the process.
        clock: The clock of the alarm logic.
        audit: Takes every request for the audit log, also one that is refused: one word and JSON values.
    """

    def __init__(
        self,
        beds: Mapping[str, BedPipeline],
        conditions: StationConditions,
        dispatcher: AlertDispatcher,
        clock: Clock,
        audit: Callable[[str, Mapping[str, object]], None] = lambda _event, _details: None,
    ) -> None:
        self._beds = beds
        self._conditions = conditions
        self._dispatcher = dispatcher
        self._clock = clock
        self._audit = audit

    def handle(self, request: OperatorRequest) -> bool:
        """Do what is asked; return whether it changed anything.

        Raises:
            RefusedError: It is not allowed or cannot be done, for the reason that the sentence gives.
        """
        event = type(request).__name__.lower()
        details = {name: value for name, value in asdict(request).items() if value is not None}
        try:
            has_changed = self._dispatch(request)
        except ValueError as error:
            _log.warning("%s was refused: %s", request.by, error)
            self._audit(event, {**details, "refused": str(error)})
            raise (error if isinstance(error, RefusedError) else RefusedError(str(error))) from None
        if not isinstance(request, Acknowledge | Withdraw) and (bed := self._beds.get(request.bed or "")) is not None:
            self._dispatcher.show_requests(bed)
        self._audit(event, {**details, "changed": has_changed})
        return has_changed

    def _dispatch(self, request: OperatorRequest) -> bool:
        match request:
            case Acknowledge():
                return self.acknowledge(request)
            case Withdraw():
                return self.withdraw(request)
            case Pause():
                return self.pause(request)
            case Resume():
                return self.resume(request)
            case Admit() | Discharge() | Standby() | Procedure() | Undo():
                return self.occupy(request)

    def acknowledge(self, request: Acknowledge) -> bool:
        """Silence one alert for a while; return whether there was such an alert to acknowledge."""
        now, alert_id = self._clock.monotonic(), request.alert_id
        found = False
        # The alarm logic takes a code, too, and a code would silence every bed of the station.
        if alert_id not in _CODES:
            changed = [bed.acknowledge(alert_id, request.by, now) for bed in self._beds.values()]
            changed.append(self._conditions.acknowledge(alert_id, request.by))
            found = _concerns(alert_id, changed)
        if not found:
            _log.warning("%s acknowledged the alert %s, which is not on here", request.by, request.alert_id)
        return found

    def withdraw(self, request: Withdraw) -> bool:
        """Take back an acknowledgement of the same person's; return whether anything is signalled again."""
        now = self._clock.monotonic()
        changed = [bed.withdraw(request.alert_id, request.by, now) for bed in self._beds.values()]
        changed.append(self._conditions.withdraw(request.alert_id, request.by))
        found = _concerns(request.alert_id, changed)
        if found:
            _log.warning("%s withdrew the acknowledgement of the alert %s", request.by, request.alert_id)
        return found

    def pause(self, request: Pause) -> bool:
        """Silence what a bed signals now, and the same kinds of condition in advance, for a limited time.

        Another kind of condition, or a worse one, is signalled as ever. What is silenced is still recorded; the record
        of every alert concerned names who paused it.

        Returns:
            Whether anything is covered; a pause in calm covers nothing.

        Raises:
            RefusedError: There is no such bed.
        """
        if request.bed is None:
            self._conditions.pause(request.by, request.duration_seconds)
        else:
            bed = self._bed(request.bed)
            bed.pause(request.by, self._clock.monotonic(), request.duration_seconds)
        codes = self.paused_codes(request.bed)
        if codes:
            self.store_state(request.bed)
            _log.warning("%s: %s paused %s", request.bed or "station", request.by, ", ".join(codes))
        else:
            _log.warning("%s paused %s, where nothing is signalled", request.by, request.bed or "the station")
        return bool(codes)

    def occupy(self, request: Admit | Discharge | Standby | Procedure | Undo) -> bool:
        """Note who lies in a bed, or what is done there; return whether that is news.

        Raises:
            RefusedError: There is no such bed, or the request does not fit the bed's state.
        """
        bed, now = self._bed(request.bed), self._clock.monotonic()
        transitions: tuple[Transition, ...]
        match request:
            case Admit():
                transitions = bed.admit(request.by, now, request.infant)
            case Discharge():
                transitions = bed.discharge(request.by, now)
            case Standby():
                transitions = bed.standby(
                    request.by, now, request.duration_seconds, until_face=request.until_face, reason=request.reason
                )
            case Procedure():
                transitions = bed.begin_procedure(request.by, now, request.kind, request.duration_seconds, request.note)
            case Undo():
                transitions = bed.undo(request.statement, request.by, now)
        words = f"procedure {request.kind}" if isinstance(request, Procedure) else bed.occupancy().state
        _log.warning("%s: %s by %s", bed.id, words, request.by)
        return bool(transitions)

    def resume(self, request: Resume) -> bool:
        """End a pause or a stand-by before its time; return whether there was one.

        What still holds is signalled again after a pause; after a stand-by the level starts from nothing.

        Raises:
            RefusedError: There is no such bed.
        """
        bed = None if request.bed is None else self._bed(request.bed)
        if bed is not None and bed.occupancy().state is Occupancy.STANDBY:
            _log.warning("%s: %s ended the stand-by", bed.id, request.by)
            return bool(bed.end_standby(request.by, self._clock.monotonic()))
        if not self.paused_codes(request.bed):
            _log.warning("%s ended a pause of %s, which is not paused", request.by, request.bed or "the station")
            return False
        if bed is None:
            self._conditions.resume()
        else:
            bed.resume(self._clock.monotonic())
        self.store_state(request.bed)
        _log.warning("%s: %s ended the pause", request.bed or "station", request.by)
        return True

    def paused_codes(self, bed: str | None) -> tuple[Code, ...]:
        """Return the conditions of a bed (None: of the whole station) that a pause covers now."""
        if bed is None:
            return self._conditions.paused_codes()
        pipeline = self._beds.get(bed)
        return () if pipeline is None else pipeline.paused_codes()

    def store_state(self, bed: str | None) -> None:
        """Store the alarm state of a bed (None: of the whole station) that no alert belongs to."""
        wall = self._clock.wall()
        scope = self._conditions if bed is None else self._beds.get(bed)
        if scope is not None:  # a bed may have left meanwhile
            self._dispatcher.store_state(bed, scope.snapshot(wall))

    def _bed(self, bed_id: str) -> BedPipeline:
        bed = self._beds.get(bed_id)
        if bed is None:
            raise RefusedError(Phrase("this station watches no bed called {bed}", bed=bed_id), RefusalCode.BED_UNKNOWN)
        return bed


def _concerns(alert_id: str, changed: Iterable[Iterable[Transition]]) -> bool:
    """Return whether an alert is among what changed; a delay of another one may have ended at the same moment."""
    return any(transition.alert_id == alert_id for transitions in changed for transition in transitions)
