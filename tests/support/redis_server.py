"""A redis-server that a test owns, and everything that can go wrong with one."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
import redis
from ports import free_port
from redis.backoff import NoBackoff
from redis.retry import Retry
from reliability import allowance

from monitor.config import RedisSettings

_START_SECONDS = 30.0


def wait_until(condition: Callable[[], object], timeout_seconds: float, what: str = "the condition") -> float:
    """Wait until `condition()` is true and return how many seconds that took; fail the test when it takes too long.

    On a machine with too much to do, the time is widened by its allowance.
    """
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > timeout_seconds * allowance():
            pytest.fail(f"{what} did not come true within {timeout_seconds} s")
        time.sleep(0.01)
    return time.monotonic() - began


class RedisServer:
    """A server on a port of its own. Its data survives `kill` (append-only file), as it should in a ward.

    Args:
        directory: Its files and its log.
        options: More command-line options.
        environment: Added to the process's own.
    """

    def __init__(self, directory: Path, *options: str, environment: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        self._environment = {**os.environ, **(environment or {})}
        self.port = free_port()
        self.options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: list[redis.Redis] = []

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def settings(self, **changes: object) -> RedisSettings:
        """Settings of a publisher that meets faults quickly."""
        bound_seconds = min(1.0, 0.5 * allowance())
        return RedisSettings.model_validate({"url": self.url, "timeout_seconds": bound_seconds, **changes})

    def client(self) -> redis.Redis:
        """A connection for the test itself, closed with the server."""
        client = redis.Redis(port=self.port, decode_responses=True, socket_timeout=5, protocol=2)
        self._clients.append(client)
        return client

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        if shutil.which("redis-server") is None:
            pytest.fail("redis-server is not installed; run: apt-get install redis-server")
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory)]
        command += ["--save", "", "--appendonly", "yes", "--unixsocket", str(self.directory / "redis.sock")]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen([*command, *self.options], stdout=log, stderr=log, env=self._environment)
        wait_until(self.answers, _START_SECONDS, "the start of redis-server")

    def answers(self) -> bool:
        client = redis.Redis(
            unix_socket_path=str(self.directory / "redis.sock"), socket_timeout=0.5, retry=Retry(NoBackoff(), 0)
        )
        try:
            return bool(client.ping())
        except redis.AuthenticationError:
            return True
        except redis.RedisError:
            return False
        finally:
            client.close()

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power switch would."""
        self._end(signal.SIGKILL)

    def hang(self) -> None:
        """Connections stay open and nothing answers."""
        os.kill(self._running().pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self._running().pid, signal.SIGCONT)

    def lose_data(self) -> None:
        """Delete what a stopped server had on disk."""
        for path in self.directory.glob("appendonly*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def make_read_only(self) -> None:
        """Turn it into a replica of nobody, as after a failover to the other side."""
        self._admin("REPLICAOF", "127.0.0.1", "1")

    def make_writable(self) -> None:
        self._admin("REPLICAOF", "NO", "ONE")

    def exhaust_memory(self) -> None:
        self._admin("CONFIG", "SET", "maxmemory", "1")

    def free_memory(self) -> None:
        self._admin("CONFIG", "SET", "maxmemory", "0")

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            client.close()
        self.kill()

    def _admin(self, *words: str) -> None:
        client = redis.Redis(port=self.port, socket_timeout=5)
        try:
            client.execute_command(*words)
        finally:
            client.close()

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server is not running"
        return self._process

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        if how is not signal.SIGKILL:
            self._process.send_signal(signal.SIGCONT)
        try:
            self._process.wait(10)
        finally:
            self._process.kill()
            self._process.wait()
            self._process = None
