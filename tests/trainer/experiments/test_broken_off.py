"""Runs that a kill or a full disk breaks off lose nothing that was finished, and end with the same figures."""

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from trainer.crops import open_study
from trainer.errors import CheckpointError
from trainer.experiments import cross_validate, open_run, read_config
from trainer.networks import InputContract
from trainer.training import Silence, read_checkpoint

FIELDS = {
    "model": "mimic",
    "network": {"width": 8, "depth": 1},
    "contract": {"size_px": 32, "margin": 0.0},
    "training": {"epochs": 4, "patience_epochs": 4, "schedule": {"warmup_epochs": 0}, "batch_size": 8, "device": "cpu"},
    "augmentation": "light",
}


class _Quiet(Silence):
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


@pytest.fixture(scope="module")
def config(paint_study):
    manifest = paint_study(subjects=6, each=6).folder.with_suffix(".csv")
    return read_config(None, FIELDS | {"manifest": str(manifest)})


@pytest.fixture(scope="module")
def unbroken(config, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    cross_validate(config, folder, lambda *_: _Quiet())
    return open_run(folder).predictions().logits


def killed_while_writing(config, folder, at_write):
    """Run until the `at_write`-th checkpoint of the first fold is half on the disk, and die there."""
    torch.set_num_threads(1)
    real, writes = os.fsync, []

    def die(descriptor):
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        writes.extend([name] if "member0.pt" in name else [])
        if len(writes) == at_write:
            os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        real(descriptor)

    os.fsync = die
    cross_validate(config, folder, lambda *_: _Quiet())


@pytest.mark.parametrize("at_write", [1, 3])
def test_a_kill_while_a_checkpoint_is_written_costs_one_epoch_at_most(config, unbroken, tmp_path, at_write):
    # Forked, so that the child needs no import of this module; it does nothing but train and die.
    process = multiprocessing.get_context("fork").Process(
        target=killed_while_writing, args=(config, tmp_path, at_write)
    )
    process.start()
    process.join(100)
    assert process.exitcode == -signal.SIGKILL
    place = tmp_path / "fold0"
    assert list(place.glob(".member0.pt.*.part"))
    if at_write > 1:
        assert len(read_checkpoint(place / "member0.pt")["history"]) == at_write - 1

    cross_validate(config, tmp_path, lambda *_: _Quiet())

    np.testing.assert_allclose(open_run(tmp_path).predictions().logits, unbroken, atol=1e-6)
    assert not list(place.glob(".*.part"))


def test_a_disk_that_is_full_ends_with_a_sentence_and_the_last_good_checkpoint(config, unbroken, tmp_path):
    process = multiprocessing.get_context("fork").Process(target=killed_while_writing, args=(config, tmp_path, 3))
    process.start()
    process.join(100)
    good = (tmp_path / "fold0" / "member0.pt").read_bytes()
    (tmp_path / "trial.yaml").write_text(config.model_dump_json(exclude_none=True))  # JSON is YAML
    command = f"{sys.executable} -c 'from trainer.cli import main; main()' cv --config {tmp_path / 'trial.yaml'}"

    # The limit on a file's size makes the kernel refuse the write in the middle, as a full disk does.
    limited = f"ulimit -f {len(good) // 2048}; trap '' XFSZ; exec {command} --jobs 1 --out {tmp_path}"
    done = subprocess.run(["bash", "-c", limited], capture_output=True, text=True, timeout=100, check=False)

    assert done.returncode == 3, done.stderr  # an error that one sentence explains
    assert "member0.pt cannot be written" in done.stderr
    assert "the last good member0.pt is intact" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "fold0" / "member0.pt").read_bytes() == good
    cross_validate(open_run(tmp_path).config, tmp_path, lambda *_: _Quiet())
    np.testing.assert_allclose(open_run(tmp_path).predictions().logits, unbroken, atol=1e-6)


def test_crops_that_find_no_room_are_told_and_leave_no_half_file(config):
    """Crops were written through a mapped file: on a full disk the process ended with a bus error and no word."""
    study = open_study(config.manifest)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(CheckpointError, match=r"wide_96px.* cannot be written \(File too large\); it takes \d+ MB"):
            study.crop_set(InputContract(size_px=96))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(study.folder.glob("*.part"))
    assert len(study.crop_set(InputContract(size_px=96)).wide) == len(study.records)
