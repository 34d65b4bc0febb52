"""What cannot be written is said in one sentence, and the last good file stays."""

import errno
import os

import pytest

from trainer import atomic_file
from trainer.atomic_file import write_atomically
from trainer.errors import CheckpointError


def test_a_file_in_the_place_of_a_folder_is_said(tmp_path):
    (tmp_path / "run").write_text("no folder")

    for path in (tmp_path / "run" / "run.json", tmp_path / "run" / "fold0" / "run.json"):
        with pytest.raises(CheckpointError, match=r"run\.json cannot be written \((Not a directory|File exists)\)"):
            write_atomically(path, b"{}")


def test_a_name_that_no_disk_takes_is_said(tmp_path):
    with pytest.raises(CheckpointError, match=r"cannot be written \(File name too long\)"):
        write_atomically(tmp_path / ("n" * 300), b"{}")


@pytest.mark.parametrize(("number", "advice"), [(errno.ENOSPC, "free some space"), (errno.EROFS, "another folder")])
def test_a_disk_that_takes_nothing_leaves_the_old_file_and_says_what_to_do(tmp_path, monkeypatch, number, advice):
    path = tmp_path / "metrics.json"
    write_atomically(path, b"old")

    def refuse(_):
        raise OSError(number, os.strerror(number))

    # A read-only disk refuses to remove, too, whether or not there is anything to be removed.
    monkeypatch.setattr(atomic_file.os, "fsync", refuse)
    monkeypatch.setattr(atomic_file.Path, "unlink", lambda *_, **__: refuse(0))
    with pytest.raises(CheckpointError, match=rf"{os.strerror(number)}.*last good metrics.json is intact; .*{advice}"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
