"""What people ask of a running station: acknowledge, pause, resume. Their right to ask has been checked before."""

import logging
from collections.abc import Mapping

from monitor.clock import Clock
from monitor.control.requests import Acknowledge, OperatorRequest, Pause, Resume, Withdraw
from monitor.pain.vocabulary import Code
from monitor.pipeline.bed_pipeline import BedPipeline
from monitor.station.alert_dispatcher import AlertDispatcher
from monitor.station.station_conditions import StationConditions

__all__ = ["RequestHandler"]

_log = logging.getLogger(__name__)


class RequestHandler:
    """Passes requests to the bed that they concern. Every method may be called from any thread and returns at once.

    Args:
        beds: Id to bed.
        conditions: The conditions of the whole station.
        dispatcher: Stores the alarm state of a bed or of the station, so that a pause outlives the process.
        clock: The clock of the alarm logic.
    """

    def __init__(
        self,
        beds: Mapping[str, BedPipeline],
        conditions: StationConditions,
        dispatcher: AlertDispatcher,
        clock: Clock,
    ) -> None:
        self._beds = beds
        self._conditions = conditions
        self._dispatcher = dispatcher
        self._clock = clock

    def handle(self, request: OperatorRequest) -> bool:
        """Do what is asked; return whether it changed anything."""
        match request:
            case Acknowledge():
                return self.acknowledge(request)
            case Withdraw():
                return self.withdraw(request)
            case Pause():
                return self.pause(request)
            case Resume():
                return self.resume(request)

    def acknowledge(self, request: Acknowledge) -> bool:
        """Silence one alert for a while; return whether there was such an alert to acknowledge."""
        now = self._clock.monotonic()
        changed = [bed.acknowledge(request.alert_id, request.by, now) for bed in self._beds.values()]
        found = any(changed) | bool(self._conditions.acknowledge(request.alert_id, request.by))
        if not found:
            _log.warning("%s acknowledged the alert %s, which is not on here", request.by, request.alert_id)
        return found

    def withdraw(self, request: Withdraw) -> bool:
        """Take back an acknowledgement that was given a moment ago; return whether anything is signalled again."""
        now = self._clock.monotonic()
        changed = [bed.withdraw(request.alert_id, now) for bed in self._beds.values()]
        found = any(changed) | bool(self._conditions.withdraw(request.alert_id))
        if found:
            _log.warning("%s withdrew the acknowledgement of the alert %s", request.by, request.alert_id)
        return found

    def pause(self, request: Pause) -> bool:
        """Silence what a bed signals now, and the same kinds of condition in advance, for a limited time.

        Another kind of condition, or a worse one, is signalled as ever. What is silenced is still recorded; the record
        of every alert concerned names who paused it.

        Returns:
            Whether anything is covered; a pause in calm covers nothing.
        """
        if request.bed is None:
            self._conditions.pause(request.by, request.duration_seconds)
        elif (bed := self._beds.get(request.bed)) is not None:
            bed.pause(request.by, self._clock.monotonic(), request.duration_seconds)
        codes = self.paused_codes(request.bed)
        if codes:
            self.store_state(request.bed)
            _log.warning("%s: %s paused %s", request.bed or "station", request.by, ", ".join(codes))
        else:
            _log.warning("%s paused %s, where nothing is signalled", request.by, request.bed or "the station")
        return bool(codes)

    def resume(self, request: Resume) -> bool:
        """End a pause before its time, so that what still holds is signalled again; return whether there was one."""
        if not self.paused_codes(request.bed):
            _log.warning("%s ended a pause of %s, which is not paused", request.by, request.bed or "the station")
            return False
        if request.bed is None:
            self._conditions.resume()
        elif (bed := self._beds.get(request.bed)) is not None:
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
