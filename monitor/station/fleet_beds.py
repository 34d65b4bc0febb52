"""What a station does with the beds that it shares with others: open them with their alarms, and let them go."""

import hashlib
import logging
from collections.abc import Callable, Mapping

from monitor.clock import Clock
from monitor.config import BedSettings, StationConfig
from monitor.control.access import AccessList
from monitor.control.requests import OperatorRequest
from monitor.errors import MonitorError
from monitor.fleet.assignment import claim_limit
from monitor.fleet.keeper import FleetKeeper
from monitor.fleet.lease_table import AlarmState
from monitor.pain.vocabulary import Code
from monitor.pipeline.alarm_snapshot import redate
from monitor.station.alert_contexts import AlertContexts
from monitor.station.alert_dispatcher import AlertDispatcher
from monitor.station.left_alerts import LeftAlerts
from monitor.station.measured_capacity import MeasuredCapacity
from monitor.station.outputs import StationOutputs
from monitor.station.station_conditions import ConditionReport
from monitor.station.watched_beds import WatchedBeds

__all__ = ["FleetBeds", "claimed_beds", "open_fleet", "report_fleet"]

_log = logging.getLogger(__name__)

_BEDS_A_WORKER = 5
"""Of a machine that has not been measured."""
_CACHE = "fleet.json"


class FleetBeds:
    """Opens and closes shared beds; called from the keeper's thread.

    Args:
        config: Of the station.
        watched: The beds that are watched.
        contexts: What their alerts say about where they come from.
        outputs: Where their alerts go.
        dispatcher: Shows what is on.
        clock: Monotonic and wall time.
        audit: Takes what happened for the audit log.
    """

    def __init__(
        self,
        config: StationConfig,
        watched: WatchedBeds,
        contexts: AlertContexts,
        outputs: StationOutputs,
        dispatcher: AlertDispatcher,
        clock: Clock,
        audit: Callable[[str, Mapping[str, object]], None],
    ) -> None:
        self._config = config
        self._watched = watched
        self._contexts = contexts
        self._publisher = outputs.publisher
        self._dispatcher = dispatcher
        self._clock = clock
        self._audit = audit
        self._left = LeftAlerts(outputs.publisher, watched.beds, clock, audit)

    def open(self, settings: BedSettings, state: AlarmState | None) -> None:
        """Watch a bed from now on; go on with its alarms under their ids."""
        bed_id = settings.id
        stored = self._publisher.load_snapshots().get(bed_id)
        self._contexts.show(self._config, [settings])
        try:
            bed = self._watched.create(settings, _phase(bed_id))
        except MonitorError:
            self._contexts.of.pop(bed_id, None)
            raise
        wall = self._clock.wall()
        try:
            text = stored if state is None else redate(state.text, wall, state.age_seconds)
            active = () if text is None else bed.restore(text, wall, self._clock.monotonic())
        except (ValueError, KeyError, TypeError) as error:
            _log.warning("%s: the alarm state that was handed over does not fit and is left: %s", bed_id, error)
            active = ()
        self._watched.open(bed_id)
        self._publisher.restore(self._dispatcher.show(bed_id, active))
        self._end_left(bed_id, {transition.alert_id for transition in active})
        self._publisher.reconcile()
        self._audit("bed_opened", {"bed": bed_id, "alerts": [transition.alert_id for transition in active]})

    def close(self, bed: str, successor: str | None) -> None:
        """Watch a bed no more; its alerts end only where no station goes on with them."""
        self._watched.close(bed)
        if successor is None:
            self._left.end(self._publisher.signalled_of(bed))
            self._publisher.remove_bed(bed)
        else:
            self._publisher.hand_over(bed)
        self._contexts.of.pop(bed, None)
        self._audit("bed_closed", {"bed": bed, "successor": successor})

    def _end_left(self, bed: str, goes_on: set[str]) -> None:
        """End what an earlier run of this station left on and the shared alarm state knows nothing of."""
        self._left.end([draft for draft in self._publisher.newest_drafts() if draft.bed == bed], goes_on)

    def snapshot(self, bed: str) -> str:
        """Return the alarm state of a bed."""
        return self._watched.beds[bed].snapshot(self._clock.wall())

    def has_alarm(self, bed: str) -> bool:
        """Return whether an alarm of a bed is on."""
        return bool(self._publisher.signalled_of(bed))


def claimed_beds(config: StationConfig, measured: MeasuredCapacity | None, workers: int) -> int:
    """Return how many beds this station may claim: four fifths of what it was told, or measured, or is likely to do."""
    stated = None if config.fleet is None else config.fleet.capacity_beds
    if stated is None and measured is not None:
        stated = int(measured.frames_per_second / config.analysis.frames_per_second)
    return claim_limit(stated or _BEDS_A_WORKER * workers)


def open_fleet(
    config: StationConfig,
    beds: FleetBeds,
    clock: Clock,
    *,
    limit: Callable[[], int],
    watching: Callable[[], bool],
    handle: Callable[[OperatorRequest], object],
    ticked: Callable[[], None],
) -> FleetKeeper | None:
    """Return the keeper of this station's leases; None where it shares no beds."""
    if config.fleet is None:
        return None
    access = config.redis.command_access_file
    return FleetKeeper(
        config.redis,
        config.station.id,
        config.fleet.lease_seconds,
        clock,
        beds,
        limit=limit,
        cache=config.spool.directory / _CACHE,
        watching=watching,
        handle=handle,
        access=None if access is None else AccessList.read(access),
        ticked=ticked,
    )


def report_fleet(keeper: FleetKeeper | None) -> tuple[ConditionReport, ...]:
    """Return what the keeper found wrong with the ward as a whole.

    A station without a keeper says that nothing is: it may have shared its beds when its alarm state was stored.
    """
    beds = () if keeper is None else keeper.status.unwatched
    detail = f"No station watches {', '.join(beds)}: pain there raises no alert." if beds else ""
    return (ConditionReport(Code.BED_UNWATCHED, bool(beds), detail),)


def _phase(bed: str) -> float:
    """Return when a bed's frames lie between those of others: the same for a bed wherever it is watched."""
    return hashlib.blake2b(bed.encode(), digest_size=2).digest()[0] / 256
