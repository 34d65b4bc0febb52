"""Where the alarm logic hands in its alerts: never blocked by the disk, never dependent on it.

Alerts wait in memory until the writer thread has them in the spool, normally a few milliseconds. While the disk is
full, read-only, locked or broken they stay in memory, up to a bound, and are sent from there under a producer id of
their own (`<producer>~<random>`, numbered from 1): the numbers of the durable producer stay free of gaps and repeats
whatever happens to this process. When the disk is back, what has not been sent goes to the spool; what was claimed
under that other id is noted there, and goes on under it after a crash.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from monitor.alerts.record import AlertDraft
from monitor.clock import Clock
from monitor.config import SpoolSettings
from monitor.delivery.batch import Batch
from monitor.delivery.memory_producer import MemoryProducer
from monitor.delivery.signalled_alerts import SignalledAlerts
from monitor.delivery.spool import Backlog, Position, Spool, SpoolRecord
from monitor.delivery.spool_file import set_damaged_aside
from monitor.delivery.spool_salvage import salvage
from monitor.errors import SpoolError
from monitor.loops import run_until_done

__all__ = ["Batch", "Outbox"]

_log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0
_PROBE_SECONDS = 2.0
_WRITE_AT_ONCE = 100
_EVERY = 1_000_000


@dataclass(frozen=True, slots=True)
class _Waiting:
    draft: AlertDraft
    since_seconds: float


class Outbox:
    """The spool, and the memory in front of it.

    Args:
        settings: Directory and quota.
        station: Begins the producer id.
        clock: For ages and labels.
        capacity: Alerts that memory holds while the disk takes none.
        stored: Called (from the writer thread) after alerts have become ready to be sent.
        ticked: Called (from the writer thread) at every turn of its loop, at least once a second.

    Raises:
        SpoolError: Another station uses the directory. Any other trouble with the disk only shows in `fault`.
    """

    def __init__(
        self,
        settings: SpoolSettings,
        station: str,
        clock: Clock,
        *,
        capacity: int = 10_000,
        stored: Callable[[], None] = lambda: None,
        ticked: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._station = station
        self._clock = clock
        self._capacity = capacity
        self._stored = stored
        self._ticked = ticked
        self._mutex = threading.Lock()
        self._changed = threading.Condition(self._mutex)
        self._waiting: deque[_Waiting] = deque()
        self._snapshots: dict[str, str] = {}
        self.signalled = SignalledAlerts()
        self._writing: tuple[_Waiting, ...] | None = None
        self._forgotten = 0
        self._stopping = False
        self._displaced = False
        self._fault: str | None = None
        self._spool: Spool | None = None
        self._salvaged_note = ""
        self._open()
        self._memory = MemoryProducer(station if self._spool is None else self._spool.producer_id, clock)
        self._adopt_claimed()
        self._thread = threading.Thread(target=self._run, name="spool-writer", daemon=True)

    @property
    def fault(self) -> str | None:
        """Why alerts are not stored on the disk at the moment: one sentence, or None."""
        return self._fault

    def load_snapshots(self) -> dict[str, str]:
        """Return the last alarm state of every bed that was handed in, in this run or an earlier one."""
        spool = self._spool
        stored = (self._guard(spool.load_snapshots) if spool is not None else None) or {}
        with self._mutex:
            return {**stored, **self._snapshots}

    def history(self, limit: int) -> list[AlertDraft]:
        """Return the newest alerts on the disk, oldest first; none while the disk cannot be read."""
        spool = self._spool
        return (self._guard(lambda: spool.history(limit)) if spool is not None else None) or []

    def with_spool(self, work: Callable[[Spool], Any]) -> Any:  # noqa: ANN401 - passes on whatever `work` returns
        """Return what `work` returns; None while the disk cannot be used."""
        spool = self._spool
        return None if spool is None else self._guard(lambda: work(spool))

    def record(self) -> SpoolRecord:
        """Return what the spool occupies and what was given up, in memory and on the disk."""
        spool = self._spool
        if spool is not None and not spool.is_in_place():
            with self._changed:
                self._displaced = True
                self._changed.notify_all()
        stored = (self._guard(spool.record) if spool is not None else None) or SpoolRecord(0, 0, None)
        return replace(stored, dropped=stored.dropped + self._forgotten)

    @property
    def spool(self) -> Spool | None:
        """The open spool; None while the directory cannot be used."""
        return self._spool

    def start(self) -> None:
        """Start the writer thread."""
        self._thread.start()

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """Store what waits, end the thread, close the file. Safe to call twice."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)
        if self._spool is not None:
            self._spool.close()

    def submit(self, drafts: Sequence[AlertDraft], snapshots: Mapping[str, str] | None = None) -> None:
        """Hand in alerts, and the alarm state that they come from; returns at once.

        Args:
            drafts: In order.
            snapshots: Bed id ('' for the station) to alarm state; stored in one transaction with the alerts.
        """
        now_seconds = self._clock.monotonic()
        with self._changed:
            for draft in drafts:
                self.signalled.note(draft)
                self._waiting.append(_Waiting(draft, now_seconds))
            self._snapshots.update(snapshots or {})
            while len(self._waiting) > self._capacity:
                self._evict_one()
            self._changed.notify_all()

    def say_again(self, drafts: Sequence[AlertDraft]) -> int:
        """Hand in again those of these records that still are the newest of their alert; return how many."""
        with self._changed:
            current = [draft for draft in drafts if self.signalled.is_newest(draft)]
            self._waiting.extend(_Waiting(draft, self._clock.monotonic()) for draft in current)
            self._changed.notify_all()
        return len(current)

    def drop_snapshot(self, bed: str) -> None:
        """Delete the stored alarm state of a bed."""
        with self._changed:
            self._snapshots.pop(bed, None)
        self.with_spool(lambda spool: spool.delete_snapshot(bed))

    def wait_until_stored(self, timeout_seconds: float) -> bool:
        """Wait until everything handed in is on the disk; False when it is not by then."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._writing is None and not self._waiting and not self._snapshots, timeout_seconds
            )

    def claim(self, limit: int) -> Batch | None:
        """Return what is to be sent next: the same alerts again until `delivered` has been called with them."""
        if self._memory.alerts:
            return self._memory.batch
        spool = self._spool
        if spool is not None:
            pending = self._guard(lambda: spool.pending(limit))
            if pending:
                return Batch(tuple(pending), spool.position, durable=True, last_seq=spool.last_seq)
        with self._mutex:
            if self._fault is None or self._writing is not None or not self._waiting:
                return None
            taken = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
            self._memory.take([(item.draft, item.since_seconds) for item in taken])
            return self._memory.batch

    def stamp(self, claim: Batch, published_at: str | None) -> Batch:
        """Note the time of the first attempt on every alert that has none; None takes the times back."""
        if published_at is None:
            due = claim.alerts
        else:
            due = tuple(alert for alert in claim.alerts if alert.published_at is None)
        if not due:
            return claim
        numbers = {alert.seq for alert in due}
        alerts = tuple(
            replace(alert, published_at=published_at) if alert.seq in numbers else alert for alert in claim.alerts
        )
        spool = self._spool
        if not claim.durable:
            self._memory.stamp(alerts)
        elif spool is not None and spool.producer_id == claim.alerts[0].producer_id:
            self._guard(lambda: spool.stamp(sorted(numbers), published_at))
        return replace(claim, alerts=alerts)

    def delivered(self, claim: Batch, position: Position) -> None:
        """Note how far Redis has the records of this claim's producer now (further back when it lost some)."""
        if claim.durable:
            spool = self._spool
            # Another spool may have replaced the one that the claim came from.
            if spool is not None and spool.producer_id == claim.alerts[0].producer_id:
                self.move_to(position)
            return
        self._memory.deliver_to(claim.alerts, position)

    def move_to(self, position: Position) -> None:
        """Set the position of the durable producer."""
        spool = self._spool
        if spool is not None:
            self._guard(lambda: spool.move_to(position))

    def renew_producer(self, claim: Batch) -> None:
        """Number under a new name, from 1 on, because the numbers of this claim's producer are taken or lost."""
        spool = self._spool
        if not claim.durable:
            self._memory.renew()
        elif spool is not None:
            self._guard(spool.renew_producer)

    def backlog(self) -> Backlog:
        """Return how many alerts wait for Redis, in memory and on the disk, and for how long the oldest has."""
        spool = self._spool
        stored = (self._guard(spool.backlog) if spool is not None else None) or Backlog(0, 0.0)
        now_seconds = self._clock.monotonic()
        with self._mutex:
            since = [item.since_seconds for item in (*(self._writing or ()), *list(self._waiting)[:1])]
            oldest = max(self._memory.oldest_age_seconds(), now_seconds - min(since, default=now_seconds))
            count = len(self._waiting) + len(self._writing or ()) + len(self._memory.alerts)
        return Backlog(stored.count + count, max(stored.oldest_age_seconds, oldest))

    def _run(self) -> None:
        run_until_done(self._turn, "the writer of alerts", _RETRY_SECONDS)

    def _turn(self) -> bool:
        """Store what waits; True when the thread's work is over."""
        self._ticked()
        with self._changed:
            has_work = self._changed.wait_for(
                lambda: self._stopping or self._has_news() or self._displaced, _PROBE_SECONDS
            )
            if self._stopping and not self._has_news():
                return True
            if not has_work and self._fault is None:
                return False
        is_written = self._write()
        self._stored()  # on a broken disk, too: the sender may take them from memory
        if is_written:
            return False
        with self._changed:
            if not self._stopping:
                self._changed.wait_for(lambda: self._stopping, _RETRY_SECONDS)
            return self._stopping

    def _has_news(self) -> bool:
        return bool(self._waiting or self._snapshots or self._memory.is_changed)

    def _write(self) -> bool:
        """Move what waits to the spool; False when the disk does not take it."""
        if self._spool is not None and not self._spool.is_in_place():
            self._abandon_spool(self._spool)
        if self._spool is None:
            self._open(at_start=False)
            self._adopt_claimed()
        spool = self._spool
        if spool is None:
            return False
        # The mutex guards memory only: neither handing in nor sending ever waits for the disk.
        with self._mutex:
            taken = tuple(self._waiting.popleft() for _ in range(min(_WRITE_AT_ONCE, len(self._waiting))))
            snapshots, self._snapshots = self._snapshots, {}
            self._writing = taken
            self._displaced = False
        is_stored, fault = False, None
        try:
            spool.append([item.draft for item in taken], snapshots)
            is_stored = True
            self._memory.keep_in(spool)
            if self._fault is not None:
                spool.flush()
        except SpoolError as error:
            fault = error
        finally:  # whatever else went wrong: nothing that was taken may be lost
            with self._changed:
                self._writing = None
                if not is_stored:
                    self._waiting.extendleft(reversed(taken))
                    self._snapshots = {**snapshots, **self._snapshots}
                elif fault is None:
                    if self._fault is not None:
                        _log.info("alerts are stored on the disk again")
                    self._fault = None
                self._changed.notify_all()
        if fault is not None:
            self._note(fault)
        return fault is None

    def _abandon_spool(self, displaced: Spool) -> None:
        """Close a spool whose files somebody has deleted or replaced, and keep what the next one would not find."""
        lost = not displaced.has_its_database
        pending = (self._guard(lambda: displaced.pending(_EVERY)) or ()) if lost else ()
        snapshots = (self._guard(displaced.load_snapshots) or {}) if lost else {}
        drafts = []
        for alert in pending:
            with suppress(ValidationError):
                drafts.append(AlertDraft.model_validate(alert.draft))
        now_seconds = self._clock.monotonic()
        with self._mutex:
            self._waiting.extendleft(_Waiting(draft, now_seconds) for draft in reversed(drafts))
            self._snapshots = {**snapshots, **self._snapshots}
            self._spool = None
        displaced.close()
        _log.error(
            "somebody deleted or replaced files in %s; %d waiting alerts were saved",
            self._settings.directory,
            len(drafts),
        )

    def _open(self, *, at_start: bool = True) -> None:
        quota_bytes = self._settings.maximum_megabytes * 1_000_000
        for last in (False, True):
            try:
                self._spool = Spool(self._settings.directory, quota_bytes, self._station, self._clock)
            except SpoolError as error:
                if error.in_use and at_start:
                    raise
                self._note(error)
                if last or not error.damaged:
                    return
                try:
                    aside = set_damaged_aside(self._settings.directory)
                except SpoolError as second:
                    self._note(second)
                    return
                self._adopt_salvage(aside)
            else:
                return

    def _adopt_salvage(self, aside: Path) -> None:
        """Put what can be read of a damaged spool in front of what waits."""
        saved = salvage(aside)
        now_seconds = self._clock.monotonic()
        with self._mutex:
            self._waiting.extendleft(_Waiting(draft, now_seconds) for draft in reversed(saved.drafts))
            self._snapshots = {**saved.snapshots, **self._snapshots}
        self._salvaged_note = saved.claimed
        _log.error("the spool was damaged; it is stored as %s; %d waiting alerts were saved", aside, len(saved.drafts))

    def _adopt_claimed(self) -> None:
        """Go on with what an earlier run was sending from memory."""
        self.with_spool(self._memory.adopt_from)
        self._memory.adopt(self._salvaged_note)
        self._salvaged_note = ""

    def _note(self, error: SpoolError) -> None:
        """Keep the reason; a damaged file is left behind so that the next attempt begins a new one."""
        if self._fault != str(error):
            _log.error("alerts are held in memory only: %s", error)
        self._fault = str(error)
        spool = self._spool
        if error.damaged and spool is not None:
            self._spool = None
            spool.close()

    def _guard(self, work: Callable[[], Any]) -> Any:  # noqa: ANN401 - passes on whatever `work` returns
        try:
            return work()
        except SpoolError as error:
            self._note(error)
            return None

    def _evict_one(self) -> None:
        newest: dict[str, int] = {item.draft.alert_id: i for i, item in enumerate(self._waiting)}
        victim = next((i for i, item in enumerate(self._waiting) if newest[item.draft.alert_id] != i), 0)
        del self._waiting[victim]
        self._forgotten += 1
