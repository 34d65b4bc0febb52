"""A checkpoint file is the old one or the new one, never half of one."""

import os
import pickle
import resource

import pytest
import torch

from trainer.errors import CheckpointError
from trainer.training import read_checkpoint, write_checkpoint


def test_what_was_written_is_read(tmp_path):
    write_checkpoint(tmp_path / "a.pt", {"x": torch.arange(3), "epoch": 4})

    content = read_checkpoint(tmp_path / "a.pt")

    assert content["epoch"] == 4
    assert torch.equal(content["x"], torch.arange(3))


def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path):
    """The limit on a file's size makes the kernel refuse the write in the middle, as a full disk does."""
    path = tmp_path / "last.pt"
    write_checkpoint(path, {"epoch": 1})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(CheckpointError, match=r"cannot be written .*the last good last.pt is intact"):
            write_checkpoint(path, {"epoch": 2, "weights": torch.zeros(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert read_checkpoint(path)["epoch"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["last.pt"]


@pytest.mark.parametrize("length", [0, 10, 400])
def test_a_truncated_checkpoint_is_called_damaged(tmp_path, length):
    path = tmp_path / "last.pt"
    write_checkpoint(path, {"weights": torch.zeros(1_000)})
    path.write_bytes(path.read_bytes()[:length])

    with pytest.raises(CheckpointError, match="damaged"):
        read_checkpoint(path)


class _Trap:
    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def test_no_code_in_a_checkpoint_is_run(tmp_path):
    trap = _Trap(str(tmp_path / "a-checkpoint-ran-code"))
    (tmp_path / "evil.pt").write_bytes(pickle.dumps(trap))
    torch.save({"x": trap}, tmp_path / "evil-zip.pt")

    for name in ("evil.pt", "evil-zip.pt"):
        with pytest.raises(CheckpointError, match="damaged or no checkpoint"):
            read_checkpoint(tmp_path / name)
    assert not (tmp_path / "a-checkpoint-ran-code").exists()


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"there is no checkpoint .*missing\.pt"):
        read_checkpoint(tmp_path / "missing.pt")
