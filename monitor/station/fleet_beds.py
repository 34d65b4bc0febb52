"""What a station does with the beds that it shares with others: open them with their alarms, and let them go."""

import hashlib
import logging
from collections.abc import Callable, Collection, Mapping
from functools import partial

from monitor.alerts.record import AlertDraft
from monitor.clock import Clock
from monitor.config import BedSettings, StationConfig
from monitor.control.access import AccessList
from monitor.control.requests import OperatorRequest
from monitor.errors import MonitorError
from monitor.fleet.assignment import claim_limit
from monitor.fleet.keeper import FleetKeeper
from monitor.fleet.lease_table import AlarmState
from monitor.pain.vocabulary import Code
from monitor.pipeline.alarm_snapshot import redate, signalled_alerts
from monitor.pipeline.bed_pipeline import BedPipeline
from monitor.station.alert_contexts import AlertContexts
from monitor.station.alert_dispatcher import AlertDispatcher
from monitor.station.left_alerts import ELSEWHERE, LeftAlerts
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
        config: Returns the configuration that holds now.
        watched: The beds that are watched.
        contexts: What their alerts say about where they come from.
        outputs: Where their alerts go.
        dispatcher: Shows what is on.
        clock: Monotonic and wall time.
        audit: Takes what happened for the audit log.
    """

    def __init__(
        self,
        config: Callable[[], StationConfig],
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
        self._left = LeftAlerts(outputs, watched.beds, clock, audit)
        self._said: dict[str, list[AlertDraft]] = {}  # what was on at beds that were lost: the disk may have failed

    def open(self, settings: BedSettings, state: AlarmState | None) -> None:
        """Watch a bed from now on; go on with its alarms under their ids."""
        bed_id = settings.id
        self._publisher.settlement.cancel(bed_id)
        self._describe(settings)
        goes_on: list[str] = []
        try:
            self._watched.create(settings, _phase(bed_id), lambda bed: goes_on.extend(self._go_on(bed, state)))
        except MonitorError:
            self._contexts.of.pop(bed_id, None)
            raise
        self._watched.open(bed_id)
        self._publisher.reconcile()
        self._audit("bed_opened", {"bed": bed_id, "alerts": goes_on})

    def _go_on(self, bed: BedPipeline, state: AlarmState | None) -> list[str]:
        """Take up a bed's alarms, before anybody but this thread sees the bed; return the ids of those that are on.

        Once supervisor, workers and people see it, it says newer things, which this would overwrite.
        """
        wall, stored = self._clock.wall(), self._publisher.load_snapshots().get(bed.id)
        try:
            text = stored if state is None else redate(state.text, wall, state.age_seconds)
            active = () if text is None else bed.restore(text, wall, self._clock.monotonic())
        except (ValueError, KeyError, TypeError) as error:
            _log.warning("%s: the alarm state that was handed over does not fit and is left: %s", bed.id, error)
            active = ()
        self._publisher.restore(self._dispatcher.show(bed.id, active))
        return [transition.alert_id for transition in active]

    def close(self, bed: str, successor: str | None) -> str:
        """Watch a bed no more, and return its last alarm state; its alerts end only where no station goes on with them.

        What people say while the bed's last frame is analysed is in that state.
        """
        state = self._watched.close(bed).snapshot(self._clock.wall())
        if successor is None:
            self._left.end(self._publisher.signalled_of(bed))
            self._publisher.remove_bed(bed)
        else:
            self._said[bed] = self._publisher.signalled_of(bed)
            self._publisher.hand_over(bed)
        self._contexts.of.pop(bed, None)
        self._audit("bed_closed", {"bed": bed, "successor": successor})
        return state

    def leave(self, bed: str) -> str:
        """Say nothing more of a bed, because this station ends; return its last alarm state, which is stored, too."""
        state = self._watched.leave(bed).snapshot(self._clock.wall())
        self._dispatcher.store_state(bed, state)
        return state

    def _describe(self, settings: BedSettings) -> None:
        config = self._config()
        self._contexts.show(config, [settings])
        if (newer := self._config()) is not config:  # a reload on another thread came between
            self._contexts.show(newer, [settings])

    def spoken_of(self) -> Collection[str]:
        """Return the beds of which this station ever said anything, as far as its spool reaches."""
        return {draft.bed for draft in self._publisher.newest_drafts() if draft.bed is not None}

    def settle(self, states: Mapping[str, str | None]) -> None:
        """End what is on at these beds in Redis and in no station's alarm logic."""
        said = {draft.alert_id: draft for bed in states for draft in self._said.pop(bed, ())}
        said |= {draft.alert_id: draft for draft in self._publisher.newest_drafts()}
        for bed, state in states.items():
            on = [draft for draft in said.values() if draft.bed == bed and draft.is_on]
            if state is None:
                self._publisher.settlement.note(bed, on, self._left.end, has_successor=False)
                continue
            try:
                goes_on = signalled_alerts(state)
            except ValueError as error:
                _log.warning("%s: its station's alarm state cannot be read, and no alert is ended: %s", bed, error)
                goes_on = frozenset(draft.alert_id for draft in on)
            left = [draft for draft in on if draft.alert_id not in goes_on]
            end = partial(self._left.end, reason=ELSEWHERE.format(bed=bed))
            self._publisher.settlement.note(bed, left, end, has_successor=True)

    def compare(self) -> None:
        """Compare what Redis says of every alert that is on with the alarm logic."""
        self._publisher.reconcile()

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
        # Of a machine that is too slow for one bed, too: 0 of all is what it may claim least.
        stated = int(measured.frames_per_second / config.analysis.frames_per_second)
    return claim_limit(_BEDS_A_WORKER * workers if stated is None else stated)


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
    return (ConditionReport(Code.BED_UNWATCHED, bool(beds), detail, tuple(beds)),)


def _phase(bed: str) -> float:
    """Return when a bed's frames lie between those of others: the same for a bed wherever it is watched."""
    return hashlib.blake2b(bed.encode(), digest_size=2).digest()[0] / 256
