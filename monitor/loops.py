"""Loops of threads that must not end before their work does."""

import logging
import time
from collections.abc import Callable
from contextlib import suppress

__all__ = ["run_until_done"]

_log = logging.getLogger(__name__)


def run_until_done(turn: Callable[[], bool], name: str, pause_seconds: float = 1.0) -> None:
    """Call `turn` until it returns True, whatever it raises meanwhile.

    A thread that ended of an error that nobody foresaw, or of a moment without memory, would be missing for the life of
    the process. The next turn may succeed; one that never does beats no heartbeat, and the watchdog then acts.

    Args:
        turn: One turn of the loop; true when the work is over.
        name: Of the loop, for the log.
        pause_seconds: Pause after a failure.
    """
    while True:
        try:
            if turn():
                return
        except Exception:  # noqa: BLE001 - see above
            with suppress(Exception):  # the log needs memory, too
                _log.exception("%s failed in an unforeseen way; it goes on", name)
            time.sleep(pause_seconds)
