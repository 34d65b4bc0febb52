"""One Redis primary, two replicas and three Sentinels, as real processes."""

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from ports import free_port
from redis_server import RedisServer, wait_until

_SERVICE = "ward"


class SentinelGroup:
    """A group that elects a new primary by itself; a context manager.

    Args:
        directory: For the files of all processes.
        down_after_seconds: Silence after which a Sentinel holds the primary for dead.
        host: Address by which all of them name each other.
        heir: Environment of the second server, which becomes the next primary; None leaves that to the Sentinels.
    """

    def __init__(
        self,
        directory: Path,
        down_after_seconds: float = 2.0,
        host: str = "127.0.0.1",
        heir: Mapping[str, str] | None = None,
    ) -> None:
        self._directory = directory
        self._host = host
        self._heir = heir
        self._down_after_ms = int(down_after_seconds * 1000)
        self.servers: list[RedisServer] = []
        self._ports: list[int] = []
        self._sentinels: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        """What a station's `redis.url` says."""
        hosts = ",".join(f"{self._host}:{port}" for port in self._ports)
        return f"redis+sentinel://{hosts}/{_SERVICE}/0"

    def primary(self) -> RedisServer:
        """The server that the Sentinels name now."""
        port = self._ask()
        return next(server for server in self.servers if server.port == port)

    def client(self) -> redis.Redis:
        """A connection to the present primary."""
        return self.primary().client()

    def __enter__(self) -> Self:
        for number in range(3):
            directory = self._directory / f"redis-{number}"
            directory.mkdir(parents=True)
            options = [
                "--repl-diskless-sync-delay",
                "0",
                "--min-replicas-to-write",
                "1",
                "--min-replicas-max-lag",
                "10",
            ]
            options += ["--bind", *self._interfaces(), "--protected-mode", "no", "--replica-announce-ip", self._host]
            if number:
                options += ["--replicaof", self._host, str(self.servers[0].port)]
            is_heir = number == 1 and self._heir is not None
            if self._heir is not None:
                options += ["--replica-priority", "1" if is_heir else "100"]
            server = RedisServer(directory, *options, environment=self._heir if is_heir else None)
            self.servers.append(server)
            server.start()
        first = self.servers[0]
        wait_until(lambda: first.client().info("replication")["connected_slaves"] == 2, 30, "two replicas")
        for number in range(3):
            port = free_port()
            file = self._directory / f"sentinel-{number}.conf"
            file.write_text(
                f"port {port}\nbind {' '.join(self._interfaces())}\nprotected-mode no\ndir {self._directory}\n"
                f"sentinel monitor {_SERVICE} {self._host} {first.port} 2\n"
                f"sentinel down-after-milliseconds {_SERVICE} {self._down_after_ms}\n"
                f"sentinel failover-timeout {_SERVICE} 10000\n"
            )
            with (self._directory / f"sentinel-{number}.log").open("wb") as log:
                command = ["redis-server", str(file), "--sentinel"]
                self._sentinels.append(subprocess.Popen(command, stdout=log, stderr=log))
            self._ports.append(port)
        wait_until(self._sentinels_know_each_other, 40, "the Sentinels' agreement")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._sentinels:
            process.kill()
            process.wait()
        for server in self.servers:
            server.__exit__(kind, error, trace)

    def _interfaces(self) -> list[str]:
        return sorted({"127.0.0.1", self._host})

    def restart_dead(self) -> None:
        """Start the servers that were killed again; the Sentinels make them replicas."""
        for server in self.servers:
            if not server.is_running:
                server.start()
        wait_until(self._sentinels_know_each_other, 60, "the Sentinels' agreement")

    def kill_primary(self) -> float:
        """Kill the primary, wait for a new one, and return how many seconds the election took."""
        before = self.primary()
        began = time.monotonic()
        before.kill()
        wait_until(lambda: self._ask() != before.port, 40, "a new primary")
        return time.monotonic() - began

    def _ask(self) -> int:
        for port in self._ports:
            client = redis.Redis(port=port, socket_timeout=1, decode_responses=True)
            try:
                return int(client.sentinel_master(_SERVICE)["port"])
            except redis.RedisError:
                continue
            finally:
                client.close()
        return 0

    def _sentinels_know_each_other(self) -> bool:
        for port in self._ports:
            client = redis.Redis(port=port, socket_timeout=1, decode_responses=True)
            try:
                state = client.sentinel_master(_SERVICE)
                if int(state["num-other-sentinels"]) < 2 or int(state["num-slaves"]) < 2:
                    return False
            except redis.RedisError:
                return False
            finally:
                client.close()
        return True
