"""Runs that a kill or a full disk breaks off lose nothing that was finished, and end with the same metrics."""

import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from trainer.crops import find_all_faces, open_study
from trainer.data import clip_candidates, read_manifest
from trainer.errors import CheckpointError
from trainer.experiments import cross_validate, open_run, read_config
from trainer.networks import InputContract
from trainer.training import EpochReport, NullListener, read_checkpoint
from trainer.training.tensorboard_log import TensorBoardLog

FIELDS = {
    "model": "mimic",
    "network": {"width": 8, "depth": 1},
    "contract": {"size_px": 32, "margin": 0.0},
    "training": {"epochs": 4, "patience_epochs": 4, "schedule": {"warmup_epochs": 0}, "batch_size": 8, "device": "cpu"},
    "augmentation": "light",
    "copies": 2,
}


@pytest.fixture(scope="module")
def config(paint_study):
    manifest = paint_study(subjects=6, each=6).folder.with_suffix(".csv")
    return read_config(None, FIELDS | {"manifest": str(manifest)})


@pytest.fixture(scope="module")
def frozen(paint_study):
    """A ResNet50 whose dense layers train on features that are computed once."""
    manifest = paint_study(subjects=6, each=4).folder.with_suffix(".csv")
    fields = {
        "model": "resnet50-proposed",
        "network": {"head": [8]},
        "contract": {"size_px": 32},
        "copies": 2,
        "training": {"epochs": 2, "patience_epochs": 2, "device": "cpu"},
        "protocol": {"folds": 2},
        "manifest": str(manifest),
    }
    return read_config(None, fields)


@pytest.fixture(scope="module")
def frozen_unbroken(frozen, tmp_path_factory):
    return answers(frozen, tmp_path_factory.mktemp("frozen-unbroken"))


def answers(config, folder, jobs=1):
    cross_validate(config, folder, jobs=jobs)
    return open_run(folder).predictions().logits


@pytest.fixture(scope="module")
def unbroken(config, tmp_path_factory):
    return answers(config, tmp_path_factory.mktemp("unbroken"))


def killed_while_writing(config, folder, file, at_write):
    """Run until a file of this name is half on the disk for the `at_write`-th time, and die there."""
    torch.set_num_threads(1)
    real, writes = os.fsync, []

    def die(descriptor):
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        writes.extend([name] if file in name else [])
        if len(writes) == at_write:
            os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        real(descriptor)

    os.fsync = die
    cross_validate(config, folder)


def run_and_die(config, folder, file, at_write):
    # Forked, so that the child needs no import of this module; it does nothing but train and die.
    process = multiprocessing.get_context("fork").Process(
        target=killed_while_writing, args=(config, folder, file, at_write)
    )
    process.start()
    process.join(100)
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("at_write", [1, 3])
def test_a_kill_while_a_checkpoint_is_written_costs_one_epoch_at_most(config, unbroken, tmp_path, at_write):
    run_and_die(config, tmp_path, "member0.pt", at_write)
    run = tmp_path / "fold0"
    assert list(run.glob(".member0.pt.*.part"))
    if at_write > 1:
        assert len(read_checkpoint(run / "member0.pt")["history"]) == at_write - 1

    np.testing.assert_allclose(answers(config, tmp_path), unbroken, atol=1e-6)
    assert not list(run.glob(".*.part"))


@pytest.mark.parametrize(
    ("file", "at_write"),
    [("networks.pt", 1), ("member0.pt", 5), ("networks.pt", 3), ("predictions.csv", 1), ("metrics.json", 1)],
)
def test_a_kill_between_two_folds_or_after_the_last_changes_nothing(config, unbroken, tmp_path, file, at_write):
    run_and_die(config, tmp_path, file, at_write)

    np.testing.assert_allclose(answers(config, tmp_path), unbroken, atol=1e-6)
    assert not list(tmp_path.rglob(".*.part"))


@pytest.mark.parametrize(
    ("file", "at_write"), [(".npy", 9), ("member0.pt", 2), pytest.param("member0.pt", 4, marks=pytest.mark.slow)]
)
def test_a_frozen_trunk_that_is_killed_ends_with_the_same_metrics(frozen, frozen_unbroken, tmp_path, file, at_write):
    features = Path(frozen.manifest).with_suffix(".crops") / "features"
    shutil.rmtree(features, ignore_errors=True)
    run_and_die(frozen, tmp_path / "broken", file, at_write)

    np.testing.assert_allclose(answers(frozen, tmp_path / "broken"), frozen_unbroken, atol=1e-6)


