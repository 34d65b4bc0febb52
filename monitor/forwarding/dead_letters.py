"""Messages that a destination never took: one JSON object a line, to be looked at and sent again."""

import fcntl
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from monitor.alerts.record import Alert, format_time
from monitor.clock import Clock
from monitor.errors import PublishError
from monitor.forwarding.message import DeliveryError, Message

__all__ = ["DeadLetters"]

_LARGEST_BYTES = 100_000_000


class DeadLetters:
    """One destination's file, which grows to 100 MB and then leaves its older half to `NAME.1`.

    Args:
        path: The file.
        clock: For the time at which a message was given up.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    def add(self, message: Message, reason: str) -> None:
        """Append a message.

        Raises:
            PublishError: It cannot be written; the message is then tried again.
        """
        row = {"given_up_at": format_time(self._clock.wall()), "reason": reason, **json.loads(message.to_json())}
        with self._writing():
            if self._path.exists() and self._path.stat().st_size > _LARGEST_BYTES:
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            _write(self._path, json.dumps(row, ensure_ascii=False) + "\n", os.O_APPEND)

    def count(self) -> int:
        """Return how many messages there are."""
        return len(self._lines())

    def resend(self, send: Callable[[Message], None]) -> tuple[int, int]:
        """Try every message once more; meanwhile another process may give up further ones, which stay.

        Args:
            send: Sends one.

        Returns:
            How many arrived, and how many stay.

        Raises:
            PublishError: The file cannot be written; those that arrived stay in it, too.
        """
        arrived: Counter[str] = Counter()
        for line in self._lines():
            message = _read(line)
            if message is None:
                continue
            with suppress(DeliveryError):
                send(message)
                arrived[line] += 1
        with self._writing():
            left, stay = arrived.copy(), []
            for line in self._lines():
                if left[line]:
                    left[line] -= 1
                else:
                    stay.append(line)
            if arrived:
                draft = self._path.with_name(f".{self._path.name}.new")
                _write(draft, "".join(f"{line}\n" for line in stay), os.O_TRUNC)
                draft.replace(self._path)
        return arrived.total(), len(stay)

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

    def _lines(self) -> list[str]:
        if not self._path.exists():
            return []
        # A text within a line may hold what `splitlines` takes for the end of one.
        return [line for line in self._path.read_text(encoding="utf-8").split("\n") if line.strip()]


def _write(path: Path, text: str, flag: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flag, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _read(line: str) -> Message | None:
    """Return the alert of a line; None for what cannot be read, or is the old news of a silent station."""
    try:
        text = json.dumps(json.loads(line)["alert"])
        return Message.from_alert(Alert.model_validate_json(text), text)
    except (ValueError, KeyError, TypeError):
        return None
