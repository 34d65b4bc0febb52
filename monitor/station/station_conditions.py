"""The alarm conditions that concern the whole station."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from monitor.clock import Clock
from monitor.pain.station_alarms import StationAlarms
from monitor.pain.vocabulary import Code, Transition
from monitor.pipeline.alarm_snapshot import pack, unpack
from monitor.station.alert_dispatcher import AlertDispatcher

__all__ = ["ConditionReport", "StationConditions"]


@dataclass(frozen=True, slots=True)
class ConditionReport:
    """What a check says about one condition of the whole station.

    Attributes:
        code: Which condition.
        present: Whether it holds.
        detail: One sentence for people.
        subjects: What it is about, by name, where that can be several; one more is signalled again.
    """

    code: Code
    present: bool
    detail: str = ""
    subjects: tuple[str, ...] = ()


class StationConditions:
    """Serialises what happens to the station's own conditions, and passes changes on in their order.

    Args:
        alarms: The alarm logic.
        clock: Monotonic and wall time.
        dispatcher: Takes the changes.
    """

    def __init__(self, alarms: StationAlarms, clock: Clock, dispatcher: AlertDispatcher) -> None:
        self._alarms = alarms
        self._clock = clock
        self._dispatcher = dispatcher
        self._lock = threading.Lock()

    def take(self, reports: Iterable[ConditionReport]) -> None:
        """Take reports and let time pass."""
        now = self._clock.monotonic()
        with self._lock:
            changed: list[Transition] = []
            for report in reports:
                changed += self._alarms.report(report.code, report.present, now, report.detail, None, report.subjects)
            self._dispatch((*changed, *self._alarms.tick(now)))

    def acknowledge(self, target: str | None, by: str) -> tuple[Transition, ...]:
        """Note that somebody has seen an alert (by id), a code, or everything (None)."""
        with self._lock:
            changed = self._alarms.acknowledge(target, by, self._clock.monotonic())
            self._dispatch(changed)
            return changed

    def withdraw(self, alert_id: str, by: str) -> tuple[Transition, ...]:
        """Take back an acknowledgement that the same person gave a moment ago."""
        with self._lock:
            changed = self._alarms.withdraw(alert_id, by, self._clock.monotonic())
            self._dispatch(changed)
            return changed

    def pause(self, by: str, duration_seconds: float | None = None) -> tuple[Transition, ...]:
        """Acknowledge all that the station as a whole signals, and the same codes in advance, for a limited time."""
        with self._lock:
            changed = self._alarms.pause(by, self._clock.monotonic(), duration_seconds)
            self._dispatch(changed)
            return changed

    def resume(self) -> tuple[Transition, ...]:
        """End a pause before its time: what still holds is signalled again."""
        with self._lock:
            changed = self._alarms.resume(self._clock.monotonic())
            self._dispatch(changed)
            return changed

    def paused_codes(self) -> tuple[Code, ...]:
        """Return the codes that a pause covers now."""
        with self._lock:
            return self._alarms.paused_codes()

    def restore(self, text: str, wall: datetime, now_seconds: float) -> tuple[Transition, ...]:
        """Go on from an earlier run; return the newest record of every alert that is signalled.

        Raises:
            ValueError: The state does not fit; nothing was changed.
        """
        state, away_seconds = unpack(text, wall)
        with self._lock:
            self._alarms.restore(state, now_seconds, away_seconds)
            return self._alarms.active()

    def change_alarms(self, alarms: StationAlarms) -> None:
        """Go on with other delays; what is on stays on, with the same ids."""
        with self._lock:
            alarms.restore(self._alarms.snapshot(), self._alarms.now_seconds)
            self._alarms = alarms

    def snapshot(self, wall: datetime) -> str:
        """Return the alarm state as JSON, to be stored."""
        with self._lock:
            return pack(self._alarms.snapshot(), wall)

    def _dispatch(self, changed: tuple[Transition, ...]) -> None:
        if changed:
            self._dispatcher.record(None, changed, pack(self._alarms.snapshot(), self._clock.wall()))
