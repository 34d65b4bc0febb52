"""Notices of alerts on people's own devices: what is new on the board goes to whom it concerns and who asked for it.

Nothing waits for a notice: it is read from the board, as the page reads it, by a thread of its own. A device is sent
what its owner may see at that moment. It is dropped when the owner logs out, is removed, gets another password, or when
the push service says that it is gone; when a login comes to its end, one last notice says so.
"""

import hashlib
import importlib.util
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from monitor.alerts.record import AlertDraft
from monitor.board import Board
from monitor.clock import Clock
from monitor.config import StationConfig
from monitor.control.access import Role
from monitor.errors import ConfigError, RefusalCode, RefusedError
from monitor.localization import Phrase
from monitor.loops import run_until_done
from monitor.pain.vocabulary import Phase, Priority, Signal
from monitor.telemetry.heartbeats import Heartbeats
from monitor.web.access import Access, HeldLogin, Visitor
from monitor.web.push.client import PushClient, PushOutcome, PushResult, check_device_keys
from monitor.web.push.devices import DeviceStore, PushChoices, PushDevice
from monitor.web.push.key import load_push_key, public_key_text
from monitor.web.push.sender import PushNotice, ServiceSender
from monitor.web.push.services import service_of
from monitor.web.push.words import alert_payload, ended_payload, topic_of, trial_payload

__all__ = ["PushNotices"]

_log = logging.getLogger(__name__)

_HEARTBEAT = "push notices"
_LIMIT_SECONDS = 60.0
_TURN_SECONDS = 0.5
_SWEEP_SECONDS = 3.0
_NEWS_SECONDS = 60.0
"""What is older is no news where it is read at the start: a ward's page then reads all that there was."""
_START_SECONDS = 60.0
"""So long after the first look the history comes; what is old later on came late, or its station's clock is behind."""
_REMEMBERED = 2_000
_TRIALS_AT_ONCE = 2


