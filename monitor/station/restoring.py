"""Going on with the alarms of an earlier run."""

import logging
from collections.abc import Mapping

from monitor.clock import Clock
from monitor.pipeline.bed_pipeline import BedPipeline
from monitor.station.alert_dispatcher import AlertDispatcher
from monitor.station.left_alerts import LeftAlerts
from monitor.station.outputs import StationOutputs
from monitor.station.station_conditions import StationConditions

__all__ = ["restore_alarms"]

_log = logging.getLogger(__name__)

_HISTORY_SHOWN = 2_000


def restore_alarms(
    beds: Mapping[str, BedPipeline],
    conditions: StationConditions,
    outputs: StationOutputs,
    dispatcher: AlertDispatcher,
    clock: Clock,
    left: LeftAlerts,
    *,
    is_shared: bool = False,
) -> None:
    """Go on with the alarms of an earlier run, show those that were over, and end those that nobody would end.

    Args:
        beds: The beds that are watched.
        conditions: Of the whole station.
        outputs: Where the alarm state is stored, and where alerts are shown.
        dispatcher: Shows what is still on.
        clock: Monotonic and wall time.
        left: Ends what nobody would end.
        is_shared: Whether beds come later and from elsewhere: what is stored of them is left until then.
    """
    publisher = outputs.publisher
    outputs.board.load_history(publisher.history(_HISTORY_SHOWN))
    newest = publisher.newest_drafts()
    dispatcher.go_on_after(newest)
    restored: set[str] = set()
    for name, snapshot in publisher.load_snapshots().items():
        target = conditions if name == "" else beds.get(name)
        if target is None and is_shared:
            continue
        if target is None:
            _log.warning("bed %s left the configuration; its alarm state is deleted", name)
            publisher.remove_bed(name)
            continue
        try:
            active = target.restore(snapshot, clock.wall(), clock.monotonic())
        except (ValueError, KeyError, TypeError) as error:
            _log.warning("%s: the alarm state of the last run does not fit and is left: %s", name or "station", error)
            continue
        publisher.restore(dispatcher.show(name or None, active))
        restored |= {transition.alert_id for transition in active}
        if active:
            _log.info("%s: %d alarms of the last run are still on", name or "station", len(active))
    left.end([draft for draft in newest if draft.bed is None or not is_shared], restored)
