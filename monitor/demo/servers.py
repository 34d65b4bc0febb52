"""Servers that the demo starts for itself on free ports of the loopback interface, and stops again."""

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

import redis

from monitor.errors import MonitorError

__all__ = ["LocalPrometheus", "LocalRedis", "LocalServer", "ends_with_parent", "free_port"]

_START_SECONDS = 15.0
_STOP_SECONDS = 5.0


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ends_with_parent(command: list[str]) -> list[str]:
    """Return a command whose process ends with the thread that starts it, also where that is killed."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", *command] if setpriv else command


class LocalServer(ABC):
    """A server process of its own; a context manager.

    Args:
        package: Debian package that holds the program, for the message when it is missing.
        command: Program and arguments.
        directory: Existing directory for its files and its log.

    Raises:
        MonitorError: On entering: the program is missing or does not answer.
    """

    def __init__(self, package: str, command: list[str], directory: Path) -> None:
        self._package = package
        self._command = command
        self._log = directory / f"{package}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def answers(self) -> bool:
        """Return whether the server is ready."""

    def __enter__(self) -> Self:
        """Start the server and wait until it answers."""
        if shutil.which(self._command[0]) is None:
            raise MonitorError(f"{self._command[0]} is not installed; run: apt-get install {self._package}")
        with self._log.open("wb") as log:
            # In a session of its own: Ctrl-C in a terminal is for the demo, which asks its servers once more.
            self._process = subprocess.Popen(  # noqa: S603 - fixed commands
                ends_with_parent(self._command), stdout=log, stderr=log, start_new_session=True
            )
        give_up = time.monotonic() + _START_SECONDS
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > give_up:
                self._stop()
                raise MonitorError(f"{self._command[0]} did not start; its last words: {self._last_words()}")
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server."""
        self._stop()

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "(none)"


class LocalRedis(LocalServer):
    """A redis-server without persistence on a free port."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory)]
        super().__init__("redis-server", ["redis-server", *options], directory)
        self._client = redis.Redis(port=self.port, socket_timeout=1)

    def answers(self) -> bool:
        """Return whether it answers PING."""
        try:
            return bool(self._client.ping())
        except redis.RedisError:
            return False

    def _stop(self) -> None:
        self._client.close()
        super()._stop()


class LocalPrometheus(LocalServer):
    """A Prometheus that scrapes one station every second."""

    def __init__(self, directory: Path, target: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        configuration = directory / "prometheus.yml"
        configuration.write_text(
            "global: {scrape_interval: 1s}\n"
            f"scrape_configs: [{{job_name: nicu-monitor, static_configs: [{{targets: ['{target}']}}]}}]\n"
        )
        options = [
            f"--config.file={configuration}",
            f"--storage.tsdb.path={directory / 'prometheus-data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]
        super().__init__("prometheus", ["prometheus", *options], directory)

    def answers(self) -> bool:
        """Return whether it reports that it is ready."""
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1) as answer:  # noqa: S310 - fixed http URL
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
