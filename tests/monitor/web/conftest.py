"""A staged station in a process of its own, and a real Chromium to read its page."""

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import uvicorn
from forker import Forker
from ports import free_port
from prometheus_client import CollectorRegistry, Gauge
from recorded_board import write_day

from monitor.alerts.record import AlertContext, AlertModel, GenerationMode, compose_alert
from monitor.board import BedInfo, Board
from monitor.clock import ManualClock, SystemClock
from monitor.config import StationConfig
from monitor.control.access import Role, hash_token
from monitor.history.recorder import HistoryRecorder
from monitor.pain.vocabulary import (
    AlarmEvidence,
    Code,
    Kind,
    Observation,
    Phase,
    Priority,
    Signal,
    Transition,
    Validity,
)
from monitor.telemetry.status_server import Health
from monitor.web.access import Access
from monitor.web.app_context import AppContext
from monitor.web.application import build_api
from monitor.web.guard import Guard
from monitor.web.http_server import open_server
from monitor.web.preview import Previews
from monitor.web.push.notices import PushNotices
from monitor.web.sessions import Sessions
from monitor.web.users import User, hash_password, write_users

SCRIPT = Path(__file__).with_name("staged_station.py")
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


@pytest.fixture(scope="session")
def forker():
    made = Forker(SCRIPT)
    yield made
    made.close()


@contextmanager
def stages_in(forker: Forker, directory: Path) -> Iterator[Callable[..., Stage]]:
    stages = []

    def start(
        beds: int | list = 2,
        past: list | None = None,
        *,
        pseudo: bool = False,
        day: bool = False,
        patient: bool = False,
        **sections,
    ) -> Stage:
        folder = directory / f"station-{len(stages)}"
        folder.mkdir()
        config = config_of(folder, beds, **sections)
        one = Stage(forker, folder, config, past or [], pseudo=pseudo, day=day, patient=patient)
        stages.append(one)
        one.start()
        return one

    try:
        yield start
    finally:
        for one in stages:
            one.stop()


