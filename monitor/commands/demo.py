"""`nicu-monitor demo`: two synthetic infants, everything else real."""

import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import webbrowser
from collections import deque
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError
from rich.console import Console
from rich.live import Live

from monitor.alerts.record import GenerationMode
from monitor.cli_framework import EXIT_NO, NumberRange, OutputFile, examples
from monitor.commands.signal_event import SignalEvent
from monitor.config import LogSettings, StationConfig
from monitor.config.base import first_mistake
from monitor.config.file import read_config
from monitor.delivery.redis_client import redis_address
from monitor.demo.cameras import FULL_SIZE_PX, CameraProcess
from monitor.demo.fleet import FleetDemo
from monitor.demo.screen import draw
from monitor.demo.servers import LocalPrometheus, LocalRedis
from monitor.demo.summary import count_in_prometheus, count_in_redis, percentiles
from monitor.errors import MonitorError
from monitor.logs import configure
from monitor.pipeline.bed_pipeline import BedPipeline, FrameResult
from monitor.station.station import Station

__all__ = ["command"]

BEDS = {"bed-pain": "pain?seed=3", "bed-calm": "calm?seed=8"}
_KEPT_AGES = 100_000
_PAIN_CODES = ("pain_sign", "pain_sustained")
# A shorter demo need not contain the end of an episode.
_WHOLE_EPISODE_SECONDS = 55.0
_LATE_SECONDS = 30.0
_SETTLED_SECONDS = 20.0
_ENOUGH_RATE = 2.0


@click.command(epilog=examples("nicu-monitor demo", "nicu-monitor demo --duration 60 --summary s.json"))
@click.option("--duration", type=NumberRange(min=0), default=0.0, help="Seconds; until Ctrl-C when absent or 0.")
@click.option("--summary", type=OutputFile(), help="Write what happened as JSON.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Take Redis, models and alarms from it.")
@click.option("--redis-url", envvar="NICU_REDIS_URL", help="Use this Redis instead of one of its own.")
@click.option("--http-port", type=click.IntRange(0, 65_535), default=0, help="For page and metrics; a free one.")
@click.option(
    "--stations",
    type=click.IntRange(1, 8),
    default=1,
    help="More than 1: they share the beds; one of them is killed after 30 s, and the page shows the ward.",
)
@click.option("--browser/--no-browser", default=None, help="Open the page.  [default: on a desktop]")
def command(
    duration: float,
    summary: Path | None,
    config_file: Path | None,
    redis_url: str | None,
    http_port: int,
    stations: int,
    *,
    browser: bool | None,
) -> int:
    """Watch two synthetic infants over real RTSP: bed-pain has pain episodes, bed-calm has none.

    Alerts go to a real Redis, metrics to a real Prometheus where it is installed; both are the demo's own, on free
    ports, unless a Redis is configured. Synthetic infants show that the software works, and nothing about real ones.

    Exit code 1 when a whole episode was watched and its start and end did not arrive, or the calm bed alarmed.
    """
    # A second demo must be able to run beside the first one, and its log must not tear up the screen.
    configure(LogSettings(level="error"))
    stop = SignalEvent()
    # A terminal that is closed hangs up: servers must not outlive it.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as running:
        directory = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="nicu-demo-")))
        if stations > 1:
            if config_file is not None:
                raise click.UsageError("--config goes with one station")
            return _show_fleet(
                FleetDemo(running, directory, BEDS, stations, redis_url, http_port), duration, stop, summary
            )
        demo = _Demo(running, directory, config_file, redis_url, http_port)
        if _has_desktop() if browser is None else browser:
            webbrowser.open(demo.addresses()["page"])
        demo.watch(duration, stop)
        result = demo.result()
    if summary is not None:
        summary.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    _print_summary(result)
    return 0 if result["ok"] is not False else EXIT_NO


def _show_fleet(demo: FleetDemo, duration: float, stop: threading.Event, summary: Path | None) -> int:
    """Show several stations; 1 when the beds of the killed one were not taken over."""
    if _has_desktop():
        webbrowser.open(demo.page)
    demo.watch(duration, stop)
    result = demo.result()
    if summary is not None:
        summary.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    if result["ok"] is None:
        click.echo("too short: a station is killed after 30 s")
    elif result["ok"]:
        click.echo(f"{result['killed']} was killed; its beds were watched again after {result['taken_over_seconds']} s")
    else:
        click.echo(f"NOT as expected: {result['killed']} was killed, and its beds were not taken over")
    return EXIT_NO if result["ok"] is False else 0


