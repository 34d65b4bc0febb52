"""A socket in the state directory through which programs of the same user ask a running station for something.

One line of JSON there, one line of JSON back. A process that can open the directory owns the station; the peer's user
is checked besides. The path is opened through its directory, for the name of a Unix socket has at most 107 bytes.
"""

import json
import logging
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from monitor.errors import ConfigError, MonitorError
from monitor.loops import run_until_done

__all__ = ["LocalSocket", "ask_station"]

_log = logging.getLogger(__name__)

_NAME = "control.sock"
_NEW_NAME = "control.sock.new"
_ACCEPT_SECONDS = 1.0
_READ_SECONDS = 5.0
_LONGEST_BYTES = 65_536

Request = Mapping[str, Any]


class LocalSocket:
    """The station's end, on a thread of its own.

    Args:
        directory: The state directory.
        answer: Does what a request asks and returns JSON values; raises MonitorError where it cannot.
        ticked: Called at every turn of the loop, about once a second.
    """

    def __init__(
        self, directory: Path, answer: Callable[[Request], Request], ticked: Callable[[], None] = lambda: None
    ) -> None:
        self._directory = directory
        self._answer = answer
        self._ticked = ticked
        self._stopping = threading.Event()
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="control-socket", daemon=True)

    def start(self) -> None:
        """Start to answer; where the directory cannot hold a socket, the station goes on without one."""
        self._thread.start()

    def stop(self, timeout_seconds: float = 3.0) -> None:
        """End the thread and remove the socket; safe to call twice."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)

    def _run(self) -> None:
        run_until_done(self._turn, "the control socket", _ACCEPT_SECONDS)
        if self._socket is not None:
            self._socket.close()
            with suppress(OSError):
                (self._directory / _NAME).unlink()

    def _turn(self) -> bool:
        self._ticked()
        if self._stopping.is_set():
            return True
        if self._socket is None:
            self._socket = self._listen()
        if self._socket is None:
            return self._stopping.wait(_ACCEPT_SECONDS)
        try:
            peer, _ = self._socket.accept()
        except TimeoutError:
            return False
        with peer:
            peer.settimeout(_READ_SECONDS)
            with suppress(OSError):
                peer.sendall(json.dumps(self._reply(peer)).encode() + b"\n")
        return False

    def _listen(self) -> socket.socket | None:
        listener = socket.socket(socket.AF_UNIX)
        try:
            with suppress(FileNotFoundError):
                (self._directory / _NEW_NAME).unlink()
            with _short_path(self._directory, _NEW_NAME) as path:
                listener.bind(path)
            (self._directory / _NEW_NAME).chmod(0o600)
            listener.listen(8)
            # Whoever sees the name is answered. One of an earlier run is replaced; the spool's lock keeps others away.
            (self._directory / _NEW_NAME).replace(self._directory / _NAME)
        except OSError as error:
            _log.warning("no control socket in %s (%s): use SIGHUP to reload", self._directory, error.strerror)
            listener.close()
            self._stopping.wait(30.0)
            return None
        listener.settimeout(_ACCEPT_SECONDS)
        return listener

    def _reply(self, peer: socket.socket) -> Request:
        _, user, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if user not in {0, os.geteuid()}:
            return {"error": "only the user that runs the station may ask it for something"}
        try:
            request = json.loads(_read_line(peer))
        except (ValueError, RecursionError, OSError):
            return {"error": "a request is one line of JSON"}
        if not isinstance(request, dict):
            return {"error": "a request is one JSON object"}
        try:
            return self._answer(request)
        except MonitorError as error:
            return {"error": str(error)}
        except Exception:  # noqa: BLE001 - who asked waits for an answer
            _log.exception("a request through the control socket failed in an unforeseen way")
            return {"error": "the station failed to do it; see its log"}


def ask_station(directory: Path, request: Request, timeout_seconds: float = 60.0) -> dict[str, Any]:
    """Ask the station that runs with this state directory, and return its answer.

    Raises:
        ConfigError: No station runs there, or it refuses; the message says why.
    """
    try:
        with _short_path(directory) as path, socket.socket(socket.AF_UNIX) as station:
            station.settimeout(timeout_seconds)
            station.connect(path)
            station.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(_read_line(station))
    except (OSError, ValueError):
        raise ConfigError(
            f"no station answers at {directory / _NAME}; check that it runs, with this configuration and as this user"
        ) from None
    if not isinstance(answer, dict) or "error" in answer:
        raise ConfigError(str(answer["error"]) if isinstance(answer, dict) else "the station's answer is damaged")
    return answer


@contextmanager
def _short_path(directory: Path, name: str = _NAME) -> Iterator[str]:
    """Yield a path to the socket that is short enough whatever the directory is called."""
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{opened}/{name}"
    finally:
        os.close(opened)


def _read_line(peer: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n") and len(line) <= _LONGEST_BYTES:
        part = peer.recv(4096)
        if not part:
            break
        line += part
    return line
