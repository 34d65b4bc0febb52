"""A station comes back on an empty machine: alerts and their numbers, history, users, sessions, the audit log."""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from daemon import Daemon
from redis_server import wait_until

from monitor.control.access import Role, hash_token
from monitor.errors import ConfigError
from monitor.station.state_backup import read_backup, restore_backup, write_backup
from monitor.web.users import User, write_users

NOW = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
TOKEN = "t" * 43
PROGRAM = str(Path(sys.executable).parent / "nicu-monitor")


class Machine:
    """A station's files, as a running station would have left them, in a directory that can be lost."""

    def __init__(self, root: Path) -> None:
        self.root = root / "machine"
        self.state = self.root / "var" / "state"
        self.config = self.root / "etc" / "station.yaml"
        self.users = self.root / "etc" / "users"
        self.archive = root / "safe.tar.gz"
        (self.state / "history").mkdir(parents=True)
        (self.state / "audit").mkdir()
        self.config.parent.mkdir()
        self.config.write_text(
            yaml.safe_dump(
                {
                    "beds": [{"id": "bed-1", "camera": {"url": "rtsp://127.0.0.1:9/x", "password_file": "password"}}],
                    "spool": {"directory": str(self.state)},
                    "web": {"users_file": "users"},
                }
            )
            + "# a comment of the hospital's\n"
        )
        (self.config.parent / "password").write_text("a secret")
        (self.config.parent / "password").chmod(0o600)
        write_users(self.users, [User("integrator", Role.VIEWER, hash_token(TOKEN))])
        for name in ("spool.sqlite", "history/history.sqlite"):
            with closing(sqlite3.connect(self.state / name)) as database:
                database.execute("PRAGMA journal_mode = WAL")
                database.execute("CREATE TABLE pairs (a INTEGER, b INTEGER)")
        (self.state / "session.key").write_bytes(b"k" * 32)
        (self.state / "spool.lock").touch()
        (self.state / "audit" / "audit.jsonl").write_text('{"number": 1}\n{"numb')

    def lose(self) -> None:
        shutil.rmtree(self.root)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_everything_is_back_with_its_rights_and_what_belongs_to_a_process_is_not(machine: Machine) -> None:
    text = machine.config.read_text()
    made = write_backup(machine.config, machine.archive, NOW)
    assert machine.archive.stat().st_mode & 0o777 == 0o600, "it holds passwords"
    machine.lose()
    assert restore_backup(machine.archive) == made == read_backup(machine.archive)
    assert machine.config.read_text() == text
    assert (machine.config.parent / "password").read_text() == "a secret"
    assert (machine.config.parent / "password").stat().st_mode & 0o777 == 0o600
    assert machine.users.stat().st_mode & 0o777 == 0o600
    assert {str(path.relative_to(machine.state)) for path in machine.state.rglob("*") if path.is_file()} == {
        "spool.sqlite", "history/history.sqlite", "session.key", "audit/audit.jsonl",
    }  # fmt: skip
    assert (machine.state / "audit" / "audit.jsonl").read_text() == '{"number": 1}\n', "the torn line is left out"


