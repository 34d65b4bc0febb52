"""`nicu-monitor run` as a process of a test's own."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

_START_SECONDS = 30.0


class Daemon:
    """The daemon with a configuration; started and stopped as a service manager would.

    Args:
        directory: For its configuration, state and log.
        config: The configuration's fields; `http.port` and `spool.directory` are chosen here.
        environment: Added to the process's own.
        namespace: Network namespace that it runs in; None: that of the test.
    """

    def __init__(
        self,
        directory: Path,
        config: dict[str, Any],
        environment: dict[str, str] | None = None,
        namespace: str | None = None,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.log = directory / "daemon.log"
        self.state = directory / "state"
        self._file = directory / "station.yaml"
        self._file.write_text(
            yaml.safe_dump({"http": {"port": 0}, "spool": {"directory": str(self.state)}, **config}), encoding="utf-8"
        )
        self._environment = {**os.environ, "PYTHONFAULTHANDLER": "1", **(environment or {})}
        self._inside = [] if namespace is None else ["ip", "netns", "exec", namespace]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            log.write(b"--- start ---\n")
            log.flush()
            command = [str(Path(sys.executable).parent / "nicu-monitor"), "run", "--config", str(self._file)]
            self._process = subprocess.Popen([*self._inside, *command], stdout=log, stderr=log, env=self._environment)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        if error is not None:
            print(f"--- {self.log} ---\n{self.output()[-12_000:]}")

    def end(self) -> None:
        """Kill it where it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    @property
    def config_file(self) -> Path:
        return self._file

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self, timeout_seconds: float = 15.0) -> int:
        """Send SIGTERM and return the exit code; if it does not end, its log says where each thread is."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGABRT)
            self._process.wait(10.0)
            raise

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def wait(self, timeout_seconds: float = _START_SECONDS) -> int:
        """Wait until it ends by itself and return the exit code."""
        assert self._process is not None
        return self._process.wait(timeout_seconds)

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def url(self) -> str | None:
        """Address of its HTTP server; None before it has one."""
        announced = re.findall(r"metrics at (http://\S+)/metrics", self.output().rpartition("--- start ---")[2])
        return announced[-1] if announced else None

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body of a request; (0, '') while nothing answers."""
        if self.url is None:
            return 0, ""
        if self._inside:
            return self._get_from_inside(f"{self.url}{path}")
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def _get_from_inside(self, url: str) -> tuple[int, str]:
        program = f"import urllib.request; print(urllib.request.urlopen({url!r}, timeout=5).read().decode())"
        command = [*self._inside, "/usr/bin/python3", "-c", program]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        return (200 if answer.returncode == 0 else 0), answer.stdout

    def is_ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    def metric(self, name: str, **labels: str) -> float | None:
        """Return the value of the first series that has these labels; None where there is none."""
        for line in self.get("/metrics")[1].splitlines():
            match = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
            if match is None:
                continue
            seen = dict(re.findall(r'(\w+)="([^"]*)"', match.group(1) or ""))
            if labels.items() <= seen.items():
                return float(match.group(2))
        return None


def alerts_in(client: Any, key: str = "nicu:alerts") -> list[dict[str, Any]]:
    """Every alert of a stream, oldest first."""
    return [json.loads(fields["alert"]) for _, fields in client.xrange(key)]