def descendants(process):
    """Return the numbers of all processes below one."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [*children, *(below for child in children for below in descendants(child))]


def test_folds_in_processes_that_are_killed_end_with_the_same_metrics(config, tmp_path):
    # An epoch is long enough that the kill meets the second fold in its middle.
    training = FIELDS["training"] | {"epochs": 6, "patience_epochs": 6}
    changes = {"manifest": str(config.manifest), "training": training, "copies": 8, "protocol": {"folds": 2}}
    long = read_config(None, FIELDS | changes)
    (tmp_path / "trial.yaml").write_text(long.model_dump_json(exclude_none=True))  # JSON is YAML
    program = [sys.executable, "-c", "from trainer.cli import main; main()", "cv", "--config", tmp_path / "trial.yaml"]
    process = subprocess.Popen([*program, "--jobs", "2", "--out", tmp_path / "broken"], stderr=subprocess.DEVNULL)
    second = tmp_path / "broken" / "fold1" / "member0.pt"
    while not second.exists():
        assert process.poll() is None
        time.sleep(0.005)
    below = descendants(process.pid)
    process.kill()

    assert process.wait() == -signal.SIGKILL
    while any(Path(f"/proc/{child}").exists() for child in below):  # nobody trains on for a program that is gone
        time.sleep(0.01)
    assert len(below) >= 3  # both folds, and the server that they were forked from
    assert not (tmp_path / "broken" / "predictions.csv").exists()
    assert len(read_checkpoint(second)["history"]) < 6
    resumed = answers(long, tmp_path / "broken", jobs=2)
    np.testing.assert_allclose(resumed, answers(long, tmp_path / "unbroken"), atol=1e-6)


def test_a_disk_that_is_full_ends_with_a_sentence_and_the_last_good_checkpoint(config, unbroken, tmp_path):
    run_and_die(config, tmp_path, "member0.pt", 3)
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
    cross_validate(open_run(tmp_path).config, tmp_path)
    np.testing.assert_allclose(open_run(tmp_path).predictions().logits, unbroken, atol=1e-6)


def test_crops_that_find_no_room_are_reported_and_leave_no_half_file(config):
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


def test_faces_that_find_no_room_keep_what_was_found_and_go_on_later(config, tmp_path):
    limited = "ulimit -f 4; trap '' XFSZ; exec"  # 4 KiB; a full disk refuses a write in the middle, too
    command = f"{sys.executable} -c 'from trainer.cli import main; main()' crop"
    program = f"{command} {config.manifest} --jobs 1 --out {tmp_path}"

    done = subprocess.run(
        ["bash", "-c", f"{limited} {program}"], capture_output=True, text=True, timeout=100, check=False
    )

    assert done.returncode == 3, done.stderr
    assert "faces.jsonl cannot be written" in done.stderr
    assert "what was found before is retained" in done.stderr
    assert "Traceback" not in done.stderr
    known = (tmp_path / "faces.jsonl").read_text().splitlines()[:-1]
    find_all_faces(read_manifest(config.manifest), tmp_path, mode="whole", detector_bundle="", jobs=1)
    lines = (tmp_path / "faces.jsonl").read_text().splitlines()
    assert lines[: len(known)] == known
    assert len(lines) == 36


def test_a_log_that_finds_no_room_does_not_end_the_training(tmp_path):
    notes = []
    listener = NullListener()
    listener.note = notes.append
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, before[1]))
    try:
        with TensorBoardLog(tmp_path, listener) as board:
            for epoch in range(3):
                board.note("something happened")
                board.epoch_done(EpochReport(0, epoch, 0.1, 0.7, 0.7, 0.5, 1.0, 0.0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert any("TensorBoard log cannot be written" in note for note in notes), notes


def test_a_log_is_one_that_tensorboard_reads(tmp_path):
    with TensorBoardLog(tmp_path, NullListener()) as board:
        board.note("something happened")
        for epoch in range(3):
            board.epoch_done(EpochReport(0, epoch, 0.1, 0.7, 0.5 + epoch, 0.5, 1.0, 0.0))

    events = EventAccumulator(str(tmp_path)).Reload()

    assert [entry.value for entry in events.Scalars("loss/validation")] == [0.5, 1.5, 2.5]
    assert [entry.step for entry in events.Scalars("learning_rate")] == [0, 1, 2]
    assert events.Tags()["tensors"] == ["note/text_summary"]


def test_a_still_of_a_clip_that_finds_no_room_is_no_damaged_clip(tmp_path):
    (tmp_path / "clips").mkdir()
    name = "S025_Pain_1_[0]_20s.avi"
    writer = cv2.VideoWriter(str(tmp_path / "clips" / name), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for index in range(5):
        writer.write(np.random.default_rng(index).integers(0, 255, (48, 64, 3)).astype(np.uint8))
    writer.release()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(CheckpointError, match=r"frame00000\.png cannot be written"):
            list(clip_candidates(tmp_path / "clips", tmp_path / "stills", 2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