def test_a_database_is_copied_in_one_moment_although_it_is_written_all_the_time(machine: Machine) -> None:
    stop, rounds = threading.Event(), []

    def write() -> None:
        with closing(sqlite3.connect(machine.state / "spool.sqlite", timeout=20)) as database:
            while not stop.is_set():
                rounds.append(len(rounds))
                with database:
                    database.execute("INSERT INTO pairs VALUES (?, 0)", (rounds[-1],))
                    database.execute("UPDATE pairs SET b = ?", (rounds[-1],))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_until(lambda: len(rounds) > 20, 20)
        write_backup(machine.config, machine.archive, NOW)
    finally:
        stop.set()
        writer.join(20)
    machine.lose()
    restore_backup(machine.archive)
    with closing(sqlite3.connect(machine.state / "spool.sqlite")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        highest, lowest_b, highest_b, count = database.execute(
            "SELECT max(a), min(b), max(b), count() FROM pairs"
        ).fetchone()
    assert lowest_b == highest_b == highest == count - 1


def test_nothing_that_is_there_is_overwritten(machine: Machine) -> None:
    write_backup(machine.config, machine.archive, NOW)
    with pytest.raises(ConfigError, match="exists already"):
        write_backup(machine.config, machine.archive, NOW)
    with pytest.raises(ConfigError, match="is not empty; stop the station"):
        restore_backup(machine.archive)
    shutil.rmtree(machine.state)
    machine.config.write_text("another one")
    restore_backup(machine.archive)
    assert machine.config.with_name("station.yaml.before-restore-1").read_text() == "another one"
    assert "a comment of the hospital's" in machine.config.read_text()
    assert list(machine.config.parent.glob("users.before*")) == [], "the same content need not be put aside"


@pytest.mark.parametrize("fault", ["cut", "changed", "other", "outside"])
def test_a_damaged_archive_puts_nothing_back(machine: Machine, tmp_path: Path, fault: str) -> None:
    write_backup(machine.config, machine.archive, NOW)
    machine.lose()
    content = machine.archive.read_bytes()
    if fault == "cut":
        machine.archive.write_bytes(content[: len(content) // 2])
    elif fault == "other":
        machine.archive.write_bytes(b"PK something else")
    else:
        inside = tmp_path / "inside"
        with tarfile.open(machine.archive) as opened:
            inside.mkdir()
            for member in opened:
                (inside / member.name).write_bytes(opened.extractfile(member).read())
        if fault == "changed":
            (inside / "1").write_text("evil evil 0")
        else:
            text = (inside / "content.json").read_text()
            (inside / "content.json").write_text(text.replace(str(machine.state / "session.key"), "../../session.key"))
        with tarfile.open(machine.archive, "w:gz") as packed:
            for path in sorted(inside.iterdir(), key=lambda path: path.name != "content.json"):
                packed.add(path, path.name)
    with pytest.raises(ConfigError, match=r"safe\.tar\.gz"):
        restore_backup(machine.archive)
    assert not machine.state.exists()
    assert not machine.config.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_that_belonged_to_nobody_known_comes_back_to_who_restores_it(machine: Machine) -> None:
    file = machine.state / "session.key"
    os.chown(file, 54_321, 54_321)
    write_backup(machine.config, machine.archive, NOW)
    machine.lose()
    restore_backup(machine.archive)
    assert (file.stat().st_uid, file.stat().st_gid) == (0, 0)


def test_an_archive_with_any_bit_changed_is_one_sentence_or_the_same(machine: Machine) -> None:
    key = random.Random(1).randbytes(20_000)
    (machine.state / "session.key").write_bytes(key)
    write_backup(machine.config, machine.archive, NOW)
    machine.lose()
    content = machine.archive.read_bytes()
    for position in range(10, len(content), len(content) // 150):
        machine.archive.write_bytes(content[:position] + bytes([content[position] ^ 16]) + content[position + 1 :])
        try:
            restore_backup(machine.archive)
        except ConfigError as error:
            assert "safe.tar.gz" in str(error)  # noqa: PT017 - not every bit means something
            assert not machine.state.exists()
        else:
            assert (machine.state / "session.key").read_bytes() == key
            machine.lose()


def test_an_archive_in_which_a_file_is_missing_is_one_sentence(machine: Machine, tmp_path: Path) -> None:
    write_backup(machine.config, machine.archive, NOW)
    machine.lose()
    with tarfile.open(machine.archive) as opened:
        (tmp_path / "content.json").write_bytes(opened.extractfile("content.json").read())
    with tarfile.open(machine.archive, "w:gz") as packed:
        packed.add(tmp_path / "content.json", "content.json")
    with pytest.raises(ConfigError, match=r"safe\.tar\.gz"):
        restore_backup(machine.archive)
    assert not machine.state.exists()


def get(url: str, path: str):
    request = urllib.request.Request(f"{url}{path}", headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


@pytest.mark.e2e
@pytest.mark.timeout(180)
def test_a_real_station_goes_on_from_its_backup_on_an_empty_machine(tmp_path: Path, redis_server) -> None:
    home = tmp_path / "machine"
    users = home / "users"
    home.mkdir()
    write_users(users, [User("integrator", Role.NURSE, hash_token(TOKEN))])
    config = {
        "beds": [{"id": "bed-1", "camera": {"url": "rtsp://127.0.0.1:9/x"}}],
        "redis": {"url": redis_server.url},
        "web": {"users_file": str(users)},
        "alarms": {"camera_lost_after_seconds": 1.0},
    }
    daemon = Daemon(home / "d", config)
    client = redis_server.client()

    def open_alerts() -> set[tuple[str, str]]:
        try:
            found = get(daemon.url or "http://127.0.0.1:9", "/api/v1/alerts")
        except (urllib.error.URLError, OSError):
            return set()
        return {
            (item["alert"]["alert_id"], item["alert"]["code"]) for item in found if item["alert"]["condition_present"]
        }

    def numbers() -> list[tuple[str, int]]:
        return [(fields["producer_id"], int(fields["seq"])) for _, fields in client.xrange("nicu:alerts")]

    def run(*words: str) -> str:
        done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    with daemon:
        wait_until(lambda: any(code == "camera_lost" for _, code in open_alerts()), 60)
        before = open_alerts()
        history = home / "d" / "state" / "history" / "history.sqlite"

        def kept() -> int:
            try:
                with closing(sqlite3.connect(f"{history.as_uri()}?mode=ro", uri=True)) as database:
                    return database.execute("SELECT count() FROM alerts WHERE code = 'camera_lost'").fetchone()[0]
            except sqlite3.OperationalError:
                return 0  # the station has not made it yet

        wait_until(lambda: kept() > 0, 30)
        wait_until(lambda: len(numbers()) > 0, 30)
        run("backup", str(tmp_path / "safe.tar.gz"), "--config", str(daemon.config_file))
        assert daemon.stop() == 0
        home.rename(tmp_path / "broken")
        assert str(users) in run("restore", str(tmp_path / "safe.tar.gz"), "--dry-run")
        assert not home.exists()
        assert "is back" in run("restore", str(tmp_path / "safe.tar.gz"))
        daemon.start()
        wait_until(lambda: before <= open_alerts(), 60)
        assert "the chain is whole" in run("audit", "--config", str(daemon.config_file))
        assert kept() > 0
        request = urllib.request.Request(
            f"{daemon.url}/api/v1/beds/bed-1/discharge", method="POST", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        sent = len(numbers())
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert json.load(answer)["changed"] is True
        wait_until(lambda: len(numbers()) > sent, 30)
        by_producer: dict[str, list[int]] = {}
        for producer, number in numbers():
            by_producer.setdefault(producer, []).append(number)
        assert all(found == list(range(1, len(found) + 1)) for found in by_producer.values()), by_producer
        assert daemon.stop() == 0
