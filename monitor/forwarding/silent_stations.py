"""Which stations a destination was said to be silent: so that it also hears of their return after a restart."""

import json
import logging
from pathlib import Path

from monitor.private_file import replace_private_file

__all__ = ["SilentStations"]

_log = logging.getLogger(__name__)


class SilentStations:
    """A set of names in a small file. One that cannot be read counts as empty; not thread-safe.

    Args:
        path: The file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._names = _read(path)

    def __contains__(self, station: object) -> bool:
        """Return whether a station was reported as silent, and its return was not."""
        return station in self._names

    def note(self, station: str, *, is_silent: bool) -> None:
        """Note what was reported of a station."""
        (self._names.add if is_silent else self._names.discard)(station)
        try:
            replace_private_file(self._path, json.dumps(sorted(self._names)))
        except OSError as error:
            _log.warning("cannot write %s (%s): a restart would not know who is silent", self._path, error.strerror)


def _read(path: Path) -> set[str]:
    if not path.exists():
        return set()
    try:
        return {str(name) for name in json.loads(path.read_text(encoding="utf-8"))}
    except (OSError, ValueError, TypeError) as error:
        _log.warning("%s cannot be read (%s) and counts as empty", path, type(error).__name__)
        return set()
