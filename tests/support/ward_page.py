"""`nicu-monitor ward` as a process of a test's own."""

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from ports import free_port


class WardPage:
    """The page of a ward; anybody may read it, unless `web` says otherwise.

    Args:
        directory: For its configuration, state and log; made where it is missing.
        redis: Fields of the configuration's `redis`.
        fleet: Those of `fleet`.
        web: Those of `web`.
    """

    def __init__(
        self,
        directory: Path,
        redis: dict[str, Any],
        *,
        fleet: dict[str, Any] | None = None,
        web: dict[str, Any] | None = None,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = directory / "ward.log"
        self._file = directory / "ward.yaml"
        fields = {
            "station": {"id": "ward"},
            "fleet": fleet or {},
            "redis": redis,
            "http": {"port": port},
            "web": web or {"anonymous_role": "viewer"},
            "spool": {"directory": str(directory / "state")},
        }
        self._file.write_text(yaml.safe_dump(fields), encoding="utf-8")

    def __enter__(self) -> Self:
        program = str(Path(sys.executable).parent / "nicu-monitor")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([program, "ward", str(self._file)], stdout=log, stderr=log)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            code = self._process.wait(60)
        finally:
            self._process.kill()
            self._process.wait(20)
        said = self._log.read_text(encoding="utf-8")
        assert (code, "Traceback" in said) == (0, False), said

    @property
    def pid(self) -> int:
        """Id of the process."""
        return self._process.pid
