"""Sends one notice to one device: encrypted for its browser, signed for its push service."""

import contextlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from monitor.clock import Clock
from monitor.config import PushSettings
from monitor.deadline import Deadline
from monitor.localization import Phrase
from monitor.web.push.devices import PushDevice
from monitor.web.push.services import service_of

__all__ = ["PushClient", "PushOutcome", "PushResult", "check_device_keys"]

_CONNECT_SECONDS, _ANSWER_SECONDS = 5.0, 10.0
_TOKEN_SECONDS = 6 * 3600
"""Push services refuse signatures that are valid for more than a day."""
_LONGEST_WAIT_SECONDS = 300.0
_TTL_SECONDS = 120
"""So long a push service waits for a device that is away: later the news is old."""


class PushOutcome(StrEnum):
    """What became of a notice: `gone` is a device that takes none any more, `away` a push service to try again."""

    DELIVERED = "delivered"
    GONE = "gone"
    REFUSED = "refused"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class PushResult:
    """What became of one notice.

    Attributes:
        outcome: What became of it.
        detail: For who keeps the station; holds no address of a device.
        wait_seconds: How long the push service wants to be left alone.
    """

    outcome: PushOutcome
    detail: str = ""
    wait_seconds: float = 0.0


def check_device_keys(p256dh: str, auth: str) -> None:
    """Check that what a browser gave is a public key on P-256 and a secret of 16 bytes.

    Raises:
        ValueError: It is not.
    """
    from cryptography.hazmat.primitives.asymmetric import ec
    from py_vapid.utils import b64urldecode

    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b64urldecode(p256dh.encode()))
        length = len(b64urldecode(auth.encode()))
    except (ValueError, TypeError) as error:
        raise ValueError("these are no keys of a browser") from error
    if length != 16:
        raise ValueError("these are no keys of a browser")


class PushClient:
    """Sends notices; may be used from several threads.

    Args:
        key: Of the station.
        settings: Whom to name, and which services there are.
        clock: Wall time, for the signature.
    """

    def __init__(self, key: Any, settings: PushSettings, clock: Clock) -> None:  # noqa: ANN401 - py-vapid has no types
        self._key = key
        self._settings = settings
        self._clock = clock

    def send(self, device: PushDevice, payload: bytes, topic: str, *, urgent: bool) -> PushResult:
        """Send one notice, within some seconds; where the service or the way to it is at fault, the result says so."""
        import requests
        from pywebpush import WebPusher

        if service_of(device.endpoint, self._settings.services) is None:
            return PushResult(PushOutcome.GONE, "its push service is not listed any more")
        keys = {"p256dh": device.p256dh, "auth": device.auth}
        body = WebPusher({"endpoint": device.endpoint, "keys": keys}).encode(payload)["body"]
        parts = urlsplit(device.endpoint)
        expires = int(self._clock.wall().timestamp()) + _TOKEN_SECONDS
        claims = {"sub": self._settings.contact, "aud": f"https://{parts.netloc}", "exp": expires}
        headers = {
            **self._key.sign(claims),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(_TTL_SECONDS),
            "Urgency": "high" if urgent else "normal",
            "Topic": topic,
        }
        authority = self._settings.tls_ca_file
        is_further = service_of(device.endpoint) is None
        deadline = Deadline(_CONNECT_SECONDS + _ANSWER_SECONDS)
        try:
            # What the service writes back is left unread: its status says all.
            with (
                deadline,
                _watched_session(deadline) as session,
                contextlib.closing(
                    session.post(
                        device.endpoint,
                        data=body,
                        headers=headers,
                        timeout=(_CONNECT_SECONDS, _ANSWER_SECONDS),
                        allow_redirects=False,
                        stream=True,
                        verify=str(authority) if authority is not None and is_further else True,
                    )
                ) as answer,
            ):
                return _result(int(answer.status_code), answer.headers.get("Retry-After", ""))
        except (requests.RequestException, OSError) as error:
            in_time = Phrase("it did not answer in time")
            return PushResult(PushOutcome.AWAY, in_time if deadline.is_over else _reason(error))


def _watched_session(deadline: Deadline) -> Any:  # noqa: ANN401 - requests publishes no types
    """Return a session whose connections, also those through a proxy, are cut at the deadline."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    class WatchedConnection(HTTPSConnection):
        def connect(self) -> None:
            deadline.watch(lambda: self.sock)
            super().connect()

    class WatchedPool(HTTPSConnectionPool):
        ConnectionCls = WatchedConnection

    class WatchedAdapter(HTTPAdapter):
        def init_poolmanager(
            self,
            connections: int,
            maxsize: int,
            block: bool = False,
            **options: Any,  # noqa: ANN401
        ) -> None:
            super().init_poolmanager(connections, maxsize, block, **options)
            self.poolmanager.pool_classes_by_scheme = pools

        def proxy_manager_for(self, proxy: str, **options: Any) -> Any:  # noqa: ANN401
            manager = super().proxy_manager_for(proxy, **options)
            manager.pool_classes_by_scheme = pools
            return manager

    pools = {"http": HTTPConnectionPool, "https": WatchedPool}
    session = requests.Session()
    session.mount("https://", WatchedAdapter())
    return session


def _result(status: int, retry_after: str) -> PushResult:
    if 200 <= status < 300:
        return PushResult(PushOutcome.DELIVERED)
    if status in {404, 410}:
        return PushResult(PushOutcome.GONE, f"the push service knows it no more (HTTP {status})")
    if status == 429 or status >= 500:
        wait = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
        return PushResult(
            PushOutcome.AWAY, Phrase("it answers with HTTP {status}", status=status), min(wait, _LONGEST_WAIT_SECONDS)
        )
    return PushResult(PushOutcome.REFUSED, f"HTTP {status}")


def _reason(error: Exception) -> str:
    """Return why a service was not reached, without the address of the device, which is a secret."""
    import requests

    if isinstance(error, requests.exceptions.SSLError):
        return Phrase("its certificate is not trusted")
    if isinstance(error, requests.exceptions.ProxyError):
        return Phrase("the proxy of HTTPS_PROXY does not let it pass")
    if isinstance(error, requests.Timeout):
        return Phrase("it did not answer in time")
    return Phrase("there is no way to it")
