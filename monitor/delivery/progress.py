"""What a subscriber has read of the alert stream, in a small file.

The last id in the stream, and per producer the highest number with the numbers missing below it. That is all it takes
to skip repeats (a server that lost its data gets its alerts again) and to name gaps. And the id at which reading began:
what lies up to there is no news when all must be read again, though its producers may never have spoken since.

Beside that, which stations were watching: one that falls silent while its reader is not running must be missed as well.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from monitor.delivery.keys import id_order
from monitor.errors import PublishError
from monitor.private_file import replace_private_file

__all__ = ["Progress", "ProgressError"]

_MISSING_KEPT = 10_000


@dataclass(slots=True)
class _Numbers:
    highest: int
    missing: set[int] = field(default_factory=set)


class ProgressError(PublishError):
    """What has been read cannot be stored: only a restart would read it again."""


class Progress:
    """What has been read of the stream.

    Args:
        path: Where it is stored; None keeps it in memory only.

    Attributes:
        last_id: Of the entry that was read last; None before the first.
        begun_id: Of the newest entry that was there before this reader began, and that it never read.
        noted_id: Of the newest entry before that whose number is not known yet; `0-0` when all are.
        watching: Stations that were heard and have not been reported as silent since.
        is_saved: Whether the file says all that is known here, but for the alerts read since the newest `save`.

    Raises:
        PublishError: The file cannot be read or is none of this program's.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.last_id: str | None = None
        self.begun_id = "0-0"
        self.noted_id = "0-0"
        self.watching: frozenset[str] = frozenset()
        self.is_saved = True
        self._producers: dict[str, _Numbers] = {}
        if path is None or not path.exists():
            return
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            id_order(str(document["last_id"]))
            self.last_id = str(document["last_id"])
            # Absent in files of version 0.3, of which is known only that all up to `last_id` has been read.
            self.begun_id = str(document.get("begun_id", self.last_id))
            self.noted_id = str(document.get("noted_id", self.begun_id))
            for stream_id in (self.begun_id, self.noted_id):
                id_order(stream_id)
            self.watching = frozenset(str(name) for name in document.get("watching", ()))
            for name, numbers in document["producers"].items():
                self._producers[str(name)] = _Numbers(int(numbers["highest"]), {int(n) for n in numbers["missing"]})
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise PublishError(f"{path} cannot be read as a subscriber's state; delete it to start afresh") from error

    def begin(self, stream_id: str) -> None:
        """Begin behind an entry of the stream; `0-0` is before the first."""
        self.last_id = self.begun_id = self.noted_id = stream_id

    def note_earlier(self, numbers: Iterable[tuple[str, int]], noted_id: str) -> None:
        """Take what lies before the beginning as read, so that it is no news when its station sends it again.

        Args:
            numbers: Producers and their numbers, newest first.
            noted_id: The newest entry that is not among them.
        """
        for producer_id, seq in numbers:
            self._producers.setdefault(producer_id, _Numbers(seq))
        self.noted_id = noted_id
        self.is_saved = self.is_saved and noted_id != "0-0"

    def read_again(self, *, keeps_begin: bool) -> None:
        """Go back to the oldest entry of a server that lost its newest ones.

        Args:
            keeps_begin: Whether the entry at which reading began is still there. Otherwise nothing tells any more what
                came before it.
        """
        self.last_id = "0-0"
        if not keeps_begin:
            self.begun_id = self.noted_id = "0-0"

    def note_station(self, station: str, *, is_watching: bool) -> None:
        """Note that a station was heard, or that its silence was reported; `save` stores it."""
        if is_watching != (station in self.watching):
            self.watching = self.watching | {station} if is_watching else self.watching - {station}
            self.is_saved = False

    def admit(self, producer_id: str, seq: int, stream_id: str) -> int | None:
        """Note a number that was read; return how many were skipped right before it, or None when it is no news.

        Args:
            producer_id: Whose number it is.
            seq: The number.
            stream_id: Of its entry in the stream.
        """
        skipped = self._note(producer_id, seq)
        return None if id_order(stream_id) <= id_order(self.begun_id) else skipped

    def _note(self, producer_id: str, seq: int) -> int | None:
        numbers = self._producers.get(producer_id)
        if numbers is None:
            self._producers[producer_id] = _Numbers(seq)
            return 0
        if seq <= numbers.highest:
            if seq not in numbers.missing:
                return None
            numbers.missing.discard(seq)
            return 0
        skipped = seq - numbers.highest - 1
        numbers.missing.update(range(max(numbers.highest + 1, seq - _MISSING_KEPT), seq))
        if len(numbers.missing) > _MISSING_KEPT:
            numbers.missing = set(sorted(numbers.missing)[-_MISSING_KEPT:])
        numbers.highest = seq
        return skipped

    def save(self) -> None:
        """Replace the file by a new one, whole or not at all.

        Raises:
            ProgressError: It cannot be written.
        """
        if self._path is None:
            return
        self.is_saved = False
        document = {
            "last_id": self.last_id,
            "begun_id": self.begun_id,
            "noted_id": self.noted_id,
            "watching": sorted(self.watching),
            "producers": {
                name: {"highest": numbers.highest, "missing": sorted(numbers.missing)}
                for name, numbers in self._producers.items()
            },
        }
        try:
            replace_private_file(self._path, json.dumps(document))
        except OSError as error:
            raise ProgressError(
                f"cannot write {self._path} ({error.strerror}); free some space, or choose another state file"
            ) from error
        self.is_saved = True