def _has_desktop() -> bool:
    """Return whether somebody sits before a screen on which a browser can open."""
    return sys.stderr.isatty() and bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


class _Demo:
    """Everything that runs; stopped by the stack that it was given."""

    def __init__(
        self, running: ExitStack, directory: Path, config_file: Path | None, redis_url: str | None, http_port: int
    ) -> None:
        console = Console(stderr=True)
        console.print("starting cameras, Redis and the station ...")
        base = None if config_file is None else read_config(config_file)
        has_redis = base is not None and "redis" in base.model_fields_set
        if redis_url is None and not has_redis:
            redis_url = running.enter_context(LocalRedis(directory)).url
        self._cameras = running.enter_context(CameraProcess(BEDS))
        if self._cameras.size_px != FULL_SIZE_PX:
            console.print(_slow_machine(self._cameras.size_px))
        self._config = _configuration(base, self._cameras.urls, directory, redis_url, http_port)
        self._ages: deque[float] = deque(maxlen=_KEPT_AGES)
        self._faces = dict.fromkeys(BEDS, 0)
        self._analysed = dict.fromkeys(BEDS, 0)
        self._station = running.enter_context(Station(self._config, GenerationMode.DEMO, on_result=self._note))
        assert self._station.server is not None  # noqa: S101 - it has started
        self._url = self._station.server.url
        self._prometheus: LocalPrometheus | None = None
        if shutil.which("prometheus") is not None:
            self._prometheus = running.enter_context(LocalPrometheus(directory, self._url.removeprefix("http://")))
        self._began_seconds = time.monotonic()

    def _note(self, bed: BedPipeline, result: FrameResult, age_seconds: float) -> None:
        self._ages.append(age_seconds)
        self._analysed[bed.id] += 1
        self._faces[bed.id] += result.frame_faces is not None and result.frame_faces.patient is not None

    def watch(self, duration_seconds: float, stop: threading.Event) -> None:
        """Show what happens until the time is over or somebody stops it."""
        end = self._began_seconds + duration_seconds if duration_seconds else float("inf")
        console = Console(stderr=True)
        if not console.is_terminal:  # the screen below, which says it, is for terminals
            console.print(f"its page: {self.addresses()['page']}", soft_wrap=True)
        with Live(console=console, refresh_per_second=4, transient=True) as live:
            while not stop.is_set() and time.monotonic() < end:
                snapshot = self._station.board.snapshot()
                live.update(draw(snapshot, self.addresses(), time.monotonic() - self._began_seconds))
                stop.wait(min(0.5, max(0.0, end - time.monotonic())))
        if duration_seconds >= _WHOLE_EPISODE_SECONDS:
            self._wait_for_the_end(stop)

    def _wait_for_the_end(self, stop: threading.Event) -> None:
        """Let the first alarm come and end, where a slow or busy machine is late with it."""
        give_up = time.monotonic() + _LATE_SECONDS
        while not stop.is_set() and time.monotonic() < give_up:
            pain = count_in_redis(self._config.redis, self._config.station.id).get("bed-pain", {}).get("pain_sign", {})
            if 0 < pain.get("start", 0) <= pain.get("end", 0):
                return
            stop.wait(0.5)

    def addresses(self) -> dict[str, str]:
        """Return where everything can be found."""
        found = {f"camera of {bed}": url for bed, url in self._cameras.urls.items()}
        found["redis"] = redis_address(self._config.redis)
        found["page"] = f"{self._url}/"
        found["metrics"] = f"{self._url}/metrics"
        if self._prometheus is not None:
            found["prometheus"] = self._prometheus.url
        return found

    def result(self) -> dict[str, Any]:
        """Return what happened, as read back from Redis and Prometheus."""
        seconds = time.monotonic() - self._began_seconds
        self._wait_until_published()
        alerts = count_in_redis(self._config.redis, self._config.station.id)
        frames: dict[str, Any] = {}
        for bed, camera in self._station.cameras.items():
            status = camera.status()
            frames[bed] = {
                "decoded": status.pictures,
                "analysed": self._analysed[bed],
                "with_face": self._faces[bed],
                "dropped": {str(cause): count for cause, count in status.drops.items()},
            }
        return {
            "ok": _verdict(alerts, seconds),
            "duration_seconds": round(seconds, 1),
            "generation_mode": str(GenerationMode.DEMO),
            "beds": BEDS,
            "camera_px": self._cameras.size_px,
            "frames": frames,
            "alerts": alerts,
            "alerts_in_prometheus": (
                None if self._prometheus is None else count_in_prometheus(self._prometheus.url, alerts)
            ),
            "latency_seconds": percentiles(self._ages),
            "addresses": self.addresses(),
        }

    def _wait_until_published(self) -> None:
        give_up = time.monotonic() + 5.0
        self._station.publisher.wait_until_stored(2.0)
        while self._station.publisher.stats().backlog_count and time.monotonic() < give_up:
            time.sleep(0.05)


