"""A staged station in a process of its own, whose beds a test sets."""

import json
import select
import signal
import subprocess
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

from forker import Forker
from ports import free_port
from recorded_board import write_day

# Quick alarms, so that a test lives through a whole one in seconds.
QUICK_ALARMS = {
    "level_tau_seconds": 0.5,
    "display_tau_seconds": 0.5,
    "hold_seconds": 0.5,
    "clear_seconds": 1.0,
    "merge_seconds": 2.0,
    "window_seconds": 5.0,
    "indeterminate_after_seconds": 1.0,
    "face_lost_after_seconds": 2.0,
    "camera_lost_after_seconds": 0.5,
}


class Stage:
    """A staged station."""

    def __init__(
        self,
        forker: Forker,
        directory: Path,
        config: dict,
        past: list,
        *,
        pseudo: bool = False,
        day: bool = False,
        patient: bool = False,
        ward: str | None = None,
        slow: bool = False,
    ) -> None:
        self.forker = forker
        self.directory = directory
        self.file = directory / "station.json"
        self.file.write_text(json.dumps(config))
        if day:
            beds = len(config["beds"])
            write_day(Path(config["spool"]["directory"]) / "history", datetime.now(tz=UTC), beds)
        self.past = past
        self.options = [*(["--pseudo"] if pseudo else []), *(["--patient"] if patient else [])]
        self.options += ["--slow"] if slow else []
        self.options += [] if ward is None else ["--ward", ward]
        self.url = ""
        self.process = None

    def start(self) -> None:
        self.log = (self.directory / "station.log").open("ab")
        arguments = [str(self.file), "--past", json.dumps(self.past), *self.options]
        self.process = self.forker.start(arguments, self.directory, self.log)
        ready, _, _ = select.select([self.process.stdout], [], [], 60)
        self.url = self.process.stdout.readline().strip() if ready else ""
        assert self.url, (self.directory / "station.log").read_text()
        give_up = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/healthz", timeout=20).close()
            except (urllib.error.URLError, OSError):
                assert time.monotonic() < give_up, (self.directory / "station.log").read_text()
                time.sleep(0.1)
            else:
                return

    def set_bed(self, bed: str, **facts) -> None:
        self.process.stdin.write(json.dumps({"bed": bed, **facts}) + "\n")
        self.process.stdin.flush()

    def reload(self, **alarms) -> None:
        """Write other alarm settings to the configuration, and let the station read it again."""
        config = json.loads(self.file.read_text())
        self.file.write_text(json.dumps({**config, "alarms": {**config["alarms"], **alarms}}))
        self.process.stdin.write(json.dumps({"reload": True}) + "\n")
        self.process.stdin.flush()

    def alerts(self, bed: str) -> list[dict]:
        # The token is that of the users file of these tests; where there is none, anybody may read.
        headers = {} if "users_file" not in self.file.read_text() else {"Authorization": "Bearer " + "t" * 43}
        request = urllib.request.Request(f"{self.url}/api/v1/alerts?bed={bed}", headers=headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def wait_for_phase(self, bed: str, phase: str) -> None:
        give_up = time.monotonic() + 40
        while not any(item["alert"]["phase"] == phase for item in self.alerts(bed)):
            assert time.monotonic() < give_up, f"{bed} never came to {phase}: {self.alerts(bed)}"
            time.sleep(0.1)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            code = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # it writes where each thread is
            self.process.wait(20)
            raise AssertionError(f"the station does not stop:\n{self.log_text()}") from None
        finally:
            self.process.kill()
            self.process.wait(20)
            self.process.stdin.close()
            self.process.stdout.close()
            self.log.close()
        return code

    def log_text(self) -> str:
        return (self.directory / "station.log").read_text()


def config_of(directory: Path, beds: int | list = 2, **sections) -> dict:
    if isinstance(beds, int):
        beds = [{"id": f"bed-{n}", "camera": {"url": "synthetic://calm"}} for n in range(1, beds + 1)]
    return {
        "beds": beds,
        "alarms": QUICK_ALARMS,
        "spool": {"directory": str(directory / "state")},
        "http": {"port": free_port()},
        "web": {"anonymous_role": "nurse"},
        **sections,
    }
