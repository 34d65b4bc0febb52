"""What people ask of a running station: acknowledge, pause, resume. Whoever asks has been checked before."""

import logging
from collections.abc import Callable, Mapping

from monitor.clock import Clock
from monitor.control.requests import Acknowledge, OperatorRequest, Pause, Resume
from monitor.pain.vocabulary import Code
from monitor.pipeline.bed_pipeline import BedPipeline
from monitor.station.station_conditions import StationConditions

__all__ = ["RequestHandler"]

_log = logging.getLogger(__name__)


class RequestHandler:
    """Hands orders to the place that they concern. Every method may be called from any thread and returns at once.

    Args:
        beds: Id to bed.
        shared: The conditions of the whole station.
        clock: The clock of the alarm logic.
        keep: Stores the alarm state of a place (None: the station), so that a pause outlives the process.
    """

    def __init__(
        self,
        beds: Mapping[str, BedPipeline],
        shared: StationConditions,
        clock: Clock,
        keep: Callable[[str | None], None],
    ) -> None:
        self._beds = beds
        self._shared = shared
        self._clock = clock
        self._keep = keep

    def handle(self, order: OperatorRequest) -> bool:
        """Do what is asked; return whether it changed anything."""
        match order:
            case Acknowledge():
                return self.acknowledge(order)
            case Pause():
                return self.pause(order)
            case Resume():
                return self.resume(order)

    def acknowledge(self, order: Acknowledge) -> bool:
        """Silence one alert for a while; return whether there was such an alert to acknowledge."""
        now = self._clock.monotonic()
        changed = [bed.acknowledge(order.alert_id, order.by, now) for bed in self._beds.values()]
        found = any(changed) | bool(self._shared.acknowledge(order.alert_id, order.by))
        if not found:
            _log.warning("%s acknowledged the alert %s, which is not on here", order.by, order.alert_id)
        return found

    def pause(self, order: Pause) -> bool:
        """Silence what a place signals now, and the same kinds of condition in advance, for a limited time.

        Another kind of condition, or a worse one, is signalled as ever. What is silenced is still recorded; the record
        of every alert concerned names who paused it.

        Returns:
            Whether anything is covered; a pause in calm covers nothing.
        """
        if order.bed is None:
            self._shared.pause(order.by, order.duration_seconds)
        elif (bed := self._beds.get(order.bed)) is not None:
            bed.pause(order.by, self._clock.monotonic(), order.duration_seconds)
        codes = self.paused_codes(order.bed)
        if codes:
            self._keep(order.bed)
            _log.warning("%s: %s paused %s", order.bed or "station", order.by, ", ".join(codes))
        else:
            _log.warning("%s paused %s, where nothing is signalled", order.by, order.bed or "the station")
        return bool(codes)

    def resume(self, order: Resume) -> bool:
        """End a pause before its time, so that what still holds is signalled again; return whether there was one."""
        if not self.paused_codes(order.bed):
            _log.warning("%s ended a pause of %s, which is not paused", order.by, order.bed or "the station")
            return False
        if order.bed is None:
            self._shared.resume()
        else:
            self._beds[order.bed].resume(self._clock.monotonic())
        self._keep(order.bed)
        _log.warning("%s: %s ended the pause", order.bed or "station", order.by)
        return True

    def paused_codes(self, bed: str | None) -> tuple[Code, ...]:
        """Return the conditions of a bed (None: of the whole station) that a pause covers now."""
        if bed is None:
            return self._shared.paused_codes()
        place = self._beds.get(bed)
        return () if place is None else place.paused_codes()
