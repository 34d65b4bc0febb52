"""The thread that writes down what the board shows, and the way to read it back."""

import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from monitor.alerts.record import format_time
from monitor.board import BedSnapshot, Board, BoardSnapshot
from monitor.clock import Clock
from monitor.config import HistorySettings
from monitor.errors import HistoryError
from monitor.history.database import HistoryFile, HistoryView
from monitor.history.entries import ActionEntry, AlertEntry, entry_of
from monitor.history.samples import (
    ACTIONS,
    MINUTE_SECONDS,
    SAMPLE_SECONDS,
    Minute,
    SampleSeries,
    empty_minute,
    fill_minute,
    join_minutes,
    set_sample,
)
from monitor.loops import run_until_done

__all__ = ["HistoryRecorder", "HistoryStatus"]

_log = logging.getLogger(__name__)

_TURN_SECONDS = 2.0
_WRITE_SECONDS = 30.0
_PRUNE_SECONDS = 3_600.0
_DAY_SECONDS = 86_400.0
_STEP_SECONDS = 1.0
"""A wall clock that moved by more than this against the monotonic one was set; less is jitter of two readings."""
_GAP_SAMPLES = 5
"""So many turns may come late; a longer gap is one in the record, too."""
_WAITING_MINUTES = 60
"""What memory holds of each bed while the disk takes nothing."""
_WAITING_EVENTS = 10_000
_SET_ASIDE = "set_aside"


@dataclass(frozen=True, slots=True)
class HistoryStatus:
    """How the record stands.

    Attributes:
        fault: Why nothing is written, in one sentence; None where all is well.
        set_aside: Name of a damaged file that was set aside and when, in one sentence; None where there was none.
    """

    fault: str | None
    set_aside: str | None


