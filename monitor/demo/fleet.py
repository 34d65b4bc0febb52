"""The demo of several stations: one of them is killed, and the others go on with its beds."""

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from redis.exceptions import RedisError
from rich.console import Console
from rich.live import Live

from monitor.config import StationConfig
from monitor.config.base import first_mistake
from monitor.config.fleet import FleetBed
from monitor.delivery.keys import Keys
from monitor.delivery.redis_client import RedisClient, connect_redis, redis_address
from monitor.delivery.redis_errors import describe_failure
from monitor.demo.cameras import CameraProcess
from monitor.demo.screen import draw
from monitor.demo.servers import LocalRedis
from monitor.errors import MonitorError, PublishError
from monitor.fleet.lease_table import LeaseTable
from monitor.ward.ward import Ward

__all__ = ["FleetDemo", "StationProcess"]

KILLED_AFTER_SECONDS = 30.0
_LEASE_SECONDS = 5.0
_STOP_SECONDS = 15.0
_START = "from monitor.cli import main; main()"


class StationProcess:
    """A station in a process of its own.

    Args:
        name: Its id.
        directory: For its configuration, state and log.
        redis_url: Where beds and alerts are.
        key_prefix: Of their keys.
    """

    def __init__(self, name: str, directory: Path, redis_url: str, key_prefix: str) -> None:
        self.name = name
        home = directory / name
        home.mkdir()
        file = home / "station.yaml"  # YAML takes JSON
        fields = {
            "station": {"id": name},
            "fleet": {"lease_seconds": _LEASE_SECONDS, "capacity_beds": 5},
            "redis": {"url": redis_url, "key_prefix": key_prefix},
            "http": {"port": 0},
            "web": {"enabled": False},
            "spool": {"directory": str(home / "state")},
        }
        file.write_text(json.dumps(fields), encoding="utf-8")
        self._log = (home / "log").open("wb")
        self._process = subprocess.Popen(  # noqa: S603 - this program itself
            [sys.executable, "-c", _START, "run", "--config", str(file)],
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C in a terminal is for the demo
        )

    def kill(self) -> None:
        """End it as a power switch would."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it in order."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._log.close()


class FleetDemo:
    """Cameras, Redis, stations and the page of the ward.

    Args:
        running: Stops everything.
        directory: For everybody's files.
        beds: Bed id to scenario.
        stations: How many.
        redis_url: Redis to use; None starts one.
        http_port: For the ward's page; 0 takes a free one.
    """

    def __init__(
        self,
        running: ExitStack,
        directory: Path,
        beds: dict[str, str],
        stations: int,
        redis_url: str | None,
        http_port: int,
    ) -> None:
        url = redis_url or running.enter_context(LocalRedis(directory)).url
        cameras = running.enter_context(CameraProcess(beds))
        self._addresses = {f"camera of {bed}": address for bed, address in cameras.urls.items()}
        names = [f"station-{number}" for number in range(1, stations + 1)]
        config = _ward_config(url, directory, http_port)
        self._addresses["redis"] = redis_address(config.redis)
        client = connect_redis(config.redis)
        running.callback(client.close)
        table = LeaseTable(client, Keys(config.redis.key_prefix, "demo"))
        try:
            for index, (bed, address) in enumerate(cameras.urls.items()):
                table.publish(FleetBed(id=bed, home=names[index % len(names)], camera={"url": address}))
        except RedisError as error:
            raise PublishError(describe_failure(error, redis_address(config.redis))) from None
        running.callback(_remove_keys, client, config.redis.key_prefix)
        self._ward = running.enter_context(Ward(config))
        self._addresses |= {"page": f"{self._ward.server.url}/", "ward": f"{self._ward.server.url}/api/v1/ward"}
        self._stations = {}
        for name in names:
            self._stations[name] = StationProcess(name, directory, url, config.redis.key_prefix)
            running.callback(self._stations[name].stop)
        self._beds = tuple(beds)
        self._events: list[dict[str, Any]] = []
        self._began_seconds = time.monotonic()

    @property
    def page(self) -> str:
        """Address of the ward's page."""
        return self._addresses["page"]

    def watch(self, duration_seconds: float, stop: threading.Event) -> None:
        """Show what happens; kill the first bed's station once all are watched and half a minute has passed."""
        console = Console(stderr=True)
        end = self._began_seconds + duration_seconds if duration_seconds else float("inf")
        owners: dict[str, str | None] = {}
        killed: str | None = None
        if not console.is_terminal:  # the screen below, which says it, is for terminals
            console.print(f"its page: {self._addresses['page']}", soft_wrap=True)
        with Live(console=console, refresh_per_second=4, transient=True) as live:
            while not stop.is_set() and time.monotonic() < end:
                view = self._ward.reader.view
                if dict(view.beds) != owners:
                    owners = dict(view.beds)
                    self._note(console, owners=owners)
                if (
                    killed is None
                    and self._seconds() >= KILLED_AFTER_SECONDS
                    and all(owners.get(bed) for bed in self._beds)
                ):
                    killed = owners[self._beds[0]]
                    self._stations[str(killed)].kill()
                    self._note(console, killed=killed)
                live.update(draw(self._ward.board.snapshot(), self._addresses, self._seconds()))
                stop.wait(0.25)

    def result(self) -> dict[str, Any]:
        """Return what happened; `ok` is None where it was too short to see a bed taken over."""
        killed = next((event for event in self._events if "killed" in event), None)
        whole = [
            event["seconds"]
            for event in self._events
            if killed is not None
            and event["seconds"] > killed["seconds"]
            and "owners" in event
            and all(event["owners"].get(bed) not in {None, killed["killed"]} for bed in self._beds)
        ]
        taken = round(whole[0] - killed["seconds"], 1) if whole and killed is not None else None
        return {
            "ok": None if killed is None else taken is not None,
            "killed": None if killed is None else killed["killed"],
            "taken_over_seconds": taken,
            "events": self._events,
            "addresses": self._addresses,
        }

    def _seconds(self) -> float:
        return time.monotonic() - self._began_seconds

    def _note(self, console: Console, **event: Any) -> None:  # noqa: ANN401 - JSON values
        seconds = round(self._seconds(), 1)
        self._events.append({"seconds": seconds, **event})
        if "killed" in event:
            console.print(f"{seconds:5.1f} s: {event['killed']} is killed")
        else:
            watched = ", ".join(f"{bed} by {name or 'NOBODY'}" for bed, name in event["owners"].items())
            console.print(f"{seconds:5.1f} s: watched are {watched or 'no beds yet'}")


def _ward_config(redis_url: str, directory: Path, http_port: int) -> StationConfig:
    try:
        return StationConfig.model_validate(
            {
                "station": {"id": "demo-ward"},
                "fleet": {"lease_seconds": _LEASE_SECONDS},
                # In a Redis that is in use, these beds are nobody else's, and no other station's are the demo's.
                "redis": {"url": redis_url, "key_prefix": f"nicu-demo-{os.getpid()}"},
                "spool": {"directory": directory / "ward"},
                "http": {"host": "127.0.0.1", "port": http_port},
                # Everybody on this machine may look and acknowledge: nobody real lies in these beds.
                "web": {"anonymous_role": "nurse"},
            }
        )
    except ValidationError as error:
        raise MonitorError(f"the demo cannot be configured: {first_mistake(error)}") from None


def _remove_keys(client: RedisClient, prefix: str) -> None:
    """Leave nothing behind in a Redis that is in use."""
    with suppress(RedisError):
        for key in client.scan_iter(match=f"{prefix}:*", count=1000):
            client.delete(key)
