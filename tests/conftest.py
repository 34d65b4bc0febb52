"""What all tests share."""

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).resolve().parent.parent

if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the cores; a library that starts a thread for every core in each of them slows all of them down.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# What several test folders share as code lives in tests/support and is imported by its bare name.
sys.path.insert(0, str(REPOSITORY / "tests" / "support"))
# `deploy` is in no wheel; the tests read its programs from the checkout.
sys.path.append(str(REPOSITORY))

from redis_server import RedisServer  # noqa: E402 - found through the line above

# A busy machine is no failure; what a property promises does not depend on how long its example took.
settings.register_profile("patient", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=15)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "patient"))

# Kinds of tests that the quick loop leaves out, by folder or by what a test asks for.
_MARKERS = {
    "tests/documentation": "docs",
    "tests/faults": "faults",
    # Ratios of CPU time; what else is there starts a measurement, whatever it measures beside other tests.
    "tests/bench/test_startup.py": "bench",
    "tests/monitor/bench/test_regression.py": "bench",
    "tests/bench/test_peer.py": "e2e",
    "tests/monitor/bench/test_command.py": "e2e",
    "tests/monitor/bench/test_clips.py": "long",
    "tests/monitor/bench/test_tuning.py": "long",
    "tests/monitor/demo": "e2e",
    "tests/monitor/replay": "e2e",
    "tests/monitor/station": "e2e",
    "tests/security/test_secrets.py": "e2e",
    "tests/monitor/faces/test_liveness.py": "long",
    "tests/monitor/faces/test_real_faces.py": "long",
    "tests/monitor/fleet": "long",
    "tests/monitor/pain/test_alarm_burden.py": "long",
    "tests/monitor/pain/test_bouts.py": "long",
    "tests/monitor/pain/test_endurance.py": "long",
    "tests/monitor/pain/test_frame_rate.py": "long",
    "tests/monitor/pain/test_simulation.py": "long",
    "tests/monitor/pipeline": "long",
    "tests/monitor/cameras/test_trial.py": "long",
    "tests/monitor/delivery/test_claims.py": "long",
    "tests/monitor/delivery/test_reconciliation.py": "long",
    "tests/monitor/delivery/test_subscribe_page.py": "long",
    "tests/monitor/diagnostics": "long",
    "tests/monitor/faces/test_scanning.py": "long",
    "tests/monitor/inference/test_batching.py": "long",
    "tests/monitor/video/test_camera.py": "long",
    "tests/monitor/video/test_hardware.py": "long",
    "tests/monitor/video/test_rtsp_server.py": "long",
    "tests/monitor/web/test_api_docs.py": "long",
    "tests/monitor/web/test_push.py": "long",
    "tests/monitor/web/test_push_service.py": "long",
    "tests/export": "long",
    "tests/deploy/test_alertmanager.py": "long",
    "tests/deploy/test_prometheus_rules.py": "long",
    **{
        f"tests/trainer/{name}": "long"
        for name in (
            "clips",
            "crops/test_crop_command.py",
            "data/test_soft_labels.py",
            "experiments",
            "explanation",
            "labelled",
            "models",
            "networks",
            "protocols",
            "reporting",
            "synthetic/test_commands.py",
            "synthetic/test_findability.py",
            "test_python_api.py",
            "training",
        )
    },
}
_MARKERS_BY_FIXTURE = {"browser": "browser", "watched_station": "e2e"}
# Tests that share what is expensive to make stay in one worker; others stay with their file.
_TOGETHER = ("tests/trainer/reporting", "tests/trainer/networks", "tests/export")
# Each of these needs nothing of another test in its file.
_ALONE = ("tests/documentation/test_commands.py", "tests/monitor/demo", "tests/faults/station")


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _group(item: pytest.Item, path: str) -> str:
    """Return the name of the tests that run in the same worker as this one."""
    if "watched_station" in getattr(item, "fixturenames", ()):
        return "watched_station"
    if any(_is_in(path, folder) for folder in _ALONE):
        return item.nodeid
    return next((folder for folder in _TOGETHER if _is_in(path, folder)), path)


def _limit_seconds(item: pytest.Item) -> float:
    """Return the time limit that a test was given, which marks the long ones."""
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0]) if marker is not None and marker.args else 0.0


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by kind; for pytest-xdist group what belongs together, the longest first."""
    longest: dict[str, float] = {}
    groups: dict[pytest.Item, str] = {}
    for item in items:
        path = item.path.resolve().relative_to(REPOSITORY).as_posix()
        markers = {marker for folder, marker in _MARKERS.items() if _is_in(path, folder)}
        markers |= {
            _MARKERS_BY_FIXTURE[name] for name in getattr(item, "fixturenames", ()) if name in _MARKERS_BY_FIXTURE
        }
        if item.path.name == "test_in_a_browser.py":
            markers.add("browser")
        for marker in sorted(markers):
            item.add_marker(marker)
        groups[item] = _group(item, path)
        longest[groups[item]] = max(longest.get(groups[item], 0.0), _limit_seconds(item))
    if "PYTEST_XDIST_WORKER" in os.environ:
        for item, group in groups.items():
            item.add_marker(pytest.mark.xdist_group(group))
        items.sort(key=lambda item: -longest[groups[item]])


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Undo what a command that a test runs in this process does to the log, or later tests would see no warnings."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def _shared(folder: str) -> Path:
    """Return a folder of third-party material, which the repository may not carry, or skip."""
    path = Path(os.environ.get("NICU_SHARED", REPOSITORY.parent / "shared")) / folder
    if not path.is_dir():
        pytest.skip(f"third-party {folder} not found at {path}; set NICU_SHARED to the folder that holds {folder}/")
    return path


@pytest.fixture(scope="session")
def shared_media() -> Path:
    return _shared("media")


@pytest.fixture(scope="session")
def shared_weights() -> Path:
    return _shared("weights")


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A real redis-server of this test's own, which can be killed, hung, filled, made read-only and emptied."""
    directory = tmp_path / "redis"
    directory.mkdir()
    with RedisServer(directory) as server:
        yield server