class PushNotices:
    """Owns the list of devices, and the threads that send.

    Args:
        config: Of the station or ward; its section `web.push` is on.
        board: What there is to see.
        clock: The board's clock.
        access: Says who may see what; None as long as the page is not served.
        heartbeats: Where the thread says that it turns; None where nobody listens.
        audit: Takes which devices were added and removed.
    """

    def __init__(
        self,
        config: StationConfig,
        board: Board,
        clock: Clock,
        access: Callable[[], Access | None],
        heartbeats: Heartbeats | None = None,
        audit: Callable[[str, Mapping[str, object]], None] = lambda _event, _details: None,
    ) -> None:
        self._config = config
        self._board = board
        self._clock = clock
        self._access = access
        self._heartbeats = heartbeats
        self._audit = audit
        self._devices = DeviceStore(config.spool.directory)
        self._key: Any = None
        self.problem = self._find_problem()
        self._client = PushClient(self._key, config.web.push, clock)
        self._senders: dict[str, ServiceSender] = {}
        self._refused: dict[str, str] = {}
        self._guard = threading.Lock()
        self._trials = threading.Semaphore(_TRIALS_AT_ONCE)
        snapshot = board.snapshot()
        self._number = snapshot.newest_record
        # What was signalled before is no news.
        self._signalled: OrderedDict[str, tuple[Signal, Priority]] = OrderedDict()
        for episode in (*snapshot.open_alerts, *(item for bed in snapshot.beds for item in bed.open_alerts)):
            self._signalled[episode.newest.alert_id] = episode.newest.signal, episode.newest.priority
        self._swept_seconds = float("-inf")
        self._began_seconds: float | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="push-notices", daemon=True)

    def _find_problem(self) -> Phrase | None:
        if importlib.util.find_spec("pywebpush") is None:
            return Phrase("this station lacks the extra push: pip install 'nicu-pain-monitor[push]'")
        try:
            self._key = load_push_key(self._config.spool.directory)
        except ConfigError as error:
            _log.error("there are no notices on people's devices: %s", error)
            return Phrase("the station cannot use its push key; its log says why")
        return None

    @property
    def public_key(self) -> str | None:
        """What browsers need to let this station alone send; None where nothing can be sent."""
        return None if self._key is None else public_key_text(self._key)

    @property
    def may_name_beds(self) -> bool:
        """Whether a notice may carry a bed's id."""
        return self._config.web.push.names_beds

    def failures(self) -> dict[str, str]:
        """Return the push services that are not reached now, each with the reason."""
        with self._guard:
            senders = list(self._senders.values())
        return {sender.service: sender.failure for sender in senders if sender.failure is not None}

    def refusal_of(self, device_id: str) -> str | None:
        """Return why the push service refuses a device's notices; None where it does not."""
        return self._refused.get(device_id)

    def devices_of(self, user: str) -> tuple[PushDevice, ...]:
        """Return a user's devices."""
        return self._devices.of(user)

    def add(
        self, login: HeldLogin, endpoint: str, p256dh: str, auth: str, label: str, language: str, choices: PushChoices
    ) -> PushDevice:
        """Send notices to a browser from now on, or change what it gets.

        Raises:
            RefusedError: It cannot be sent any, or there are too many already.
        """
        if self.problem is not None:
            raise RefusedError(self.problem, RefusalCode.PUSH_OFF)
        if service_of(endpoint, self._config.web.push.services) is None:
            words = Phrase("the browser's push service is none to which this station sends; see web.push.services")
            raise RefusedError(words, RefusalCode.PUSH_SERVICE_UNKNOWN)
        try:
            check_device_keys(p256dh, auth)
        except ValueError:
            raise RefusedError(Phrase("these are no keys of a browser"), RefusalCode.PUSH_KEYS_WRONG) from None
        device_id = hashlib.sha256(endpoint.encode()).hexdigest()[:16]
        before = self._devices.get(device_id)
        since = self._clock.wall().timestamp()
        if before is not None and before.login.name == login.name:
            since = before.added_seconds
        device = PushDevice(
            id=device_id,
            login=login,
            endpoint=endpoint,
            p256dh=p256dh,
            auth=auth,
            label=label,
            language=language,
            choices=choices,
            added_seconds=since,
        )
        if device != before:
            self._devices.put(device)
        if before is None or before.login.name != login.name:
            self._audit("push_device_added", {"by": login.name, "device": device_id, "label": label})
        return device

    def remove(self, user: str, device_id: str) -> bool:
        """Send nothing more to a user's device; return whether there was such a one."""
        gone = self._devices.remove(lambda device: device.id == device_id and device.login.name == user)
        for device in gone:
            self._note_removal(device, "its owner removed it")
        return bool(gone)

    def try_device(self, user: str, device_id: str) -> PushResult:
        """Send a notice that says that it is a trial, and return what became of it; takes up to 15 s.

        Raises:
            RefusedError: There is no such device, or others try theirs.
        """
        device = self._devices.get(device_id)
        if device is None or device.login.name != user:
            raise RefusedError(Phrase("there is no such device"), RefusalCode.PUSH_DEVICE_UNKNOWN)
        if not self._trials.acquire(blocking=False):
            raise RefusedError(Phrase("others try their devices now; try again in some seconds"), RefusalCode.PUSH_BUSY)
        try:
            result = self._client.send(device, trial_payload(device, self._config), "trial", urgent=True)
        finally:
            self._trials.release()
        if result.outcome is PushOutcome.GONE:
            self._drop(device, result.detail)
        if result.outcome is PushOutcome.DELIVERED:
            with self._guard:
                sender = self._senders.get(service_of(device.endpoint, self._config.web.push.services) or "")
            if sender is not None:
                sender.note_reached(device.id)
        return result

    def start(self) -> None:
        """Begin to send what is new from now on."""
        if self.problem is not None:
            return
        if self._heartbeats is not None:
            self._heartbeats.expect(_HEARTBEAT, _LIMIT_SECONDS)
        self._thread.start()

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """End; what waits is dropped."""
        if self._heartbeats is not None:
            self._heartbeats.forget(_HEARTBEAT)
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)
        with self._guard:
            senders = list(self._senders.values())
        for sender in senders:
            sender.stop()

    def _run(self) -> None:
        run_until_done(self._step, "notices on people's devices")

    def _step(self) -> bool:
        if self._heartbeats is not None:
            self._heartbeats.beat(_HEARTBEAT)
        self._turn()
        return self._stopping.wait(_TURN_SECONDS)

    def _turn(self) -> None:
        access = self._access()
        if access is None:
            return
        now_seconds = self._clock.monotonic()
        if self._began_seconds is None:
            self._began_seconds = now_seconds
        if now_seconds - self._swept_seconds >= _SWEEP_SECONDS:
            self._swept_seconds = now_seconds
            self._sweep(access)
        for record in self._board.records_after(self._number):
            self._number = record.number
            if self._is_news(record.alert, is_start=now_seconds - self._began_seconds < _START_SECONDS):
                self._notify(access, record.alert)

    def _is_news(self, alert: AlertDraft, *, is_start: bool) -> bool:
        """Return whether an alert calls people now that did not before, or more urgently."""
        is_old = (self._clock.wall() - alert.determined_at).total_seconds() > _NEWS_SECONDS
        if is_old and not is_start:
            episode = self._board.find_alert(alert.alert_id)
            if episode is not None and episode.newest != alert:
                return False  # what is newer comes behind it, and is looked at then
        before = self._signalled.pop(alert.alert_id, None)
        if not alert.is_on:
            return False
        self._signalled[alert.alert_id] = alert.signal, alert.priority
        while len(self._signalled) > _REMEMBERED:
            self._signalled.popitem(last=False)
        is_repeat = before == (alert.signal, alert.priority) and alert.phase is not Phase.ESCALATE
        if alert.signal is not Signal.ON or is_repeat:
            return False
        return not (is_old and is_start)

    def _notify(self, access: Access, alert: AlertDraft) -> None:
        for device in self._devices.all():
            if device.choices.include(alert) and _may_see(access.visitor_of(device.login), alert.bed):
                payload = alert_payload(alert, device, self._config)
                urgent = alert.priority is not Priority.LOW
                topic = topic_of(alert.alert_id)
                self._submit(device, alert.bed, payload, topic, urgent=urgent)

    def _sweep(self, access: Access) -> None:
        """Drop the devices whose owners are not logged in any more."""
        if len(access.users()) == 0:
            return  # a users file that is away for a moment ends no login
        gone = self._devices.remove(lambda device: not access.visitor_of(device.login).may(Role.VIEWER))
        for device in gone:
            self._note_removal(device, "the login has ended")
            if access.is_past(device.login):
                # Whoever relies on notices must not take silence for calm.
                self._submit(device, None, ended_payload(device, self._config), "ended", is_last=True)

    def _submit(
        self,
        device: PushDevice,
        bed: str | None,
        payload: bytes,
        topic: str,
        *,
        urgent: bool = True,
        is_last: bool = False,
    ) -> None:
        service = service_of(device.endpoint, self._config.web.push.services)
        if service is None:
            self._drop(device, "its push service is not listed any more")
            return
        notice = PushNotice(device, bed, payload, topic, urgent, self._clock.monotonic(), is_last)
        with self._guard:
            sender = self._senders.get(service)
            if sender is None:
                sender = ServiceSender(service, self._send, self._clock, self._settle)
                self._senders[service] = sender
                sender.start()
        sender.submit(notice)

    def _send(self, notice: PushNotice) -> PushResult | None:
        """Send a notice, if its device may still have it."""
        if not notice.is_last:
            access, device = self._access(), self._devices.get(notice.device.id)
            if access is None or device is None or device.login.name != notice.device.login.name:
                return None
            if not _may_see(access.visitor_of(device.login), notice.bed):
                return None
        return self._client.send(notice.device, notice.payload, notice.topic, urgent=notice.urgent)

    def _settle(self, notice: PushNotice, result: PushResult) -> None:
        device = notice.device
        if result.outcome is PushOutcome.REFUSED:
            if device.id not in self._refused:
                _log.warning("the push service of device %s: %s", device.id, result.detail)
            self._refused[device.id] = result.detail
        else:
            self._refused.pop(device.id, None)
        if result.outcome is PushOutcome.GONE:
            self._drop(device, result.detail)

    def _drop(self, device: PushDevice, reason: str) -> None:
        """Remove a device that can have no notices; not the one that another person has added since."""
        gone = self._devices.remove(lambda known: known.id == device.id and known.login.name == device.login.name)
        for known in gone:
            self._note_removal(known, reason)

    def _note_removal(self, device: PushDevice, reason: str) -> None:
        self._refused.pop(device.id, None)
        self._audit("push_device_removed", {"by": device.login.name, "device": device.id, "reason": reason})


def _may_see(visitor: Visitor, bed: str | None) -> bool:
    return visitor.may(Role.VIEWER) and (bed is None or visitor.beds.covers(bed))
