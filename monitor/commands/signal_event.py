"""An event that a signal's handler may set."""

import contextlib
import os
import select
import threading
import time

__all__ = ["SignalEvent"]

_LONGEST_CALL_SECONDS = 0.5


class SignalEvent(threading.Event):
    """As `threading.Event`, but without a lock in any method.

    A handler runs in the main thread, between two steps of whatever this does. If that is `wait` or `clear` of a
    `threading.Event`, whose lock is not reentrant, `set` waits without end, and the program hears no signal any more.

    And the system may give a signal to another thread. Then no call of the main thread is interrupted, and the handler
    runs when that call has come to its end; so a `wait` is a row of short ones.
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_on = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._poll = select.poll()
        self._poll.register(self._reader, select.POLLIN)

    def __del__(self) -> None:
        """Close the pipe."""
        for descriptor in (self._reader, self._writer):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def is_set(self) -> bool:
        """Return whether it was set and not cleared since."""
        return self._is_on

    def set(self) -> None:
        """Set it, and end every `wait`."""
        self._is_on = True
        with contextlib.suppress(BlockingIOError):  # a full pipe wakes as well as one byte
            os.write(self._writer, b"\0")

    def clear(self) -> None:
        """Forget it; what is set meanwhile stays set."""
        self._is_on = False  # first: a signal that comes here is not lost
        with contextlib.suppress(BlockingIOError):
            os.read(self._reader, 65_536)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, at most `timeout` seconds (None: without end); return whether it is."""
        end = None if timeout is None else time.monotonic() + timeout
        while not self._is_on:
            left = _LONGEST_CALL_SECONDS if end is None else min(_LONGEST_CALL_SECONDS, end - time.monotonic())
            self._poll.poll(1000.0 * max(0.0, left))
            if end is not None and time.monotonic() >= end:
                break
        return self._is_on
