"""Columns by which results are grouped, from file names and tables to the metrics of each group."""

import csv

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from trainer.commands.ingest import command as ingest
from trainer.commands.merge import command as merge
from trainer.data.group_columns import _banded, group_columns
from trainer.data.manifest import read_manifest
from trainer.errors import DataError
from trainer.evaluation.groups import per_group
from trainer.evaluation.metrics import area_under_curve
from trainer.models.balance import balanced
from trainer.protocols import Items


def run(command, *arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False).output


def pictures(folder, names):
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(len(names))
    for name in names:
        cv2.imwrite(str(folder / name), random.integers(0, 255, (40, 40, 3)).astype(np.uint8))


@pytest.mark.parametrize(
    ("written", "band"),
    [
        *((text, "below 28 weeks") for text in ("27", "27.9", "27,5", "27+6", "27 3/7", "27w3d", "27 weeks 3 days")),
        *((text, "28 to 31 weeks") for text in ("28+0", "31 semanas e 6 dias", "31s6d", "196", "223")),
        *((text, "32 to 36 weeks") for text in ("32 + 0", "36+6/7", "258")),
        *((text, "37 weeks or more") for text in ("37", "41+2", "259")),
        *((text, text) for text in ("99", "5", "27+9", "term", "400")),
        ("", "unknown"),
    ],
)
def test_gestation_is_read_as_clinicians_write_it(written, band):
    assert _banded("gestation", [written, "40"]) == [band, "37 weeks or more"]


def test_the_sex_in_copes_names_is_a_group_and_stays_one_through_merge(tmp_path):
    pictures(tmp_path / "cope", ["S01_F_pain_1.jpg", "S01_F_rest_1.jpg", "S02_M_pain_1.jpg", "S02_M_rest_1.jpg"])
    rows = [("image", "subject", "label", "Gestational age", "ward", "shirt")]
    weeks = ["26", "27,5", "31", "34", "36+", "40", ""]
    names = [f"{number}.png" for number in range(6)]
    pictures(tmp_path / "own", names)
    rows += [(name, f"i{n}", n % 2, weeks[n] if n != 4 else "36", "AB"[n // 3], n) for n, name in enumerate(names)]
    with (tmp_path / "own" / "own.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    run(ingest, "cope", tmp_path / "cope")
    run(ingest, "table", tmp_path / "own" / "own.csv", "--group", "ward")
    with pytest.raises(DataError, match="no column 'hat' to group by"):
        run(ingest, "table", tmp_path / "own" / "own.csv", "--group", "hat")

    run(merge, tmp_path / "cope.manifest.csv", tmp_path / "own" / "own.manifest.csv", "--out", tmp_path / "both.csv")

    manifest = read_manifest(tmp_path / "both.csv")
    found = group_columns(manifest)
    by_image = {record.sha256: record.image for record in manifest.records}
    shown = {name: {by_image[sha]: value for sha, value in values.items()} for name, values in found.items()}
    assert set(found) == {"sex", "gestation", "ward", "data_set"}
    assert shown["sex"]["cope/S01_F_pain_1.jpg"] == "F"
    assert shown["sex"]["own/0.png"] == "unknown"
    bands = [shown["gestation"][f"own/{number}.png"] for number in range(6)]
    assert bands[:2] == ["below 28 weeks"] * 2
    assert bands[2:] == ["28 to 31 weeks", "32 to 36 weeks", "32 to 36 weeks", "37 weeks or more"]
    assert shown["ward"]["own/5.png"] == "B"
    assert set(shown["data_set"].values()) == {"cope", "own"}
    assert manifest.sha256 == read_manifest(tmp_path / "both.csv").sha256


def test_each_groups_metrics_are_of_its_pictures_alone():
    random = np.random.default_rng(2)
    labels = np.tile([0.0, 1.0], 60)
    logits = random.normal(2 * labels - 1, 2.0)
    subjects = np.array([f"i{row // 8}" for row in range(120)])
    values = np.array(["F" if row // 8 < 9 else "M" for row in range(120)])

    found = {entry["group"]: entry for entry in per_group(labels, logits, subjects, values, 100)}

    for sex, rows in (("F", slice(0, 72)), ("M", slice(72, 120))):
        pain, said = labels[rows] == 1, logits[rows] >= 0
        assert found[sex]["pictures"] == len(pain)
        assert found[sex]["subjects"] == len(pain) // 8
        assert found[sex]["accuracy"]["value"] == pytest.approx(np.mean(pain == said))
        assert found[sex]["sensitivity"]["value"] == pytest.approx(said[pain].mean())
        assert found[sex]["specificity"]["value"] == pytest.approx(1 - said[~pain].mean())
        assert found[sex]["auc"]["value"] == pytest.approx(area_under_curve(labels[rows], logits[rows]))
        assert found[sex]["accuracy"]["low"] < found[sex]["accuracy"]["value"] < found[sex]["accuracy"]["high"]


def test_balanced_sampling_gives_every_data_set_the_same_number_of_pictures_and_leaves_none_out():
    data_sets = np.array(["large"] * 50 + ["small"] * 8 + ["other"] * 20)
    items = Items.as_they_are(np.concatenate([np.arange(0, 47), np.arange(50, 57), np.arange(58, 78)]))

    found = balanced(items, data_sets, 3)

    names, counts = np.unique(data_sets[found.rows], return_counts=True)
    assert dict(zip(names, counts, strict=True)) == {"large": 47, "small": 47, "other": 47}
    assert set(found.rows.tolist()) == set(items.rows.tolist())
    _, times = np.unique(found.rows[data_sets[found.rows] == "small"], return_counts=True)
    assert set(times.tolist()) <= {6, 7}
    assert balanced(found, np.array(["one"] * 78), 3) is found
