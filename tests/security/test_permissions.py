"""State, spool and keys belong to the station's user alone, whatever umask it runs under."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alerts import make_draft

from monitor.clock import SystemClock
from monitor.config import RedisSettings, SpoolSettings
from monitor.delivery.publisher import Publisher
from monitor.delivery.subscriber import Progress


@pytest.fixture
def careless_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_spool_and_state_are_private_even_under_a_careless_umask(careless_umask, tmp_path):
    state = tmp_path / "state"
    settings = RedisSettings.model_validate({"url": "redis://127.0.0.1:1/0"})
    publisher = Publisher(settings, SpoolSettings(directory=state), "station-1", SystemClock())
    publisher.start()
    publisher.submit([make_draft("alert-1")], {"bed-1": "state"})
    assert publisher.wait_until_stored(10.0)
    modes = {path.name: oct(mode(path)) for path in state.iterdir()}
    publisher.stop()
    assert mode(state) == 0o700
    assert {"spool.sqlite", "spool.sqlite-wal", "spool.lock"} <= set(modes)
    assert set(modes.values()) == {"0o600"}


def test_a_spool_that_was_open_to_all_is_closed(careless_umask, tmp_path):
    state = tmp_path / "state"
    state.mkdir(mode=0o755)
    (state / "spool.sqlite").touch(mode=0o666)
    settings = RedisSettings.model_validate({"url": "redis://127.0.0.1:1/0"})
    Publisher(settings, SpoolSettings(directory=state), "station-1", SystemClock()).stop()
    assert mode(state / "spool.sqlite") == 0o600


def test_a_subscribers_progress_is_private(careless_umask, tmp_path):
    progress = Progress(tmp_path / "progress")
    progress.last_id = "1-1"
    progress.save()
    assert mode(tmp_path / "progress") == 0o600


def test_a_users_file_is_private(careless_umask, tmp_path):
    users = tmp_path / "users"
    program = str(Path(sys.executable).parent / "nicu-monitor")
    done = subprocess.run(
        [program, "users", "add", str(users), "nurse-7", "--role", "nurse"],
        capture_output=True,
        text=True,
        input="a-long-passphrase\n",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert mode(users) == 0o600
