"""One destination: reads the alert stream from where it stopped, and sends each alert until it has arrived."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from monitor.clock import Clock
from monitor.delivery.redis_client import connect_redis, redis_address
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
from monitor.forwarding.attempts import Attempts
from monitor.forwarding.dead_letters import DeadLetters
from monitor.forwarding.held_progress import HeldProgress
from monitor.forwarding.mail import Escalations, Mail
from monitor.forwarding.message import Message
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
from monitor.forwarding.silent_stations import SilentStations
from monitor.forwarding.webhook import Webhook
from monitor.loops import run_until_done

__all__ = ["Forwarder", "Sender", "open_sender", "paths_of"]

_log = logging.getLogger(__name__)

_POLL_SECONDS = 0.25


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


def paths_of(settings: ForwardSettings, name: str) -> tuple[Path, Path, Path, Path]:
    """Return where a destination's progress, dead letters, open escalations and silent stations are stored."""
    files = ("progress.json", "dead.jsonl", "open.json", "silent.json")
    progress, dead, opened, silent = (settings.state_directory / f"{name}.{file}" for file in files)
    return progress, dead, opened, silent


class Forwarder:
    """A thread that serves one destination, independent of the others.

    Progress is stored after a message has arrived or was written to the dead letters, so that a process that dies sends
    one message again: at least once, in order. While progress cannot be stored, it is held in memory.

    Args:
        settings: The whole configuration.
        destination: The part of it that this thread serves.
        clock: For patience and for labels.

    Raises:
        ConfigError: A secret cannot be read.
        PublishError: The stored progress cannot be read.
    """

    def __init__(self, settings: ForwardSettings, destination: DestinationSettings, clock: Clock) -> None:
        progress, dead, opened, silent = paths_of(settings, destination.name)
        self._destination = destination
        self._clock = clock
        self._sender = open_sender(destination, clock)
        self._dead = DeadLetters(dead, clock)
        self._escalations = None
        if isinstance(destination, EmailSettings) and destination.escalate_to:
            self._escalations = Escalations(opened, destination.escalate_after_seconds, clock)
        self._progress = HeldProgress(progress, lambda: self._dead.is_stored)
        self._subscriber = AlertSubscriber(
            lambda: connect_redis(settings.redis),
            redis_address(settings.redis),
            settings.redis.key_prefix,
            self._progress,
            clock,
            stations=settings.stations,
            from_start=settings.from_start,
            silence_seconds=settings.silence_seconds,
            saves_each=True,  # so that a restart repeats one at most
        )
        self._in_hand: Event | None = None
        self._unsaved_for = ""
        self._delivering: Attempts | None = None
        self._escalating: Attempts | None = None
        self._escalated_seconds = float("-inf")
        self._silent = SilentStations(silent)
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
    def is_redis_up(self) -> bool:
        """Whether Redis answered the newest question."""
        return self._subscriber.is_answered

    @property
    def waiting_seconds(self) -> float | None:
        """How long the oldest message has been tried; 0 where none waits, None where that is not known."""
        began = [way.began_seconds for way in (self._delivering, self._escalating) if way is not None]
        if began:
            return self._clock.monotonic() - min(began)
        return 0.0 if self.is_redis_up else None

    @property
    def dead_letters(self) -> int:
        """How many messages were given up and lie in the file; raises `OSError` where that cannot be read."""
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
        self._subscriber.close()

    def _turn(self) -> bool:
        try:
            if not self.forward_waiting():
                self._stopping.wait(_POLL_SECONDS)
        except _StoppedError as stopped:
            _log.info("%s: %s has not arrived yet; it is sent at the next start", self.name, stopped)
        return self._stopping.is_set()

    def forward_waiting(self) -> bool:
        """Forward what waits now; return whether more may wait.

        Where progress cannot be stored, it goes on: what has arrived would only come again after a restart.

        Raises:
            PublishError: So many dead letters cannot be stored that no more are held in memory.
        """
        self._dead.store_held()
        came = self._in_hand is not None
        if self._in_hand is not None:  # what was read, and failed here, does not come from the stream again
            self._take(self._in_hand)
            self._in_hand = None
        try:
            for event in self._subscriber.poll():
                came = came or isinstance(event, NewAlert)
                self._in_hand = event
                self._take(event)
                self._in_hand = None
        except ProgressError as error:
            self._note_unsaved(str(error))
        else:
            if self._progress.is_saved:
                self._note_unsaved("")
        is_escalated = self._subscriber.has_read_all and self._escalate()
        # A page that holds repeats alone, after a reading from the beginning, is no reason to wait.
        return came or is_escalated or not self._subscriber.has_read_all

    def _note_unsaved(self, reason: str) -> None:
        """Log that progress cannot be stored, or can be again: once, for a full disk is no place for repeats."""
        if reason == self._unsaved_for:
            return
        self._unsaved_for = reason
        if reason:
            _log.warning("%s: %s; a restart would send again what has arrived meanwhile", self.name, reason)
        else:
            _log.info("%s: progress is stored again", self.name)

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
            self._deliver(Message.from_alert(alert, event.text))

    def _take_heartbeat(self, event: HeartbeatLost | HeartbeatSeen) -> None:
        is_silent = isinstance(event, HeartbeatLost)
        # A station that is heard of for the first time is no news, nor is one whose silence an earlier run reported.
        if not self._destination.silent_stations or is_silent == (event.station in self._silent):
            return
        now = self._clock.wall()
        key = f"station-{event.station}-{'silent' if is_silent else 'watching'}-{now.timestamp():.0f}"
        self._deliver(Message(key, now, event.station, is_silent=is_silent))
        self._silent.note(event.station, is_silent=is_silent)

    def _escalate(self) -> bool:
        """Try to escalate the alert that has waited longest, once; return whether one more may be due.

        One at a time, and only when nothing more waits in the stream: it may say that somebody has acknowledged it.
        """
        if self._escalations is None or not isinstance(self._sender, Mail):
            return False
        due = self._escalations.due()
        way = self._escalating
        if way is None or way.message not in due:
            way = self._escalating = self._attempts(due[0], self._sender.escalate, is_escalation=True) if due else None
            self._escalated_seconds = float("-inf")
        now = self._clock.monotonic()
        if way is None or now < self._escalated_seconds:
            return False
        wait_seconds = way.attempt()
        if wait_seconds is not None:
            self._escalated_seconds = now + wait_seconds
            return False
        self._count(way)
        self._escalations.done(way.message)
        self._escalating = None
        return True

    def _deliver(self, message: Message) -> None:
        """Send until it has arrived or is given up."""
        way = self._delivering
        if way is None or way.message.key != message.key:
            way = self._delivering = self._attempts(message, self._sender.send)
        while (wait_seconds := way.attempt()) is not None:
            if self._stopping.wait(wait_seconds):
                raise _StoppedError(message.key)
        self._count(way)
        self._delivering = None

    def _attempts(self, message: Message, send: Callable[[Message], None], *, is_escalation: bool = False) -> Attempts:
        return Attempts(message, send, self._destination, self._dead, self._clock, is_escalation=is_escalation)

    def _count(self, way: Attempts) -> None:
        if way.has_arrived:
            self.sent += 1
        else:
            self.given_up += 1
