"""One thread for each push service, so that one that hangs delays nobody else's notices."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

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
_LOST_SECONDS = 6 * 3600.0
_LOST_ATTEMPTS = 10
_LATELY_SECONDS = 600.0
"""A device that fails for hours while its service has lately taken notices of others is at fault itself."""


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


@dataclass(slots=True)
class _Trouble:
    """One device whose notices do not get through."""

    since_seconds: float
    backoff: Backoff = field(default_factory=lambda: Backoff(first_seconds=1.0, cap_seconds=30.0))
    not_before_seconds: float = float("-inf")
    attempts: int = 0


class ServiceSender:
    """Sends what waits for one push service, oldest first; a device that fails waits by itself, behind all others.

    A service answers for each device (429), and anybody may add an address that leads nowhere, so one device's failure
    says nothing of the next. Who failed for hours while others were reached is given up: settled as gone.

    Args:
        service: Its name in the list of services.
        send: Sends one notice; None where it is to be sent no more.
        clock: Monotonic time.
        settle: Takes the outcome of every notice that is not tried again.
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
        self._troubles: dict[str, _Trouble] = {}
        self._reached_seconds = float("-inf")
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
            notice, pause_seconds = self._choose(now)
            if notice is None:
                self._changed.wait(pause_seconds)
                return False
            self._waiting.remove(notice)
        self._busy_since_seconds = now
        try:
            result = self._send(notice)
        finally:
            self._busy_since_seconds = None
        if result is None:
            with self._changed:
                self._troubles.pop(notice.device.id, None)
        else:
            self._take(notice, result)
        return False

    def _choose(self, now: float) -> tuple[PushNotice | None, float]:
        """Return the notice to be sent now, of a device that does not fail where there is one, or how long to wait."""
        if any(now - notice.made_seconds > _OLD_SECONDS for notice in self._waiting):
            fresh = (notice for notice in self._waiting if now - notice.made_seconds <= _OLD_SECONDS)
            self._waiting = deque(fresh, maxlen=_MOST_WAITING)
        again: PushNotice | None = None
        pause_seconds = _IDLE_SECONDS
        for notice in self._waiting:
            trouble = self._troubles.get(notice.device.id)
            if trouble is None:
                return notice, 0.0
            pause_seconds = min(pause_seconds, trouble.not_before_seconds - now)
            is_due = trouble.not_before_seconds <= now
            if is_due and (
                again is None or trouble.not_before_seconds < self._troubles[again.device.id].not_before_seconds
            ):
                again = notice
        return again, pause_seconds

    def note_reached(self, device_id: str) -> None:
        """Take note that a device was reached past this queue, as by a trial."""
        with self._changed:
            self._troubles.pop(device_id, None)
            self._reached_seconds = self._clock.monotonic()
            if self._failure is not None:
                _log.info("notices reach the push service %s again", self.service)
            self._failure = None
            self._changed.notify_all()

    def _take(self, notice: PushNotice, result: PushResult) -> None:
        if result.outcome is not PushOutcome.AWAY:
            self.note_reached(notice.device.id)
            self._settle(notice, result)
            return
        device_id, now = notice.device.id, self._clock.monotonic()
        with self._changed:
            trouble = self._troubles.setdefault(device_id, _Trouble(since_seconds=now))
            if len(self._troubles) > _MOST_WAITING:
                del self._troubles[next(iter(self._troubles))]  # of a device that was removed long ago
            trouble.attempts += 1
            trouble.not_before_seconds = now + max(result.wait_seconds, trouble.backoff.next_seconds())
            # A service that others have reached meanwhile is not the one at fault.
            if trouble.since_seconds >= self._reached_seconds:
                if self._failure is None:
                    _log.warning("notices do not reach the push service %s: %s", self.service, result.detail)
                self._failure = result.detail
            is_lost = (
                now - trouble.since_seconds > _LOST_SECONDS
                and now - self._reached_seconds < _LATELY_SECONDS
                and trouble.attempts >= _LOST_ATTEMPTS
            )
            if is_lost:
                del self._troubles[device_id]
            elif len(self._waiting) < _MOST_WAITING:
                self._waiting.appendleft(notice)
        if is_lost:
            self._settle(notice, PushResult(PushOutcome.GONE, f"not reached for hours: {result.detail}"))
