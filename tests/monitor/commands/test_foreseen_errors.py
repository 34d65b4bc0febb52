"""What every command says, in one sentence, where a disk is full or nobody answers its question."""

import errno
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from monitor.cli_framework import run
from monitor.commands.run import secrets_of
from monitor.config import StationConfig
from monitor.errors import ConfigError
from monitor.station import state_backup


def test_a_full_disk_is_one_sentence_although_a_write_names_no_file(capsys, monkeypatch):
    """`demo --summary` ended with a traceback, and with the code that means "no"."""
    monkeypatch.setattr(sys, "argv", ["nicu-monitor", "write"])
    group = click.Group()

    @group.command("write")
    def write() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(SystemExit) as ended:
        run(group)
    assert ended.value.code == 3
    assert (
        capsys.readouterr().err
        == "error: a file cannot be written: No space left on device; free some space and try again\n"
    )


def test_a_question_that_nobody_answers_is_no_interruption(tmp_path):
    program = str(Path(sys.executable).parent / "nicu-monitor")
    done = subprocess.run(
        [program, "users", "add", str(tmp_path / "users"), "anna", "--role", "nurse"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "standard input ended before the answer" in done.stderr
    assert "interrupted" not in done.stderr


def test_a_backup_on_a_full_disk_names_the_disk_that_is_full(tmp_path, monkeypatch):
    """It named the file that was copied, and advised to be root."""
    config = tmp_path / "station.yaml"
    config.write_text("beds: [{id: a, camera: {url: synthetic://calm}}]\nspool: {directory: state}\n")
    (tmp_path / "state").mkdir()

    def fill(source: Path, _: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(source))

    monkeypatch.setattr(state_backup, "_copy", fill)
    (tmp_path / "safe").mkdir()
    with pytest.raises(ConfigError, match=rf"no back-up was made: {tmp_path}/safe is full; free some space"):
        state_backup.write_backup(config, tmp_path / "safe" / "b.tar.gz", datetime(2026, 3, 4, tzinfo=UTC))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["replay", "v.mp4", "--bed", "bed 1"], 2, "is no name of a bed"),
        (["replay", "v.mp4", "--config", "shared.yaml"], 3, "has no beds of its own"),
        (["beds", "publish", "dates.yaml", "--config", "shared.yaml"], 3, "cannot be read as YAML"),
        (["forward", "--config", "dates.yaml"], 3, "is no YAML"),
        (["tail", "--config", "shared.yaml", "--password-file", "nope"], 2, "--password-file belongs to --redis"),
        (["demo", "--redis-url", "redis://127.0.0.1:1/0", "--duration", "1"], 3, "127.0.0.1:1"),
        (["demo", "--redis-url", "redis//nowhere", "--duration", "1"], 3, "the demo cannot be configured: redis.url"),
        (["demo", "--stations", "2", "--redis-url", "redis://127.0.0.1:1/0"], 3, "127.0.0.1:1"),
        (["cameras", "profiles", "ü☃"], 3, "the camera's host cannot be used"),
    ],
)
@pytest.mark.e2e
def test_what_cannot_be_is_one_sentence(tmp_path, arguments, code, words):
    (tmp_path / "v.mp4").touch()
    (tmp_path / "shared.yaml").write_text("fleet: {}\n")
    (tmp_path / "dates.yaml").write_text("since: 2026-13-45\n")
    program = str(Path(sys.executable).parent / "nicu-monitor")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path, timeout=120)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert words in done.stderr


def test_a_password_that_cannot_be_read_holds_up_no_station(tmp_path):
    (tmp_path / "utf16").write_text("p4ss-of-the-camera\n", encoding="utf-16")
    camera = {"url": "rtsp://camera.example/1", "username": "nicu"}
    # A file that is there and whose reading fails, for root, too.
    broken = {"id": "bed-1", "camera": {**camera, "password_file": "/proc/self/mem"}}
    right = {"id": "bed-2", "camera": {**camera, "password_file": str(tmp_path / "utf16")}}
    redis = {"sentinel_password_file": str(tmp_path / "sentinel"), "url": "redis://h:6379/0"}
    (tmp_path / "sentinel").write_text("p4ss-of-sentinel\n")
    config = StationConfig.model_validate({"beds": [broken, right], "redis": redis})
    assert secrets_of(config) == ["p4ss-of-sentinel", "p4ss-of-the-camera"]


@pytest.mark.parametrize("command", [["replay"], ["check"], ["bench", "--clip"], ["doctor", "--config"], ["no-such"]])
def test_an_address_in_a_files_place_does_not_print_its_login(command):
    program = str(Path(sys.executable).parent / "nicu-monitor")
    address = "rtsp://nurse:geheim@127.0.0.1/x"
    done = subprocess.run([program, *command, address], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stdout + done.stderr
    assert "geheim" not in done.stdout + done.stderr
