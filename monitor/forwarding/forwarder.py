"""One destination: reads the alert stream from where it stopped, and sends each alert until it has arrived."""

import logging
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from monitor.backoff import Backoff
from monitor.clock import Clock
from monitor.delivery.subscriber import (
    AlertSubscriber,
    Event,
    HeartbeatLost,
    HeartbeatSeen,
    NewAlert,
    ProgressError,
    ServerLost,
    ServerSeen,
)
from monitor.forwarding.dead_letters import DeadLetters
from monitor.forwarding.mail import Escalations, Mail
from monitor.forwarding.message import DeliveryError, Message, MessageRefusedError
from monitor.forwarding.mllp import Mllp
from monitor.forwarding.mqtt import Mqtt
from monitor.forwarding.settings import (
    DestinationSettings,
    EmailSettings,
    ForwardSettings,
    Hl7Settings,
    MqttSettings,
    WebhookSettings,
)
from monitor.forwarding.webhook import Webhook
from monitor.loops import run_until_done

__all__ = ["Forwarder", "Sender", "open_sender", "paths_of"]

_log = logging.getLogger(__name__)

_POLL_SECONDS = 0.25
_LONGEST_WAIT_SECONDS = 30.0


class _StoppedError(Exception):
    """The process ends while a message waits."""


class Sender(Protocol):
    """What sends a message to one destination."""

    def send(self, message: Message) -> None:
        """Send one message; raises `MessageRefusedError` or `DeliveryError`."""

    def close(self) -> None:
        """Close what is open; the next `send` opens it again."""


def open_sender(settings: DestinationSettings, clock: Clock) -> Sender:
    """Return what sends to a destination.

    Raises:
        ConfigError: A secret cannot be read.
    """
    match settings:
        case WebhookSettings():
            return Webhook(settings, clock)
        case MqttSettings():
            return Mqtt(settings)
        case Hl7Settings():
            return Mllp(settings, clock)
        case EmailSettings():
            return Mail(settings, clock)
    raise TypeError(f"there is no destination of the kind {type(settings).__name__}")


def paths_of(settings: ForwardSettings, name: str) -> tuple[Path, Path, Path]:
    """Return where a destination's progress, dead letters and open escalations are stored."""
    home = settings.state_directory
    return home / f"{name}.progress.json", home / f"{name}.dead.jsonl", home / f"{name}.open.json"


