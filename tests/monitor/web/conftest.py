"""A staged station in a process of its own, a real Chromium to read its page, and the page on a board of the test's."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from forker import Forker
from page_rig import Rig, logged_in
from prometheus_client import CollectorRegistry, Gauge
from staged_process import Stage, config_of

from monitor.board import BedInfo, Board
from monitor.clock import SystemClock
from monitor.config import StationConfig
from monitor.control.access import Role, hash_token
from monitor.telemetry.status_server import Health
from monitor.web.http_server import open_server
from monitor.web.users import User, hash_password, write_users

SCRIPT = Path(__file__).with_name("staged_station.py")


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
        ward: str | None = None,
        slow: bool = False,
        **sections,
    ) -> Stage:
        folder = directory / f"station-{len(stages)}"
        folder.mkdir()
        config = config_of(folder, beds, **sections)
        one = Stage(forker, folder, config, past or [], pseudo=pseudo, day=day, patient=patient, ward=ward, slow=slow)
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


@pytest.fixture
def push_service(tmp_path):
    from push_service import PushService

    made = PushService(tmp_path)
    yield made
    made.close()


@pytest.fixture
def pushing(make_rig, users_file, tmp_path, push_service):
    return make_rig(users_file(tmp_path), push=push_service.settings())


@pytest.fixture
def nurse(pushing):
    return logged_in(pushing)
