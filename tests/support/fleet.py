"""Three Redis servers, three Sentinels and three stations that share twelve beds; how tests break them."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
import redis
import yaml
from daemon import Daemon, alerts_in
from ports import free_port
from redis_server import wait_until
from sentinels import SentinelGroup

PROGRAM = str(Path(sys.executable).parent / "nicu-monitor")
STATIONS = "abc"
BEDS = [f"bed-{number:02}" for number in range(12)]
HOMES = {bed: STATIONS[number % 3] for number, bed in enumerate(BEDS)}
ABSENT = BEDS[:3]
"""Their cameras are never there: an alarm that is on through everything, one of each station."""
SEEN = BEDS[3:]
WATCHED_BY_RTSP = "bed-07"
"""Of a camera that a test can kill."""


class Fleet:
    """Stations that share beds; a context manager. Each has a home for a third of the beds.

    Args:
        directory: For the files of all processes.
        host: Address by which Redis and the Sentinels name each other.
        namespaces: Network namespaces of stations that have one of their own.
        heir: See `SentinelGroup`.
        cameras: Addresses of cameras in place of the synthetic ones.
        capacity_beds: Of each station; four fifths of them are claimed.
        lease_seconds: Age at which a lease has run out.
    """

    def __init__(
        self,
        directory: Path,
        *,
        host: str = "127.0.0.1",
        namespaces: Mapping[str, str] | None = None,
        heir: Mapping[str, str] | None = None,
        cameras: Mapping[str, str] | None = None,
        capacity_beds: int = 10,
        lease_seconds: float = 7.0,
    ) -> None:
        self._directory = directory
        self._cameras = dict(cameras or {})
        self.group = SentinelGroup(directory / "redis", host=host, heir=heir)
        self.first_ids: dict[str, str] = {}
        self._settings: dict[str, Any] = {
            "fleet": {"capacity_beds": capacity_beds, "lease_seconds": lease_seconds},
            "analysis": {"frames_per_second": 1.0, "workers": 1},
            "faces": {"detection_size_px": 320},
            "web": {"enabled": False},
        }
        self._namespaces = dict(namespaces or {})
        self.stations: dict[str, Daemon] = {}

    def __enter__(self) -> Self:
        try:
            self.group.__enter__()
            for name in STATIONS:
                self.stations[name] = Daemon(
                    self._directory / name,
                    {
                        "station": {"id": name},
                        "redis": {"url": self.group.url, "timeout_seconds": 1.0, "replicas": 1},
                        **self._settings,
                    },
                    namespace=self._namespaces.get(name),
                )
            self._publish()
            for daemon in self.stations.values():
                daemon.start()
            self.settle()
            self.first_ids = self.absent_ids()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name, daemon in self.stations.items():
            daemon.end()
            if error is not None:
                print(f"--- {name} ---\n{daemon.output()[-5000:]}")
        self.group.__exit__(kind, error, trace)

    def settle(self) -> None:
        """Start what is not running, and wait until every bed is watched and the alarms are in the stream."""
        for daemon in self.stations.values():
            if not daemon.is_running:
                daemon.start()
        wait_until(self.is_whole, 120, "every bed has a living station")
        self.seconds_until_analysed(SEEN)
        wait_until(lambda: set(self.absent_ids()) == set(ABSENT), 90, "the absent cameras' alarms")

    def owners(self) -> dict[str, str]:
        """Return who has the lease of each bed, as the table says; nothing while it cannot be read."""
        return {bed: owner for bed, (owner, _) in self.leases().items()}

    def leases(self) -> dict[str, tuple[str, float]]:
        """Return owner and age in seconds of each bed's lease."""
        try:
            client = self.group.client()
            entries = {entry: bed for bed, entry in client.hgetall("nicu:beds:entries").items()}
            pending = client.xpending_range("nicu:beds:leases", "stations", "-", "+", 100)
        except (redis.RedisError, StopIteration):
            return {}
        return {
            entries[item["message_id"]]: (item["consumer"], item["time_since_delivered"] / 1000)
            for item in pending
            if item["message_id"] in entries
        }

    def is_whole(self) -> bool:
        """Return whether every bed has a station that confirmed its lease a moment ago."""
        leases = self.leases()
        return len(leases) == len(BEDS) and all(owner in STATIONS and age < 3.0 for owner, age in leases.values())

    def frames(self, names: Iterable[str] = STATIONS) -> dict[str, float]:
        """Return how many frames of each bed these stations have analysed since they took it."""
        found: dict[str, float] = {}
        for name in names:
            for line in self.stations[name].get("/metrics")[1].splitlines():
                if line.startswith("nicu_monitor_frames_analysed_total{"):
                    bed = line.partition('bed="')[2].partition('"')[0]
                    found[bed] = found.get(bed, 0.0) + float(line.rpartition(" ")[2])
        return found

    def seconds_until_analysed(self, beds: Iterable[str], names: Iterable[str] = STATIONS) -> float:
        """Wait until every bed has a frame that these stations analysed after now; return how long that took."""
        began, names, left = time.monotonic(), list(names), set(beds)
        # Station by station: where one of two lets go of a bed, the frames of both in all become fewer.
        before = {name: self.frames(name) for name in names}
        while left:
            for name in names:
                now = self.frames(name)
                left -= {bed for bed, count in now.items() if count > before[name].get(bed, 0.0)}
                before[name] = {bed: min(count, now.get(bed, 0.0)) for bed, count in before[name].items()}
            if time.monotonic() - began > 120:
                pytest.fail(f"not analysed again: {sorted(left)}")
            time.sleep(0.1)
        return time.monotonic() - began

    def alerts(self) -> list[dict[str, Any]]:
        """Return every record in the stream; nothing while it cannot be read."""
        try:
            return alerts_in(self.group.client())
        except (redis.RedisError, StopIteration):
            return []

    def absent_ids(self) -> dict[str, str]:
        """Return the newest alert id of each absent camera."""
        return {x["bed"]: x["alert_id"] for x in self.alerts() if x["code"] == "camera_lost" and x["bed"] in ABSENT}

    def missing_numbers(self) -> list[str]:
        """Return what a subscriber misses after it has removed repetitions; fail where one number says two things."""
        texts: dict[tuple[str, int], str] = {}
        for alert in self.alerts():
            text = json.dumps(alert, sort_keys=True)
            assert texts.setdefault((alert["producer_id"], alert["seq"]), text) == text, "one number, two alerts"
        missing = []
        for producer in {producer for producer, _ in texts}:
            numbers = {number for name, number in texts if name == producer}
            missing += [f"{producer} {number}" for number in range(1, max(numbers) + 1) if number not in numbers]
        return missing

    def check_nothing_lost(self) -> None:
        """Assert that the stream is complete and that the alarms that were on all the time have kept their ids."""
        wait_until(lambda: self.alerts() and not self.missing_numbers(), 40, "a complete stream")
        assert self.absent_ids() == self.first_ids
        for daemon in self.stations.values():
            text = daemon.output()
            assert "Traceback" not in text, text[text.index("Traceback") :][:3000]

    def _publish(self) -> None:
        beds = []
        for index, bed in enumerate(BEDS):
            url = self._cameras.get(bed, f"synthetic://calm?seed={index}&size=160x90&fps=2")
            if bed in ABSENT:
                url = f"rtsp://127.0.0.1:{free_port()}/x"
            beds.append({"id": bed, "home": HOMES[bed], "camera": {"url": url}})
        file = self._directory / "ward.yaml"
        file.write_text(yaml.safe_dump({"beds": beds}))
        publishing = [PROGRAM, "beds", "publish", str(file), "--config", str(self.stations["a"].config_file)]
        answer = subprocess.run(publishing, capture_output=True, text=True, timeout=120, check=False)
        assert answer.returncode == 0, answer.stderr


@contextmanager
def network_namespace(name: str, host: str, guest: str) -> Iterator[str]:
    """Make a network namespace that one cable connects with this one; yield the cable's end here; skip without rights.

    Args:
        name: Of the namespace; the cable's ends are called `<name>0` and `<name>1`.
        host: Address of the end here.
        guest: Address of the end in the namespace.
    """
    if shutil.which("ip") is None:
        pytest.skip("no network namespaces: the program ip is missing (apt-get install iproute2)")
    here, there = f"{name}0", f"{name}1"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"no network namespaces here, which need root: {made.stderr.strip()}")
    try:
        inside = ["ip", "netns", "exec", name, "ip"]
        for words in (
            ["ip", "link", "add", here, "type", "veth", "peer", "name", there],
            ["ip", "link", "set", there, "netns", name],
            ["ip", "addr", "add", f"{host}/30", "dev", here],
            ["ip", "link", "set", here, "up"],
            [*inside, "addr", "add", f"{guest}/30", "dev", there],
            [*inside, "link", "set", there, "up"],
            [*inside, "link", "set", "lo", "up"],
        ):
            subprocess.run(words, check=True, capture_output=True)
        yield here
    finally:
        subprocess.run(["ip", "link", "del", here], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
