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
