"""How a camera wants to be logged in to, asked before it gets a password.

GStreamer answers whatever a host asks for: Basic with the password in clear, to a host that has taken the camera's
address as well, and to the host that a camera redirects to. So a camera with a login that is reached without TLS is
first asked without one, and gets the login only where it asks for a digest that GStreamer can compute. A host that
asks differently the second time is not met by this; a certificate (rtsps, https) meets it.
"""

import re
import socket
import time
from urllib.parse import urlsplit

from monitor.phrases import Phrase
from monitor.video.address import SourceAddress, SourceKind
from monitor.video.faults import FaultKind, SourceFaultError

__all__ = ["check_login"]

_LARGEST_ANSWER = 16_384
_CHALLENGE = re.compile(r"^WWW-Authenticate:[ \t]*(\S+)[ \t]*(.*)$", re.IGNORECASE | re.MULTILINE)
_ALGORITHM = re.compile(r"\balgorithm\s*=\s*\"?([\w-]+)", re.IGNORECASE)
_DEFAULT_PORTS = {"rtsp": 554, "http": 80}


def check_login(address: SourceAddress, *, allow_basic: bool, timeout_seconds: float) -> None:
    """Return where the login may be given to the camera, or where the camera says nothing about one.

    Args:
        address: With a login, and without TLS.
        allow_basic: Whether the password may cross the line in clear.
        timeout_seconds: For the whole answer.

    Raises:
        SourceFaultError: The camera cannot be reached, redirects, or asks for a way to log in that is not known or not
            allowed.
    """
    answer = _ask(address, timeout_seconds)
    status = re.match(r"\S+ (\d{3})", answer)
    if status is not None and status[1].startswith("3"):
        raise SourceFaultError(
            FaultKind.REFUSED,
            Phrase(
                "{address} redirects to another address, which does not get the login; write that address",
                address=address.display,
            ),
        )
    if status is None or status[1] != "401":
        return
    basic, algorithms = False, set()
    for scheme, rest in _CHALLENGE.findall(answer):
        basic = basic or scheme.lower() == "basic"
        if scheme.lower() == "digest":
            found = _ALGORITHM.search(rest)
            algorithms.add(found[1].upper() if found else "MD5")
    if "MD5" in algorithms:
        return
    if algorithms:
        raise SourceFaultError(
            FaultKind.REFUSED,
            Phrase(
                "{address} asks for a digest login with {algorithms}, which is not known here; let the camera offer "
                "MD5 as well, or reach it over TLS with Basic",
                address=address.display,
                algorithms=" or ".join(sorted(algorithms)),
            ),
        )
    if basic and not allow_basic:
        raise SourceFaultError(
            FaultKind.REFUSED,
            Phrase(
                "{address} asks for the password in clear (Basic), and does not get it; switch the camera to digest or "
                "to TLS, or, on a network of the cameras' own, write allow_basic: true",
                address=address.display,
            ),
        )


def _ask(address: SourceAddress, timeout_seconds: float) -> str:
    """Return the head of the camera's answer to a request without a login; empty where it closes without one."""
    parts = urlsplit(address.location)
    host, port = parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]
    if address.kind is SourceKind.RTSP:
        lines = [f"DESCRIBE {address.location} RTSP/1.0", "CSeq: 1", "Accept: application/sdp"]
    else:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [f"GET {target} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close"]
    request = "\r\n".join([*lines, "User-Agent: nicu-monitor", "", ""]).encode()
    end_seconds = time.monotonic() + timeout_seconds
    received = b""
    try:
        with socket.create_connection((host, port), timeout_seconds) as connection:
            connection.sendall(request)
            while len(received) < _LARGEST_ANSWER and not re.search(rb"\r?\n\r?\n", received):
                # A host that sends a byte a second ends here as well: a time-out is never 0.
                connection.settimeout(max(0.001, end_seconds - time.monotonic()))
                chunk = connection.recv(4096)
                if not chunk:
                    break
                received += chunk
    except TimeoutError:
        raise SourceFaultError(
            FaultKind.UNREACHABLE,
            Phrase(
                "{address} does not answer within {seconds} s", address=address.display, seconds=f"{timeout_seconds:g}"
            ),
        ) from None
    except OSError:
        raise SourceFaultError(
            FaultKind.UNREACHABLE,
            Phrase(
                "{address} {fault}",
                address=address.display,
                fault=Phrase("cannot be reached; check that the camera is on and its address is right"),
            ),
        ) from None
    return received.decode("latin-1")
