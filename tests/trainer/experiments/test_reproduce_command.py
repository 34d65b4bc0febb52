"""`nicu-trainer reproduce`: from two folders to Table 1 and Figure 2."""

import csv
import re

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from trainer.commands.reproduce import command

TINY = ["network.width=8", "network.depth=1", "contract.size_px=32", "contract.margin=0", "training.batch_size=8"]
TINY += ["training.schedule.warmup_epochs=0", "augmentation=light", "protocol.folds=2", "protocol.expansion=none"]
TINY += ["copies=2"]


@pytest.fixture
def folders(tmp_path):
    """Painted stand-ins under the names of both data sets: pain is a bright square."""
    random = np.random.default_rng(3)

    def paint(path, is_pain):
        path.parent.mkdir(parents=True, exist_ok=True)
        image = random.integers(30, 150) + random.normal(0, 25, (48, 48, 3))
        image[18:30, 18:30] += 100 * is_pain
        cv2.imwrite(str(path), np.clip(image, 0, 255).astype(np.uint8))

    for infant in range(4, 9):
        for shot in range(4):
            paint(tmp_path / "COPE" / f"S{infant:02d}_M_{'pain' if shot % 2 else 'rest'}_{shot}.png", shot % 2)
            paint(tmp_path / "UNIFESP" / ("dor" if shot % 2 else "não-dor") / f"{infant:02d}_1010{shot}0.bmp", shot % 2)
    return tmp_path / "COPE", tmp_path / "UNIFESP"


def arguments(folders, out, *more):
    cope, unifesp = folders
    options = [part for setting in TINY for part in ("--set", setting)]
    options += ["--model", "mimic", "--epochs", "1", "--jobs", "1", "--faces", "whole", "--pictures", "2", *more]
    return ["--cope", str(cope), "--unifesp", str(unifesp), "--out", str(out), *options]


def test_two_folders_become_table_one_and_figure_two(folders, tmp_path):
    output = (
        CliRunner().invoke(command, arguments(folders, tmp_path / "out", "--no-report"), catch_exceptions=False).output
    )

    with (tmp_path / "out" / "tables" / "table-1.csv").open() as stream:
        head, *rows = list(csv.reader(stream))
    assert head == ["Block", "Model", "Protocol", "COPE", "COPE published", "UNIFESP", "UNIFESP published"]
    protocols = ["dissertation, halves redrawn", "strict"]
    assert [row[:3] for row in rows] == [
        [block, "Mimic", protocol]
        for block in ("Training", "Validation", "Test", "Test, pooled")
        for protocol in protocols
    ]
    assert all("±" in cell for row in rows[:6] for cell in (row[3], row[5]))
    assert not any("[" in cell for row in rows[:6] for cell in row)
    # Infants that are all alike give no interval.
    pooled = [cell for row in rows[6:] for cell in (row[3], row[5])]
    assert all(re.fullmatch(r"\d+\.\d( \[\d+\.\d, \d+\.\d\])?", cell) for cell in pooled), pooled
    assert (tmp_path / "out" / "figure2" / "figure2-databases-grad-cam.png").is_file()
    assert output.count("$ nicu-trainer cv ") == 4


@pytest.mark.slow
def test_the_report_explains_as_much_as_is_asked_for(folders, tmp_path):
    amounts = ["--scored", "2", "--intervened", "0", "--probed", "0"]

    CliRunner().invoke(command, arguments(folders, tmp_path / "out", *amounts), catch_exceptions=False)

    report = (tmp_path / "out" / "report" / "report.md").read_text()
    assert "## Table 1" in report
    assert "Scores of the heat maps" in report
    assert "### Interventions" not in report
    assert "### Probes" not in report
