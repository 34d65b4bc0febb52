"""One thread for each push service, so that one that hangs delays nobody else's notices."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from monitor.backoff import Backoff
from monitor.clock import Clock
from monitor.localization import Phrase
from monitor.loops import run_until_done
from monitor.web.push.client import PushOutcome, PushResult
from monitor.web.push.devices import PushDevice

__all__ = ["PushNotice", "ServiceSender"]

_log = logging.getLogger(__name__)

_MOST_WAITING = 1_000
_OLD_SECONDS = 60.0
"""A notice that waited for longer is dropped: what it says need not be so any more."""
_IDLE_SECONDS = 1.0
_STUCK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class PushNotice:
    """One notice for one device.

    Attributes:
        device: Which gets it.
        bed: Whose alert; None for the station's, and for what is none.
        payload: What the device gets.
        topic: What a newer notice replaces.
        urgent: Whether the device should be woken for it.
        made_seconds: When, monotonic.
        is_last: The device was removed; it is sent this one all the same.
    """

    device: PushDevice
    bed: str | None
    payload: bytes
    topic: str
    urgent: bool
    made_seconds: float
    is_last: bool = False


class ServiceSender:
    """Sends what waits for one push service, oldest first.

    Args:
        service: Its name in the list of services.
        send: Sends one notice; None where it is to be sent no more.
        clock: Monotonic time.
        settle: Takes the outcome of every notice.
    """

    def __init__(
        self,
        service: str,
        send: Callable[[PushNotice], PushResult | None],
        clock: Clock,
        settle: Callable[[PushNotice, PushResult], None],
    ) -> None:
        self.service = service
        self._send = send
        self._clock = clock
        self._settle = settle
        self._waiting: deque[PushNotice] = deque(maxlen=_MOST_WAITING)
        self._changed = threading.Condition()
        self._stopping = False
        self._backoff = Backoff(first_seconds=1.0, cap_seconds=30.0)
        self._not_before_seconds = float("-inf")
        self._busy_since_seconds: float | None = None
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._run, name=f"push-{service}", daemon=True)

    @property
    def failure(self) -> str | None:
        """Why nothing reaches the service now, as the end of a sentence; None where all is well."""
        began = self._busy_since_seconds
        if began is not None and self._clock.monotonic() - began > _STUCK_SECONDS:
            return Phrase("it has not answered for a minute")
        return self._failure

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self, timeout_seconds: float = 1.0) -> None:
        """End; a notice on its way is not waited for longer than this."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)

    def submit(self, notice: PushNotice) -> None:
        """Let a notice wait; returns at once. Where too many wait, the oldest goes."""
        with self._changed:
            self._waiting.append(notice)
            self._changed.notify_all()

    def _run(self) -> None:
        run_until_done(self._turn, f"sending to the push service {self.service}")

    def _turn(self) -> bool:
        with self._changed:
            if self._stopping:
                return True
            now = self._clock.monotonic()
            while self._waiting and now - self._waiting[0].made_seconds > _OLD_SECONDS:
                self._waiting.popleft()
            pause = self._not_before_seconds - now
            if not self._waiting or pause > 0.0:
                self._changed.wait(min(_IDLE_SECONDS, pause) if self._waiting else _IDLE_SECONDS)
                return False
            notice = self._waiting.popleft()
        self._busy_since_seconds = now
        try:
            result = self._send(notice)
        finally:
            self._busy_since_seconds = None
        if result is not None:
            self._take(notice, result)
        return False

    def _take(self, notice: PushNotice, result: PushResult) -> None:
        if result.outcome is PushOutcome.AWAY:
            if self._failure is None:
                _log.warning("notices do not reach the push service %s: %s", self.service, result.detail)
            self._failure = result.detail
            wait_seconds = max(result.wait_seconds, self._backoff.next_seconds())
            self._not_before_seconds = self._clock.monotonic() + wait_seconds
            with self._changed:
                if len(self._waiting) < _MOST_WAITING:
                    self._waiting.appendleft(notice)
            return
        if self._failure is not None:
            _log.info("notices reach the push service %s again", self.service)
        self._failure = None
        self._backoff.reset()
        self._settle(notice, result)