def _configuration(
    base: StationConfig | None, urls: dict[str, str], directory: Path, redis_url: str | None, http_port: int
) -> StationConfig:
    fields: dict[str, Any] = {} if base is None else base.model_dump(exclude_unset=True)
    fields["station"] = {"id": f"demo-{os.getpid()}"}
    fields["beds"] = [{"id": bed, "camera": {"url": url}} for bed, url in urls.items()]
    fields["spool"] = {"directory": directory / "state"}
    fields["http"] = {"host": "127.0.0.1", "port": http_port}
    # Everybody on this machine may look and acknowledge: nobody real lies in these beds.
    fields["web"] = {"anonymous_role": "nurse", "preview": "full"}
    if redis_url is not None:
        fields["redis"] = {"url": redis_url}
    try:
        return StationConfig.model_validate(fields)
    except ValidationError as error:
        raise MonitorError(f"the demo cannot be configured: {first_mistake(error)}") from None


def _slow_machine(size_px: tuple[int, int]) -> str:
    """Say why the cameras send small pictures."""
    small, full = (f"{width} x {height} px" for width, height in (size_px, FULL_SIZE_PX))
    return f"this machine is slow or busy: the cameras send pictures of {small} instead of {full}"


def _too_slow(result: dict[str, Any]) -> float | None:
    """Return how many frames per second of a bed were analysed where the machine did not keep up, else None."""
    seconds = result["duration_seconds"]
    if seconds < _SETTLED_SECONDS:
        return None
    rate = float(min(frames["analysed"] for frames in result["frames"].values()) / seconds)
    return rate if rate < _ENOUGH_RATE or any("overload" in codes for codes in result["alerts"].values()) else None


def _verdict(alerts: dict[str, dict[str, dict[str, int]]], seconds: float) -> bool | None:
    """Return whether the right bed alarmed, and only that; None when the demo was too short to decide."""
    calm = alerts.get("bed-calm", {})
    if any(code in calm for code in _PAIN_CODES):
        return False
    pain = alerts.get("bed-pain", {}).get("pain_sign", {})
    if pain.get("start", 0) >= 1 and pain.get("end", 0) >= 1:
        return True
    return False if seconds >= _WHOLE_EPISODE_SECONDS else None


def _print_summary(result: dict[str, Any]) -> None:
    click.echo(f"{result['duration_seconds']:.0f} s; alerts in the Redis stream:")
    for bed, codes in sorted(result["alerts"].items()):
        for code, phases in codes.items():
            click.echo(f"  {bed}: {code}: " + ", ".join(f"{count} {phase}" for phase, count in phases.items()))
    latency = result["latency_seconds"]
    if latency is not None:
        click.echo(
            "frame age at decision: " + ", ".join(f"{name} {1000 * value:.0f} ms" for name, value in latency.items())
        )
    if (rate := _too_slow(result)) is not None:
        click.echo(f"this machine was too slow or too busy: {rate:.1f} frames a second of a bed were analysed")
    words = {
        True: "the bed with pain alarmed, start and end; the calm bed did not",
        False: "NOT as expected: see the counts above",
        None: "too short for a whole episode (about 60 s)",
    }
    click.echo(words[result["ok"]])
