"""The audit log: every alarm and everything that people asked of the station, one JSON object a line, never limited.

Each record carries the SHA-256 of the record before it, so that a line that was changed, removed or put in is found by
`nicu-monitor audit`. A person who can write the files can also compute a new chain: note the last hash elsewhere from
time to time. Writing happens on a thread of its own; nothing that the alarm logic calls here waits for the disk.
"""

import contextlib
import hashlib
import io
import json
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from monitor.alerts.record import format_time
from monitor.clock import Clock
from monitor.loops import run_until_done

__all__ = ["AuditLog", "AuditReport", "verify_audit_log"]

_log = logging.getLogger(__name__)

_CURRENT = "audit.jsonl"
_FIRST_HASH = "0" * 64
_FILES_KEPT = 100
_WAIT_SECONDS = 2.0
_TAIL_BYTES = 1_000_000
_PROBLEMS_SHOWN = 20


class AuditLog:
    """Writes the audit log of one station.

    Args:
        directory: Its own; made (mode 0700) when missing.
        clock: For labels.
        maximum_bytes: Size at which a file is closed and the next one begun.
        files_kept: Closed files that stay; the oldest go.
        capacity: Records that memory holds while the disk takes none; the oldest go, and the next record says how many.
        ticked: Called at every turn of the writing thread.
    """

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        *,
        maximum_bytes: int = 10_000_000,
        files_kept: int = _FILES_KEPT,
        capacity: int = 20_000,
        ticked: Callable[[], None] = lambda: None,
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._maximum_bytes = maximum_bytes
        self._files_kept = files_kept
        self._capacity = capacity
        self._ticked = ticked
        self._changed = threading.Condition()
        self._waiting: deque[dict[str, object]] = deque()
        self._lost = 0
        self._stopping = False
        self._fault: str | None = None
        self._end: tuple[int, str] | None = None
        self._thread = threading.Thread(target=self._run, name="audit-log", daemon=True)

    def start(self) -> None:
        """Start the writing thread."""
        self._thread.start()

    def stop(self, timeout_seconds: float = 3.0) -> None:
        """Write what waits and end; what the disk does not take now is lost, and logged. Safe to call twice."""
        with self._changed:
            was_stopping, self._stopping = self._stopping, True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)
        with self._changed:
            lost = len(self._waiting) + self._lost
        if lost and not was_stopping:
            path = self._directory / _CURRENT
            _log.error("%d record%s cannot be written to %s and will be missing in it", lost, "s"[: lost > 1], path)

    def note(self, event: str, details: Mapping[str, object]) -> None:
        """Record something; returns at once.

        Args:
            event: One word on what happened.
            details: JSON values.
        """
        record = {"at": format_time(self._clock.wall()), "event": event, **details}
        with self._changed:
            self._waiting.append(record)
            while len(self._waiting) > self._capacity:
                self._waiting.popleft()
                self._lost += 1
            self._changed.notify_all()

    def _run(self) -> None:
        run_until_done(self._turn, "the audit log")

    def _turn(self) -> bool:
        self._ticked()
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._waiting, _WAIT_SECONDS)
            records, lost, is_last = list(self._waiting), self._lost, self._stopping
        if records:
            try:
                self._write(records, lost)
            except OSError as error:
                self._end = None  # what the disk has of it is found out before the next attempt
                path = self._directory / _CURRENT
                self._note_fault(f"{path} cannot be written ({error.strerror}); its records wait in memory")
                with self._changed:  # whoever stops it meanwhile gets one more attempt: the disk may be back
                    self._changed.wait_for(lambda: self._stopping, _WAIT_SECONDS)
                return is_last
            fault: str | None = None
            try:
                self._rotate()
            except OSError as error:
                fault = (
                    f"{self._directory / _CURRENT} is written, but cannot be closed and begun anew ({error.strerror})"
                )
            self._note_fault(fault)
            with self._changed:
                for record in records:  # fewer where the capacity has taken some away meanwhile
                    if self._waiting and self._waiting[0] is record:
                        self._waiting.popleft()
                self._lost -= lost
        with self._changed:
            return self._stopping and not self._waiting

    def _write(self, records: list[dict[str, object]], lost: int) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._directory / _CURRENT
        number, previous = self._end or _find_end(self._directory)
        lines = []
        if lost:
            records = [{"at": records[0]["at"], "event": "records_lost", "count": lost}, *records]
        for record in records:
            number += 1
            body = {"n": number, **record, "previous": previous}
            previous = _hash(body)
            lines.append(_canonical({**body, "hash": previous}))
        content = ("\n".join(lines) + "\n").encode()
        with open(path, "ab", buffering=0, opener=_open_private) as file:
            before = file.tell()
            if before and not _ends_with_newline(path):
                content = b"\n" + content  # behind a line that a power cut has torn
            try:
                _write_all(file, content)
                os.fsync(file.fileno())
            except OSError:
                # The whole batch is written again: what the disk took of it would stand there twice.
                with contextlib.suppress(OSError):
                    os.ftruncate(file.fileno(), before)
                raise
        self._end = (number, previous)

    def _rotate(self) -> None:
        """Close a file that is large enough, and remove the oldest; what fails is tried again after the next record."""
        path = self._directory / _CURRENT
        if self._end is None or path.stat().st_size < self._maximum_bytes:
            return
        path.rename(self._directory / f"audit-{self._end[0]:012d}.jsonl")
        closed = sorted(self._directory.glob("audit-*.jsonl"))
        for old in closed[: max(0, len(closed) - self._files_kept)]:
            old.unlink()

    def _note_fault(self, fault: str | None) -> None:
        if fault is not None and fault != self._fault:
            _log.error("%s", fault)
        elif fault is None and self._fault is not None:
            _log.info("the audit log is written again")
        self._fault = fault


