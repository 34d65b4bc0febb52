"""Alerts by e-mail, and to others when nobody acknowledges them."""

import json
import logging
import math
import smtplib
import ssl
from datetime import UTC
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from zoneinfo import ZoneInfo

from monitor.alerts.record import Alert
from monitor.clock import Clock
from monitor.deadline import Deadline
from monitor.errors import ConfigError
from monitor.forwarding.message import DeliveryError, Message, MessageRefusedError
from monitor.forwarding.settings import EmailSettings, read_secret
from monitor.localization import Localizer
from monitor.localization import message as translatable
from monitor.pain.conditions import CONDITIONS
from monitor.pain.vocabulary import Signal
from monitor.private_file import replace_private_file
from monitor.tls import tls_context

__all__ = ["Escalations", "Mail"]

_log = logging.getLogger(__name__)

_PERMANENT = range(500, 600)
_MOST_ESCALATED = 1000
_NOTE = translatable("Research software, no medical device. No alert does not mean no pain.")


class Mail:
    """One mail server and the people behind it.

    Args:
        settings: Where to.
        clock: Date of the messages.

    Raises:
        ConfigError: The password or the authority cannot be read.
    """

    def __init__(self, settings: EmailSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        zone = UTC if settings.time_zone is None else ZoneInfo(settings.time_zone)
        self._t = Localizer(settings.language, zone, settings.time_zone or "UTC")
        self._password = read_secret(settings.password_file, f"{settings.name}.password_file")
        self._tls = tls_context(settings.ca_file, f"{settings.name}.ca_file")
        if self._password is not None and settings.security == "none":
            raise ConfigError(
                f"{settings.name}: a password would cross the network in the clear; set security: starttls or tls"
            )

    def send(self, message: Message) -> None:
        """Send one message to the people of `to`.

        Raises:
            MessageRefusedError: The server will never take it.
            DeliveryError: It cannot be reached, or failed.
        """
        self._send(message, self._settings.to, message.headline(self._t))

    def escalate(self, message: Message) -> None:
        """Write to the people of `escalate_to` that nobody has acknowledged an alert.

        Raises:
            MessageRefusedError: The server will never take it.
            DeliveryError: It cannot be reached, or failed.
        """
        seconds = self._settings.escalate_after_seconds
        headline = self._t(
            "NOT ACKNOWLEDGED for {seconds} s: {headline}",
            seconds=f"{seconds:.0f}",
            headline=message.headline(self._t),
        )
        self._send(message, self._settings.escalate_to, headline)

    def _send(self, message: Message, to: tuple[str, ...], headline: str) -> None:
        settings = self._settings
        mail = EmailMessage()
        mail["Subject"] = f"[NICU] {headline}"
        mail["From"] = Address("NICU pain monitor", addr_spec=settings.sender)
        mail["To"] = ", ".join(to)
        mail["Date"] = format_datetime(self._clock.wall())
        mail["Message-ID"] = make_msgid(domain=settings.sender.rpartition("@")[2])
        mail["X-Nicu-Key"] = message.key
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(_body(message, headline, self._t))
        deadline = Deadline(settings.timeout_seconds)
        try:
            with deadline, self._connected(deadline) as server:
                refused = server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            codes = {code for code, _ in error.recipients.values()}
            self._fail(max(codes), error)
        except smtplib.SMTPResponseException as error:
            self._fail(error.smtp_code, error)
        except (OSError, smtplib.SMTPException) as error:
            reason = "does not finish in time" if deadline.is_over else f"cannot be reached ({type(error).__name__})"
            raise DeliveryError(f"the mail server {reason}") from error
        if refused:
            listed = ", ".join(sorted({str(code) for code, _ in refused.values()}))
            _log.error(
                "%s: the mail server does not take mail to %d of %d people (SMTP %s); the others got %s",
                *(settings.name, len(refused), len(to), listed, message.key),
            )

    def _fail(self, code: int, error: Exception) -> None:
        if code in _PERMANENT and not isinstance(error, smtplib.SMTPAuthenticationError | smtplib.SMTPConnectError):
            raise MessageRefusedError(f"the mail server refused it (SMTP {code})") from error
        raise DeliveryError(f"the mail server failed (SMTP {code})") from error

    def _connected(self, deadline: Deadline) -> smtplib.SMTP:
        settings, context = self._settings, self._tls
        if settings.security == "tls":
            server: smtplib.SMTP = _EncryptedServer(deadline, settings, context)
        else:
            server = _Server(deadline, settings)
        try:
            if settings.security == "starttls":
                server.starttls(context=context)
            if settings.username is not None and self._password is not None:
                server.login(settings.username, self._password)
        except BaseException:
            server.close()
            raise
        return server

    def close(self) -> None:
        """Do nothing: every message has a connection of its own."""


class _Server(smtplib.SMTP):
    """A connection that is watched from its first byte: the library waits for the greeting while it is made."""

    def __init__(self, deadline: Deadline, settings: EmailSettings) -> None:
        deadline.watch(lambda: self.sock)
        super().__init__(settings.host, settings.port, timeout=settings.timeout_seconds)


class _EncryptedServer(smtplib.SMTP_SSL):
    """The same, encrypted from the first byte."""

    def __init__(self, deadline: Deadline, settings: EmailSettings, context: ssl.SSLContext) -> None:
        deadline.watch(lambda: self.sock)
        super().__init__(settings.host, settings.port, timeout=settings.timeout_seconds, context=context)


def _body(message: Message, headline: str, t: Localizer) -> str:
    alert = message.alert
    if alert is None:
        return "\n\n".join((headline, t("Until it is back, nobody watches its beds."), t(_NOTE))) + "\n"
    onset, determined = t.in_zone(alert.onset_at), t.in_zone(alert.determined_at)
    mode = str(alert.generation_mode)
    lines = (
        headline,
        "",
        t(
            "Bed: {bed}   Station: {station}",
            bed=alert.bed or t("the whole station"),
            station=alert.station,
        ),
        t(
            "Since: {onset} {zone}   Determined: {determined} {zone}",
            onset=f"{onset:%Y-%m-%d %H:%M:%S}",
            determined=f"{determined:%H:%M:%S}",
            zone=onset.tzname(),
        ),
        t("What was seen: {words}", words=_seen(alert, t)) if alert.detail else "",
        t("What to do: {words}", words=t(alert.remedy)) if alert.remedy else "",
        "",
        *((t("This is no real bed ({mode}).", mode=mode),) if mode != "real" else ()),
        t(_NOTE),
    )
    return "\n".join(lines) + "\n"


def _seen(alert: Alert, t: Localizer) -> str:
    """Return what was seen: what the condition always says in the reader's language, the rest in the record's words."""
    usual = CONDITIONS[alert.code].detail
    return t(usual) + alert.detail[len(usual) :] if alert.detail.startswith(usual) else t(alert.detail)


class Escalations:
    """Alerts that were sent and that nobody has acknowledged yet; survives a restart.

    Of those that were escalated, the newest 1000 are kept: the end of one may never come, as of a station that is gone.

    Args:
        path: Where they are stored.
        after_seconds: How long people have.
        clock: Monotonic time while the process runs; the wall clock bridges a restart.
    """

    def __init__(self, path: Path, after_seconds: float, clock: Clock) -> None:
        self._path = path
        self._after_seconds = after_seconds
        self._clock = clock
        self._due: dict[str, tuple[float, Message]] = {}
        self._is_saved = True
        self._load()

    def observe(self, alert: Alert, text: str) -> None:
        """Take a record of an alert: a signal that nobody has acknowledged waits, any other waits no more.

        A latched signal waits, too: the condition is over, and nobody has seen it.
        """
        if alert.signal not in {Signal.ON, Signal.LATCHED}:
            if self._due.pop(alert.alert_id, None) is not None:
                self._save()
        elif alert.alert_id not in self._due:
            due = self._clock.monotonic() + self._after_seconds
            self._due[alert.alert_id] = (due, Message.from_alert(alert, text))
            self._save()

    def due(self) -> list[Message]:
        """Return the alerts that have waited long enough, the first to be due first; they stay until `done`."""
        if not self._is_saved:
            self._save()
        now = self._clock.monotonic()
        return [message for due, message in sorted(self._due.values(), key=lambda row: row[0]) if due <= now]

    def done(self, message: Message) -> None:
        """Escalate this alert no second time."""
        if message.alert is not None and message.alert.alert_id in self._due:
            del self._due[message.alert.alert_id]
            self._due[message.alert.alert_id] = (math.inf, message)
            escalated = [alert_id for alert_id, (due, _) in self._due.items() if math.isinf(due)]
            for alert_id in escalated[:-_MOST_ESCALATED]:
                del self._due[alert_id]
            self._save()

    def _load(self) -> None:
        if not self._path.exists():
            return
        try:
            rows = json.loads(self._path.read_text(encoding="utf-8"))
            for row in rows:
                alert = Alert.model_validate_json(row["alert"])
                waited = (self._clock.wall() - alert.determined_at).total_seconds()
                left = min(self._after_seconds, max(0.0, self._after_seconds - waited))
                due = math.inf if row["escalated"] else self._clock.monotonic() + left
                self._due[alert.alert_id] = (due, Message.from_alert(alert, row["alert"]))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ConfigError(f"{self._path} cannot be read; delete it to forget the escalations in it") from error

    def _save(self) -> None:
        """Store them; a disk that takes nothing holds up no mail, and is tried again."""
        rows = [{"alert": message.text, "escalated": math.isinf(due)} for due, message in self._due.values()]
        was_saved, self._is_saved = self._is_saved, False
        try:
            replace_private_file(self._path, json.dumps(rows))
        except OSError as error:
            if was_saved:
                _log.warning("cannot write %s (%s): a restart would not know who waits", self._path, error.strerror)
        else:
            self._is_saved = True
