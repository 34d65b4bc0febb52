"""Merged manifests hold every picture once, with its data set, wherever the pictures lie."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from trainer.commands.merge import command
from trainer.data import read_manifest, write_manifest
from trainer.data.manifest import ImageRecord
from trainer.data.merging import merge_manifests
from trainer.data.naming import Label, Role
from trainer.errors import DataError


@pytest.fixture
def manifests(tmp_path):
    written = []
    for number, data_set in enumerate(("cope", "unifesp")):
        folder = tmp_path / data_set
        folder.mkdir()
        records = []
        for shot in range(4):
            cv2.imwrite(str(folder / f"{shot}.png"), np.full((8, 8, 3), 20 * shot + number, np.uint8))
            label = Label.PAIN if shot % 2 else Label.NO_PAIN
            sha256 = f"{number}{shot}".rjust(64, "0")
            subject = f"{data_set}/s{shot // 2}"
            fields = (f"{shot}.png", subject, label, "", data_set, Role.MAIN, sha256, "0" * 80, 8, 8)
            records.append(ImageRecord(*fields))
        written.append(folder / "set.manifest.csv")
        write_manifest(written[-1], records)
    return written


def test_every_picture_keeps_its_data_set_and_is_found(manifests, tmp_path):
    out = tmp_path / "both.manifest.csv"

    printed = CliRunner().invoke(command, [*map(str, manifests), "--out", str(out)], catch_exceptions=False).stdout

    merged = read_manifest(out)
    assert [record.data_set for record in merged.records] == ["cope"] * 4 + ["unifesp"] * 4
    assert merged.records[0].image == "cope/0.png"
    assert all(merged.path(record).is_file() for record in merged.records)
    assert "unifesp: 2 infants, 2 pictures of pain, 2 of no pain" in printed


def test_pictures_beside_the_new_folder_are_named_whole(manifests, tmp_path):
    out = tmp_path / "elsewhere" / "both.manifest.csv"

    merged, _ = merge_manifests(manifests, out)

    assert all(merged.path(record).is_file() for record in read_manifest(out).records)


def test_a_picture_or_an_infant_in_two_sets_is_refused(manifests, tmp_path):
    first, second = (read_manifest(path).records for path in manifests)
    write_manifest(manifests[1], [replace(second[0], sha256=first[2].sha256)])
    with pytest.raises(DataError, match="the same picture as"):
        merge_manifests(manifests, tmp_path / "both.csv")

    write_manifest(manifests[1], [replace(second[0], subject=first[0].subject)])
    with pytest.raises(DataError, match="both have a subject"):
        merge_manifests(manifests, tmp_path / "both.csv")
    assert not (tmp_path / "both.csv").exists()


def renamed(path, change):
    write_manifest(path, [change(record) for record in read_manifest(path).records])


@pytest.mark.parametrize("spelt", ["s0", "S00", "s 0"])
def test_equal_names_in_two_sets_are_said_and_kept_in_the_report(manifests, tmp_path, spelt):
    renamed(manifests[1], lambda record: replace(record, subject=record.subject.replace("s0", spelt)))
    renamed(manifests[1], lambda record: replace(record, subject=record.subject.replace("/s1", "/t9")))
    out = tmp_path / "both.manifest.csv"

    printed = CliRunner().invoke(command, [*map(str, manifests), "--out", str(out)], catch_exceptions=False).stdout

    sentence = "2 infants have the name of another one, up to its spelling, such as"
    assert f"Warning: {sentence} 'cope/s0' and 'unifesp/{spelt}'." in printed
    (kept,) = json.loads(out.with_suffix(".report.json").read_text())["warnings"]
    assert kept.startswith(sentence)


@pytest.mark.parametrize("data_set", ["unifesp", "cope"])
def test_two_tables_of_the_same_infants_can_be_joined(manifests, tmp_path, data_set):
    renamed(
        manifests[1], lambda record: replace(record, data_set=data_set, subject=f"{data_set}/S0{record.subject[-1]}")
    )
    arguments = [*map(str, manifests), "--out", str(tmp_path / "both.csv"), "--same-infants"]

    printed = CliRunner().invoke(command, arguments, catch_exceptions=False).stdout

    records = read_manifest(tmp_path / "both.csv").records
    assert {record.subject for record in records} == {"cope/s0", "cope/s1"}
    assert {record.data_set for record in records} == {"cope", data_set}
    assert "2 infants in all" in printed
    assert "Warning" not in printed


def test_a_merged_manifest_does_not_take_the_place_of_a_part(manifests):
    before = manifests[0].read_bytes()
    done = CliRunner().invoke(command, [*map(str, manifests), "--out", str(manifests[0])])
    assert done.exit_code == 2
    assert "--out would write over" in done.output
    assert manifests[0].read_bytes() == before