class Forwarder:
    """A thread that serves one destination, independent of the others.

    Progress is stored after a message has arrived or was written to the dead letters, so that a process that dies sends
    the messages of one batch again: at least once, in order.

    Args:
        settings: The whole configuration.
        destination: The part of it that this thread serves.
        clock: For patience and for labels.

    Raises:
        ConfigError: A secret cannot be read.
        PublishError: The stored progress cannot be read.
    """

    def __init__(self, settings: ForwardSettings, destination: DestinationSettings, clock: Clock) -> None:
        progress, dead, opened = paths_of(settings, destination.name)
        self._destination = destination
        self._clock = clock
        self._sender = open_sender(destination, clock)
        self._dead = DeadLetters(dead, clock)
        self._escalations = None
        if isinstance(destination, EmailSettings) and destination.escalate_to:
            self._escalations = Escalations(opened, destination.escalate_after_seconds, clock)
        self._open_subscriber = partial(
            AlertSubscriber.from_settings,
            settings.redis,
            state_file=progress,
            clock=clock,
            stations=settings.stations,
            from_start=settings.from_start,
            silence_seconds=settings.silence_seconds,
            saves_each=True,  # so that a restart repeats one at most
        )
        self._subscriber: AlertSubscriber | None = self._open_subscriber()
        self._waiting_since: float | None = None
        self._silent: set[str] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"forward {destination.name}", daemon=True)
        self.sent = 0
        self.given_up = 0

    @property
    def name(self) -> str:
        """The destination's name."""
        return self._destination.name

    @property
    def is_running(self) -> bool:
        """Whether the thread lives."""
        return self._thread.is_alive()

    @property
    def waiting_seconds(self) -> float:
        """How long the oldest message has been tried; 0 where none waits."""
        since = self._waiting_since
        return 0.0 if since is None else self._clock.monotonic() - since

    @property
    def dead_letters(self) -> int:
        """How many messages were given up and lie in the file."""
        return self._dead.count()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_seconds: float = 15.0) -> None:
        """End the thread after the message that is being sent; safe to call twice."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)

    def _run(self) -> None:
        try:
            run_until_done(self._turn, f"the way to {self.name}")
        finally:
            self.close()

    def close(self) -> None:
        """Close the connections of a forwarder that does not run."""
        self._sender.close()
        self._close_subscriber()

    def _close_subscriber(self) -> None:
        if self._subscriber is not None:
            self._subscriber.close()
            self._subscriber = None

    def _turn(self) -> bool:
        try:
            if not self.forward_waiting():
                self._stopping.wait(_POLL_SECONDS)
        except _StoppedError as stopped:
            _log.info("%s: %s has not arrived yet; it is sent at the next start", self.name, stopped)
        return self._stopping.is_set()

    def forward_waiting(self) -> bool:
        """Forward what waits now; return whether there was anything.

        Where progress cannot be stored, it goes on: what has arrived would only come again after a restart.

        Raises:
            PublishError: A dead letter cannot be stored.
        """
        try:
            return self._forward_waiting()
        except BaseException:
            # What was read and has not arrived must be read again, so what this subscriber has seen counts no more.
            self._close_subscriber()
            raise

    def _forward_waiting(self) -> bool:
        came = False
        if self._subscriber is None:
            self._subscriber = self._open_subscriber()
        try:
            for event in self._subscriber.poll():
                came = came or isinstance(event, NewAlert)
                self._take(event)
        except ProgressError as error:
            _log.warning("%s: %s; a restart would send again what has arrived meanwhile", self.name, error)
        self._escalate()
        return came

    def _take(self, event: Event) -> None:
        match event:
            case NewAlert():
                self._take_alert(event)
            case HeartbeatLost() | HeartbeatSeen():
                self._take_heartbeat(event)
            case ServerLost():
                _log.warning("%s: nothing can be forwarded: %s", self.name, event.reason)
            case ServerSeen():
                _log.info("%s: Redis answers again", self.name)

    def _take_alert(self, event: NewAlert) -> None:
        if event.missing_before:
            _log.warning("%s: %d alerts are missing from the stream", self.name, event.missing_before)
        wanted, alert = self._destination, event.alert
        if wanted.beds is not None and alert.bed not in wanted.beds:
            return
        if alert.priority not in wanted.priorities or alert.kind not in wanted.kinds:
            return
        if self._escalations is not None:
            self._escalations.observe(alert, event.text)
        if alert.phase in wanted.phases:
            self._deliver(Message.from_alert(alert, event.text), self._sender.send)

    def _take_heartbeat(self, event: HeartbeatLost | HeartbeatSeen) -> None:
        is_silent = isinstance(event, HeartbeatLost)
        # A station that is heard of for the first time is no news.
        if not self._destination.silent_stations or (not is_silent and event.station not in self._silent):
            return
        (self._silent.add if is_silent else self._silent.discard)(event.station)
        now = self._clock.wall()
        key = f"station-{event.station}-{'silent' if is_silent else 'watching'}-{now.timestamp():.0f}"
        self._deliver(Message(key, now, event.station, is_silent=is_silent), self._sender.send)

    def _escalate(self) -> None:
        if self._escalations is None or not isinstance(self._sender, Mail):
            return
        for message in self._escalations.due():
            if self._stopping.is_set():
                return
            self._deliver(message, self._sender.escalate)
            self._escalations.done(message)

    def _deliver(self, message: Message, send: Callable[[Message], None]) -> None:
        """Send until it has arrived, is refused for good, or the time is over; then it is a dead letter."""
        backoff = Backoff(first_seconds=0.5, cap_seconds=_LONGEST_WAIT_SECONDS)
        began, refusals, is_first = self._clock.monotonic(), 0, True
        self._waiting_since = began
        while True:
            try:
                send(message)
            except MessageRefusedError as error:
                refusals += 1
                reason, is_over = str(error), refusals >= self._destination.refusals
            except ValueError as error:
                # Names that no station gives, from an entry that another program wrote: they fit no header or topic.
                reason, is_over = f"it cannot be said in the destination's form ({type(error).__name__})", True
            except DeliveryError as error:
                reason, is_over = str(error), self._clock.monotonic() - began >= self._destination.give_up_seconds
            else:
                self.sent += 1
                self._waiting_since = None
                if not is_first:
                    _log.info("%s: %s arrived", self.name, message.key)
                return
            if is_first:
                _log.warning("%s: %s waits: %s", self.name, message.key, reason)
                is_first = False
            if is_over:
                self._dead.add(message, reason)
                self.given_up += 1
                self._waiting_since = None
                _log.error("%s: %s is given up and lies with the dead letters: %s", self.name, message.key, reason)
                return
            if self._stopping.wait(backoff.next_seconds()):
                raise _StoppedError(message.key)