@dataclass(slots=True)
class AuditReport:
    """What a check of an audit log found.

    Attributes:
        records: Intact records.
        first_number: Number of the first; above 1 where the oldest files have been removed.
        last_number: Number of the last.
        last_hash: Its hash; to be compared with one that was noted elsewhere.
        torn_lines: Lines that a power cut or a kill left unfinished; the chain goes on behind them.
        problems: What is wrong, one sentence each.
    """

    records: int = 0
    first_number: int = 0
    last_number: int = 0
    last_hash: str = _FIRST_HASH
    torn_lines: int = 0
    problems: list[str] = field(default_factory=list)


def verify_audit_log(directory: Path, files_kept: int = _FILES_KEPT) -> AuditReport:
    """Check the chain of an audit log, from record number 1 on unless the oldest files had to go.

    Its station may run: where it closes or removes a file meanwhile, everything is read again.

    Args:
        directory: Where `audit.jsonl` and the closed files lie.
        files_kept: Closed files that its station stores.

    Raises:
        OSError: A file cannot be read.
    """
    files = list(_files(directory))
    while True:
        report: AuditReport | None = None
        try:
            report = _verify(directory, files, files_kept)
        except FileNotFoundError:
            if list(_files(directory)) == files:
                raise
        before, files = files, list(_files(directory))
        if report is not None and (files == before or not report.problems):
            return report


def _verify(directory: Path, files: list[Path], files_kept: int) -> AuditReport:
    report = AuditReport()
    for path in files:
        with path.open("rb") as file:
            for line_number, line in enumerate(file, 1):
                record = _parse(line)
                where = f"{path.name} line {line_number}"
                if record is None:
                    report.torn_lines += 1
                    continue
                if record.get("hash") != _hash({name: value for name, value in record.items() if name != "hash"}):
                    report.problems.append(f"{where}: the record was changed")
                elif report.records and (
                    record.get("previous") != report.last_hash or record.get("n") != report.last_number + 1
                ):
                    report.problems.append(f"{where}: records before it are missing or out of order")
                if not report.records:
                    report.first_number = _number(record)
                report.records += 1
                report.last_number, report.last_hash = _number(record), str(record.get("hash"))
        if len(report.problems) >= _PROBLEMS_SHOWN:
            break
    closed = sum(path.name != _CURRENT for path in files)
    if not report.records:
        report.problems.append(f"{directory} holds no record: it was emptied, or is no audit log")
    elif report.first_number != 1 and closed < files_kept:
        # A station removes the oldest file only when it stores more closed ones than this.
        report.problems.append(f"the records before number {report.first_number} are missing")
    return report


def _files(directory: Path) -> Iterator[Path]:
    yield from sorted(directory.glob("audit-*.jsonl"))
    if (directory / _CURRENT).exists():
        yield directory / _CURRENT


def _find_end(directory: Path) -> tuple[int, str]:
    """Return number and hash of the newest record; of none when there is none."""
    for path in reversed(list(_files(directory))):
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            for line in reversed(file.readlines()):
                record = _parse(line)
                if record is not None and isinstance(record.get("hash"), str):
                    return _number(record), str(record["hash"])
    return 0, _FIRST_HASH


def _parse(line: bytes) -> dict[str, object] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):  # RecursionError: thousands of brackets, which no station writes
        return None
    return record if isinstance(record, dict) else None


def _number(record: Mapping[str, object]) -> int:
    number = record.get("n")
    return number if isinstance(number, int) else 0


def _canonical(record: Mapping[str, object]) -> str:
    return json.dumps(record, separators=(",", ":"), ensure_ascii=True, default=str)


def _hash(body: Mapping[str, object]) -> str:
    return hashlib.sha256(_canonical(body).encode()).hexdigest()


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _write_all(file: io.FileIO, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[file.write(view) or 0 :]


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