class HistoryRecorder:
    """Samples the board every two seconds, and keeps its alerts and what people asked. Reading is thread-safe.

    Nothing that the alarm logic calls waits for the disk. What the disk does not take waits in bounded memory.

    Args:
        settings: How much is kept.
        directory: Of the file; its own.
        board: What is written down.
        clock: The board's clock.
        ticked: Called at every turn of the thread, about every two seconds.
    """

    def __init__(
        self,
        settings: HistorySettings,
        directory: Path,
        board: Board,
        clock: Clock,
        ticked: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._directory = directory
        self._board = board
        self._clock = clock
        self._ticked = ticked
        self._view = HistoryView(directory)
        self._file: HistoryFile | None = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._minutes: dict[tuple[str, int], Minute] = {}
        self._actions: deque[ActionEntry] = deque(maxlen=_WAITING_EVENTS)
        self._alerts: deque[AlertEntry] = deque(maxlen=_WAITING_EVENTS)
        self._fault: str | None = None
        self._set_aside: str | None = None
        # Of the thread alone:
        self._dirty: set[tuple[str, int]] = set()
        self._unmerged: set[tuple[str, int]] = set()  # of which the file may hold samples that memory does not
        self._offset_seconds: float | None = None
        self._slots: dict[str, int] = {}
        self._record_number = 0
        self._write_due = self._prune_due = 0.0
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        now = self._clock.monotonic()
        self._write_due, self._prune_due = now, now + _WRITE_SECONDS
        self._thread.start()

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """Write what waits and end; safe to call twice."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)

    def note(self, action: str, details: Mapping[str, object]) -> None:
        """Keep something that a person asked, as the audit log has it; what changed nothing is left out."""
        if not details.get("changed"):
            return
        rest = {name: value for name, value in details.items() if name not in {"bed", "by", "changed"}}
        entry = ActionEntry(
            bed=str(details.get("bed") or ""),
            at_seconds=self._clock.wall().timestamp(),
            action=action,
            by=str(details.get("by", "")),
            details=json.dumps(rest, default=str),
        )
        with self._lock:
            self._actions.append(entry)

    @property
    def status(self) -> HistoryStatus:
        """How the record stands now."""
        return HistoryStatus(self._fault, self._set_aside)

    def samples(self, bed: str, since: datetime, until: datetime) -> SampleSeries:
        """Return a bed's samples from one moment to another, up to some seconds ago.

        Raises:
            HistoryError: The file cannot be read.
        """
        # What is newer may still change.
        end_seconds = min(until.timestamp(), self._clock.wall().timestamp() - 2 * SAMPLE_SECONDS)
        first, last = int(since.timestamp() // MINUTE_SECONDS), int(end_seconds // MINUTE_SECONDS)
        return join_minutes(self.minutes(bed, first, last), since.timestamp(), end_seconds)

    def minutes(self, bed: str, first: int, last: int) -> list[tuple[int, Minute]]:
        """Return a bed's minutes from one number to another, both within, as far as there are any.

        Raises:
            HistoryError: The file cannot be read.
        """
        # Memory first, here and below: what is written and leaves it meanwhile is in the file then.
        with self._lock:
            waiting = {
                number: minute.copy()
                for (name, number), minute in self._minutes.items()
                if name == bed and first <= number <= last
            }
        found = dict(self._view.minutes(bed, first, last))
        for number, minute in waiting.items():
            if number in found:
                fill_minute(minute, found[number])
            found[number] = minute
        return sorted(found.items(), key=lambda pair: pair[0])

    def alerts(self, bed: str, since: datetime, until: datetime) -> list[AlertEntry]:
        """Return the records of every alert that was on between two moments, oldest first; `bed` may be empty.

        Raises:
            HistoryError: The file cannot be read.
        """
        with self._lock:
            waiting = [one for one in self._alerts if one.bed == bed and one.at_seconds < until.timestamp()]
        stored = self._view.alerts(bed, since.timestamp(), until.timestamp())
        known = {(one.alert_id, one.at_seconds, one.phase, one.signal) for one in stored}
        return stored + [one for one in waiting if (one.alert_id, one.at_seconds, one.phase, one.signal) not in known]

    def actions(self, bed: str, since: datetime, until: datetime) -> list[ActionEntry]:
        """Return what people asked of a bed between two moments, oldest first.

        Raises:
            HistoryError: The file cannot be read.
        """
        with self._lock:
            waiting = [one for one in self._actions if one.bed == bed]
        begin, end = since.timestamp(), until.timestamp()
        stored = self._view.actions(bed, begin, end)
        return stored + [one for one in waiting if begin <= one.at_seconds < end and one not in stored]

    def _run(self) -> None:
        run_until_done(self._turn, "the history")
        if self._file is not None:
            self._file.close()

    def _turn(self) -> bool:
        self._ticked()
        is_last = self._stopping.wait(_TURN_SECONDS)
        self.take(self._board.snapshot())
        now = self._clock.monotonic()
        if self._file is not None and now >= self._prune_due and not is_last:
            self._prune(now)
        if is_last or now >= self._write_due or self._alerts or self._actions:
            self._write_due = now + _WRITE_SECONDS
            self.write()
        return is_last

    def take(self, snapshot: BoardSnapshot) -> None:
        """Take what the board shows; called by the thread, and by tests that have none."""
        offset = snapshot.taken_at.timestamp() - snapshot.taken_seconds
        if self._offset_seconds is None or abs(offset - self._offset_seconds) > _STEP_SECONDS:
            self._offset_seconds, self._slots = offset, {}
        for bed in snapshot.beds:
            self._take_bed(bed, snapshot.taken_seconds + self._offset_seconds)
        records = self._board.records_after(self._record_number)
        entries = [entry_of(record.alert) for record in records]
        if records:
            self._record_number = records[-1].number
        with self._lock:
            self._alerts.extend(entries)

    def _take_bed(self, bed: BedSnapshot, now_seconds: float) -> None:
        name, offset = bed.info.bed_id, self._offset_seconds or 0.0
        current = int(now_seconds // SAMPLE_SECONDS)
        first = max(self._slots.get(name, current), current - _GAP_SAMPLES)
        self._slots[name] = current
        points = {
            int((point.time_seconds + offset + SAMPLE_SECONDS / 2) // SAMPLE_SECONDS): point
            for point in bed.history[-2 * _GAP_SAMPLES :]
        }
        readings = () if bed.observation is None else bed.observation.actions
        shares = {reading.action: reading.share for reading in readings}
        actions = tuple(shares.get(action) for action in ACTIONS) if shares else ()
        for slot in range(first, current + 1):
            number, position = divmod(slot, MINUTE_SECONDS // SAMPLE_SECONDS)
            minute = self._minute(name, number)
            point = points.get(slot)
            level, coverage = (None, None) if point is None else (point.level, point.coverage)
            with self._lock:
                set_sample(minute, position, bed.status.state, level, coverage, actions)
            self._dirty.add((name, number))

    def _minute(self, bed: str, number: int) -> Minute:
        known = self._minutes.get((bed, number))
        if known is None:
            known = empty_minute()
            self._unmerged.add((bed, number))
            with self._lock:
                self._minutes[bed, number] = known
        return known

    def write(self) -> None:
        """Write what waits; called by the thread, and by tests that have none."""
        with self._lock:
            alerts, actions = list(self._alerts), list(self._actions)
        try:
            if self._file is None:
                self._file = self._open()
                if self._fault is not None:  # it may be full, or have a smaller bound than before
                    self._file.prune(self._oldest_kept())
            self._merge_stored(self._file)
            self._file.write(
                [(bed, number, self._minutes[bed, number]) for bed, number in sorted(self._dirty)], alerts, actions
            )
        except HistoryError as error:
            self._note_fault(error)
            self._drop_oldest()
            return
        self._note_fault(None)
        newest = max((number for _, number in self._minutes), default=0)
        with self._lock:
            for waiting, written in ((self._alerts, alerts), (self._actions, actions)):
                for _ in written:
                    waiting.popleft()
            # The newest two stay: samples still come into one, and a slow bed's into the other.
            for key in [key for key in self._minutes if key[1] < newest - 1]:
                del self._minutes[key]
        self._dirty.clear()

    def _merge_stored(self, file: HistoryFile) -> None:
        """Take the samples that an earlier run, or a clock that was set back, has left of the minutes in memory.

        Not before they are written: the file may be opened, or readable again, long after their first sample.
        """
        for bed, number in sorted(self._unmerged & self._minutes.keys()):
            stored = file.stored_minute(bed, number)
            if stored is not None:
                with self._lock:
                    fill_minute(self._minutes[bed, number], stored)
        self._unmerged.clear()

    def _open(self) -> HistoryFile:
        maximum_bytes = self._settings.maximum_megabytes * 1_000_000
        try:
            file = HistoryFile(self._directory, maximum_bytes)
        except HistoryError as error:
            if not error.damaged:
                raise
            aside = HistoryFile.set_aside(self._directory)
            _log.error("%s (%s)", error, aside.name)
            file = HistoryFile(self._directory, maximum_bytes)
            file.note(_SET_ASIDE, f"{aside.name}, {format_time(self._clock.wall())}")
        self._set_aside = self._view.fact(_SET_ASIDE)
        return file

    def _note_fault(self, error: HistoryError | None) -> None:
        if error is not None and self._fault is None:
            _log.error("%s; what beds show waits in memory for an hour", error)
        elif error is None and self._fault is not None:
            _log.info("the history is written again")
        self._fault = None if error is None else str(error)
        if error is not None and self._file is not None:
            self._file.close()
            self._file = None

    def _drop_oldest(self) -> None:
        bound = max((number for _, number in self._minutes), default=0) - _WAITING_MINUTES
        with self._lock:
            for key in [key for key in self._minutes if key[1] < bound]:
                del self._minutes[key]
                self._dirty.discard(key)
                self._unmerged.discard(key)

    def _oldest_kept(self) -> float:
        """Return, in seconds since 1970, from when on the record is kept."""
        return self._clock.wall().timestamp() - self._settings.days * _DAY_SECONDS

    def _prune(self, now: float) -> None:
        self._prune_due = now + _PRUNE_SECONDS
        try:
            if self._file is not None and self._file.prune(self._oldest_kept()):
                self._prune_due = now
        except HistoryError as error:
            self._note_fault(error)