@pytest.fixture
def stage(forker, tmp_path):
    """Start staged stations; they end with the test."""
    with stages_in(forker, tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def staged_module(forker, tmp_path_factory):
    """Start staged stations that end with the module."""
    with stages_in(forker, tmp_path_factory.mktemp("stages")) as start:
        yield start


@pytest.fixture(scope="module")
def ward(forker, tmp_path_factory):
    """One station with a bed in every state, for tests that only read."""
    with stages_in(forker, tmp_path_factory.mktemp("ward")) as start:
        past = [
            [60, {"bed": "bed-2", "visibility": "no_face"}],
            [60, {"bed": "bed-3", "camera": "lost"}],
            *([50, {"bed": bed, "score": 0.9}] for bed in ("bed-1", "bed-4", "bed-5")),
            [20, {"bed": "bed-4", "visibility": "no_face"}],
            [20, {"bed": "bed-5", "score": 0.05}],
        ]
        station = start(beds=6, past=past)
        station.wait_for_phase("bed-1", "escalate")
        station.wait_for_phase("bed-5", "end")
        yield station


def chromium_path() -> str | None:
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def browser():
    path = chromium_path()
    if path is None:
        pytest.skip("there is no Chromium: apt-get install chromium, or set CHROMIUM to its path")
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install playwright"
    )
    with playwright.sync_playwright() as runner:
        chromium = runner.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser):
    """Open a page of a station; fails the test when the page asks another machine for anything, or has an error."""
    contexts, foreign, errors = [], [], []

    def open_page(url: str, width: int = 1366, height: int = 768, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: None if _is_local(request.url) else foreign.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.set_default_timeout(45_000)  # a busy machine is slow, and no fault
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert foreign == []
    assert errors == []


def _is_local(url: str) -> bool:
    return url.startswith(
        (
            "http://127.0.0.1",
            "ws://127.0.0.1",
            "data:",
            "blob:",
            "http://localhost",
            "https://localhost",
            "wss://localhost",
        )
    )


@pytest.fixture(scope="session")
def secrets():
    """Hashes of the passwords that tests use; they are slow on purpose, so each is made once."""
    return {"wall": hash_password("a long password"), "anna": hash_password("another password")}


@pytest.fixture
def users_file(secrets):
    """Write a users file with a viewer, a nurse and a program."""

    def write(directory: Path) -> Path:
        path = directory / "users"
        write_users(
            path,
            [
                User("wall", Role.VIEWER, secrets["wall"]),
                User("anna", Role.NURSE, secrets["anna"]),
                User("integrator", Role.VIEWER, hash_token("t" * 43)),
            ],
        )
        return path

    return write


class Rig:
    """The application, served, on a board that the test writes to."""

    def __init__(
        self,
        directory,
        users=None,
        anonymous="none",
        host="127.0.0.1",
        allowed_hosts=(),
        history=False,
        preview="off",
        push=None,
    ):
        self.clock = ManualClock(1000.0) if push is None else SystemClock()
        self.config = StationConfig.model_validate(
            {
                "beds": [{"id": f"bed-{n}", "camera": {"url": "synthetic://calm"}} for n in (1, 2)],
                "web": {
                    "anonymous_role": anonymous,
                    "allowed_hosts": allowed_hosts,
                    "users_file": users,
                    "push": push or {},
                },
                "http": {"host": host},
                "spool": {"directory": str(directory)},
            }
        )
        self.board = Board(
            [BedInfo(f"bed-{n}", f"cam-{n}") for n in (1, 2)], self.clock, on_level=0.6, keeps_pictures=True
        )
        self.acknowledged = []
        self.history = None
        if history:
            self.history = HistoryRecorder(self.config.history, directory / "history", self.board, self.clock)
        access = Access(users, Sessions(b"k" * 32, 1.0), None if anonymous == "none" else Role(anonymous))
        self.audited = []
        self.push = None
        if push is not None:
            self.push = PushNotices(
                self.config, self.board, self.clock, lambda: access, audit=lambda *entry: self.audited.append(entry)
            )
            self.push.start()
        self.site = AppContext(
            config=self.config,
            board=self.board,
            clock=self.clock,
            access=access,
            handle=self.handle,
            previews=Previews(self.board, preview),
            history=self.history,
            endpoints={"/healthz": lambda: (200, "application/json", b"{}")},
            push=self.push,
        )
        app = Guard(build_api(self.site), self.site)
        options = {"log_level": "warning", "ws": "websockets-sansio", "timeout_graceful_shutdown": 1}
        self.server = uvicorn.Server(uvicorn.Config(app, log_config=None, **options))
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.own = {"Origin": self.url}
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]})
        self.clients = []
        self.thread.start()

    def handle(self, order):
        self.acknowledged.append(order)
        return True

    def client(self, **options):
        self.clients.append(httpx.Client(base_url=self.url, timeout=60, trust_env=False, **options))
        return self.clients[-1]

    def close(self):
        for client in self.clients:
            client.close()
        self.site.closing.set()
        if self.push is not None:
            self.push.stop()
        while not self.server.started:
            time.sleep(0.01)
        self.server.should_exit = True
        self.thread.join(20)
        self.socket.close()
        assert not self.thread.is_alive()

    def observe(self, bed="bed-1", level=0.2, **changes):
        now = self.clock.monotonic()
        valid = Validity.INVALID if level is None else Validity.VALID
        fields = {"time_seconds": now, "score": level, "level": level, "display_level": level, "coverage": 0.9,
                  "on_share": 0.1, "validity": valid, "seconds_since_face": 0.0}  # fmt: skip
        self.board.observe(bed, Observation(**{**fields, **changes}))

    def alert(self, alert_id="a1", bed="bed-1", **changes):
        now = self.clock.monotonic()
        fields = {
            "alert_id": alert_id, "code": Code.PAIN_SIGN, "kind": Kind.PHYSIOLOGICAL, "phase": Phase.START,
            "priority": Priority.LOW, "condition_present": True, "signal": Signal.ON, "validity": Validity.VALID,
            "onset_seconds": now - 3, "determined_seconds": now, "evidence": AlarmEvidence(0.7, 0.5, 0.9, 120),
            "acknowledged_by": None, "acknowledged_seconds": None, "detail": "Seen.", "remedy": "Look.",
        }  # fmt: skip
        model = AlertModel(name="ncnn-demo", sha256="5" * 64)
        context = AlertContext("station-1", bed, "cam-1", GenerationMode.TEST, model, "0" * 64)
        draft = compose_alert(Transition(**{**fields, **changes}), context, self.clock)
        self.board.transition(bed, draft)
        return draft


@pytest.fixture
def make_rig(tmp_path):
    rigs = []

    def make(users=None, **options):
        rigs.append(Rig(tmp_path, users, **options))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.close()


@pytest.fixture
def rig(make_rig, users_file, tmp_path):
    return make_rig(users_file(tmp_path))


@pytest.fixture
def open_rig(make_rig):
    """As in the demo: on a loopback address, without a login."""
    return make_rig(anonymous="nurse")


@pytest.fixture
def make_server(tmp_path):
    """Make servers as a station has them; all are stopped."""
    servers = []

    def make(port=0, **web):
        config = StationConfig.model_validate(
            {
                "beds": [{"id": "bed-1", "camera": {"url": "synthetic://calm"}}],
                "http": {"port": port},
                "web": {"anonymous_role": "viewer", **web},
                "spool": {"directory": str(tmp_path)},
            }
        )
        registry = CollectorRegistry()
        Gauge("nicu_monitor_trial", "A trial.", registry=registry).set(42)
        clock = SystemClock()
        server = open_server(
            config,
            Board([BedInfo("bed-1", "cam-1")], clock, on_level=0.6),
            clock,
            handle=lambda _: True,
            registry=registry,
            healthy=lambda: Health(ok=True),
            ready=lambda: Health(ok=False, details={"workers": 0}),
        )
        servers.append(server)
        return server

    yield make
    for server in servers:
        server.stop()
