"""The commands, from the command line to the files."""

import csv
import json
import os
import signal
from pathlib import Path

import click
import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from trainer.commands.synthesize import command
from trainer.data import Label, cope_candidates, find_labels, ingest, read_table, unifesp_candidates
from trainer.errors import DataError
from trainer.synthetic import REGIONS, writing


def run(*arguments: object) -> str:
    result = CliRunner().invoke(command, [str(argument) for argument in arguments], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.output


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


SMALL = ("--infants", 2, "--per-infant", 3, "--size", "160x120", "--face-px", 40, 50)


def test_stills_are_the_same_whoever_draws_them(tmp_path):
    run("stills", "--out", tmp_path / "one", "--seed", 3, "--jobs", 1, *SMALL)
    run("stills", "--out", tmp_path / "two", "--seed", 3, "--jobs", 2, *SMALL)
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_stills_come_with_a_table_that_ingest_takes_truth_masks_and_twins(tmp_path):
    out = tmp_path / "set"
    run("stills", "--out", out, "--jobs", 1, "--cue-correlation", 0.5, "--regions", "--swapped", *SMALL)
    report = ingest(read_table(out / "images.csv").candidates, "synthetic", out)
    assert len(report.records) == 6
    assert not report.refused
    truths = json.loads((out / "truth.json").read_text())
    with (out / "images.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["image"] for row in rows] == [truth["image"] for truth in truths]
    for truth in truths:
        image = cv2.imread(str(out / truth["image"]))
        mask = cv2.imread(str(out / truth["regions"]), cv2.IMREAD_UNCHANGED)
        twin = cv2.imread(str(out / truth["swapped"]))
        assert mask.shape == image.shape[:2]
        assert (mask & REGIONS["cue"]).any()
        assert 0 < (np.abs(image.astype(int) - twin).max(axis=2) > 12).mean() < 0.2
    assert "say nothing about pain" in json.loads((out / "dataset.json").read_text())["note"]


def test_the_stand_ins_are_taken_in_as_the_real_sets_are(tmp_path):
    run("cope", "--out", tmp_path / "cope", "--jobs", 1, "--scale", 0.1)
    cope = ingest(cope_candidates(tmp_path / "cope"), "cope", tmp_path)
    assert len(cope.records) == 153
    assert not cope.refused


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_unifesp_stand_in_is_taken_in_as_the_real_set_is(tmp_path):
    """Draws 356 stills; run with `pytest -m slow`."""
    folder = tmp_path / "unifesp"
    run("unifesp", "--out", folder, "--jobs", 2)
    unifesp = ingest(unifesp_candidates(folder, find_labels(folder, None)), "unifesp", tmp_path)
    assert len(unifesp.records) == 356
    assert sum(record.label is Label.PAIN for record in unifesp.records) == 162


def test_a_process_that_is_killed_ends_the_drawing_with_a_sentence(tmp_path):
    with pytest.raises(DataError, match=r"processes was killed.*empty the folder.*--jobs"):
        list(writing._rendered(_die, [1, 2], jobs=2))


def _die(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_folder_with_something_in_it_is_not_mixed_up(tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(Exception, match="is not empty"):
        run("stills", "--out", tmp_path, *SMALL)


@pytest.mark.parametrize("arguments", [("--size", "big"), ("--face-px", 10, 20), ("--face-px", 60, 300)])
def test_sizes_that_make_no_sense_are_refused(tmp_path, arguments):
    result = CliRunner().invoke(command, ["stills", "--out", str(tmp_path / "x"), *map(str, arguments)])
    assert result.exit_code == 2
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("check", "--face-px", 500, 10), "do not fit a picture of 640x480"),
        (("check", "--face-px", "nan", "nan"), "do not fit"),
        (("stills", "--out", "new", "--size", "200000x64", "--face-px", 20, 30), "from 32x32 to 8192x8192"),
        (("stills", "--out", "new", "--size", "9" * 5000 + "x64"), "is no size"),
        (("stills", "--out", "new", "--swapped"), "no cue without --cue-correlation"),
        (("stills", "--out", "new", "--invert-cue"), "no cue without --cue-correlation"),
        (("video", "--out", "new", "--orientation-deg", "nan"), "nan"),
        (("video", "--out", "new", "--orientation-deg", "inf"), "inf"),
        (("video", "--out", "new", "--face-px", 1e6), "does not fit a picture of 1280x720"),
    ],
    ids=["order", "nan", "wide", "digits", "no cue", "no cue to invert", "no angle", "endless angle", "face"],
)
def test_what_cannot_be_drawn_is_refused_before_a_folder_is_made(tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(click.BadParameter, match=words):
        run(*arguments)
    assert list(tmp_path.iterdir()) == []
