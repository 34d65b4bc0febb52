"""Alerts as JSON over HTTP, signed."""

import hashlib
import hmac
import socket
from typing import Any

import httpx

from monitor.clock import Clock
from monitor.deadline import Deadline
from monitor.forwarding.message import DeliveryError, Message, MessageRefusedError
from monitor.forwarding.settings import WebhookSettings, read_secret
from monitor.tls import tls_context

__all__ = ["Webhook", "sign"]

# Of the answers that say "your request", these say "later".
_LATER = frozenset({408, 425, 429})
_CLIENT_ERROR, _SERVER_ERROR, _SUCCESS = range(400, 500), range(500, 600), range(200, 300)


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a request: HMAC-SHA-256 (RFC 2104) over `timestamp`, a full stop and the body, in hex."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class Webhook:
    """One HTTP endpoint. Redirects are not followed: a signed alert goes to the configured host alone.

    Args:
        settings: Where to, and the secret.
        clock: The time that is signed with a request, by which a receiver refuses old copies.

    Raises:
        ConfigError: The secret or the authority cannot be read.
    """

    def __init__(self, settings: WebhookSettings, clock: Clock) -> None:
        self._url = str(settings.url)
        self._secret = read_secret(settings.secret_file, f"{settings.name}.secret_file")
        self._clock = clock
        self._timeout_seconds = settings.timeout_seconds
        self._tls = tls_context(settings.ca_file, f"{settings.name}.ca_file")
        self._client: httpx.Client | None = None
        self._socket: socket.socket | None = None

    def send(self, message: Message) -> None:
        """Send one message.

        Raises:
            MessageRefusedError: The server will never take it (400 to 499), or its key fits no header.
            DeliveryError: It cannot be reached, or failed.
        """
        body = message.to_json().encode()
        timestamp = str(int(self._clock.wall().timestamp()))
        headers = {"Content-Type": "application/json", "Idempotency-Key": message.key, "X-Nicu-Timestamp": timestamp}
        if self._secret is not None:
            headers["X-Nicu-Signature"] = f"sha256={sign(self._secret, timestamp, body)}"
        if self._client is None:
            self._client = httpx.Client(
                timeout=self._timeout_seconds, verify=self._tls, follow_redirects=False, trust_env=False
            )
        deadline = Deadline(self._timeout_seconds)
        deadline.watch(lambda: self._socket)
        try:
            # The body of the answer says nothing more, and may have no end.
            with (
                deadline,
                self._client.stream(
                    "POST", self._url, content=body, headers=headers, extensions={"trace": self._note_socket}
                ) as answer,
            ):
                status = answer.status_code
        except httpx.LocalProtocolError as error:
            raise MessageRefusedError("a header cannot hold its key") from error
        except httpx.HTTPError as error:
            reason = "in time" if deadline.is_over else f"({type(error).__name__})"
            raise DeliveryError(f"the server does not answer {reason}") from error
        if status in _CLIENT_ERROR and status not in _LATER:
            raise MessageRefusedError(f"the server refused it (HTTP {status})")
        if status not in _SUCCESS:
            raise DeliveryError(f"the server answered HTTP {status}")

    def _note_socket(self, event: str, info: dict[str, Any]) -> None:
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            self._socket = info["return_value"].get_extra_info("socket")

    def close(self) -> None:
        """Close the connections; the next message opens new ones."""
        if self._client is not None:
            self._client.close()
            self._client = self._socket = None
