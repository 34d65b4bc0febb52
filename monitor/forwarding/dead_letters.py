"""Messages that a destination never took: one JSON object a line, to be looked at and sent again."""

import fcntl
import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import RawIOBase
from pathlib import Path
from typing import Any, NamedTuple

from monitor.alerts.record import Alert, format_time
from monitor.clock import Clock
from monitor.errors import PublishError
from monitor.forwarding.message import DeliveryError, Message

__all__ = ["DeadLetters", "Resent"]

_log = logging.getLogger(__name__)

_MOST_HELD = 1000


class Resent(NamedTuple):
    """What became of dead letters that were sent again.

    Attributes:
        arrived: How many arrived.
        remain: How many stay.
        old_news: How many were dropped: a station that was silent then says nothing of now.
    """

    arrived: int
    remain: int
    old_news: int


class DeadLetters:
    """One destination's file.

    What the disk does not take is held in memory, so that later messages need not wait for space. Version 0.3 and
    earlier ones left the older half of a large file in `NAME.1`: what is there counts and is sent again, too.

    Args:
        path: The file.
        clock: For the time at which a message was given up.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._older = path.with_name(f"{path.name}.1")
        self._clock = clock
        self._held: list[str] = []
        self._counted: tuple[list[tuple[int, int, int]], int] = ([], 0)

    @property
    def is_stored(self) -> bool:
        """Whether all that was given up is in the file; otherwise a restart must read it again."""
        return not self._held

    def add(self, message: Message, reason: str, *, is_escalation: bool = False) -> None:
        """Append a message, or hold it in memory until the disk takes it.

        Args:
            message: What was given up.
            reason: Why.
            is_escalation: Whether it was on its way to those who hear of what nobody acknowledged.

        Raises:
            PublishError: It cannot be written, and no more can be held.
        """
        row = {"given_up_at": format_time(self._clock.wall()), "reason": reason, **json.loads(message.to_json())}
        if is_escalation:
            row["escalation"] = True
        line = json.dumps(row, ensure_ascii=False)
        if len(self._held) >= _MOST_HELD:
            self._store()
        was_stored = self.is_stored
        self._held.append(line)
        try:
            self._store()
        except PublishError as error:
            if was_stored:
                _log.error("%s; what is given up meanwhile is held in memory", error)

    def store_held(self) -> None:
        """Write what is held in memory, if the disk takes it now."""
        if not self.is_stored:
            with suppress(PublishError):
                self._store()
                _log.info("%s takes again what is given up", self._path)

    def _store(self) -> None:
        with self._writing():
            _append(self._path, "".join(f"{line}\n" for line in self._held))
        self._held.clear()

    def count(self) -> int:
        """Return how many messages there are; reads the file only where it has changed.

        Raises:
            OSError: It cannot be read.
        """
        files = self._files()
        stats = [file.stat() for file in files]
        version = [(stat.st_ino, stat.st_size, stat.st_mtime_ns) for stat in stats]
        if version != self._counted[0]:
            self._counted = version, sum(_count_lines(file) for file in files)
        return self._counted[1] + len(self._held)

    def resend(self, send: Callable[[Message], None], escalate: Callable[[Message], None] | None = None) -> Resent:
        """Try every message once more; meanwhile another process may give up further ones, which stay.

        Args:
            send: Sends one.
            escalate: Sends one to those who hear of what nobody acknowledged; without it, such messages stay.

        Returns:
            How many arrived, stay, and were old news.

        Raises:
            PublishError: The file cannot be written; those that arrived stay in it, too.
        """
        arrived: Counter[str] = Counter()
        old_news: Counter[str] = Counter()
        for line in self._lines():
            row = _row(line)
            if row.get("event") == "station":
                old_news[line] += 1
                continue
            message, way = _message(row), escalate if row.get("escalation") is True else send
            if message is None or way is None:
                continue
            # One that cannot be said in the destination's form stays, and keeps none of the others.
            with suppress(DeliveryError, ValueError):
                way(message)
                arrived[line] += 1
        with self._writing():
            left, stay = arrived + old_news, []
            for line in self._lines():
                if left[line]:
                    left[line] -= 1
                else:
                    stay.append(line)
            if arrived or old_news:
                draft = self._path.with_name(f".{self._path.name}.new")
                _write_anew(draft, "".join(f"{line}\n" for line in stay))
                draft.replace(self._path)
                self._older.unlink(missing_ok=True)  # what stays of it is in the new file
        return Resent(arrived.total(), len(stay), old_news.total())

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Keep other processes from changing the file meanwhile.

        Raises:
            PublishError: Something within cannot be written.
        """
        try:
            with self._path.with_name(f".{self._path.name}.lock").open("w", encoding="utf-8") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise PublishError(f"cannot write {self._path} ({error.strerror}); free some space") from error

    def _files(self) -> list[Path]:
        return [file for file in (self._older, self._path) if file.exists()]

    def _lines(self) -> list[str]:
        # A text within a line may hold what `splitlines` takes for the end of one. A disk that was full may have taken
        # half of a character.
        texts = [file.read_text(encoding="utf-8", errors="surrogateescape") for file in self._files()]
        return [line for text in texts for line in text.split("\n") if line.strip()]


def _count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(not line.isspace() for line in file)


def _append(path: Path, text: str) -> None:
    """Append whole lines, or nothing: half of a line would spoil the next one."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":  # a process that died while it wrote
                text = "\n" + text
        try:
            _write_whole(file, text)
        except OSError:
            with suppress(OSError):
                file.truncate(size)
            raise


def _write_anew(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        _write_whole(file, text)


def _write_whole(file: RawIOBase, text: str) -> None:
    rest = memoryview(text.encode("utf-8", errors="surrogateescape"))
    while rest:
        rest = rest[file.write(rest) or 0 :]
    os.fsync(file.fileno())


def _row(line: str) -> dict[str, Any]:
    """Return the object of a line; an empty one for what cannot be read."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}


def _message(row: dict[str, Any]) -> Message | None:
    """Return the alert of an object; None without one."""
    try:
        text = json.dumps(row["alert"])
        return Message.from_alert(Alert.model_validate_json(text), text)
    except (ValueError, KeyError, TypeError):
        return None
