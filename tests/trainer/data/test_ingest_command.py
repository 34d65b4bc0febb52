"""`nicu-trainer ingest` takes in what is right and says, for every other file, why not."""

import csv
import json
import shutil

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from trainer.commands.ingest import command
from trainer.data import Label, Role, read_manifest
from trainer.errors import DataError


def paint(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3)).astype(np.uint8)
    Image.fromarray(cv2.resize(coarse, (160, 120), interpolation=cv2.INTER_CUBIC)).save(path)


def run(*arguments):
    result = CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def cope(tmp_path):
    folder = tmp_path / "COPE"
    names = ["S04_M_pain_1", "S04_M_rest_1", "S05_F_pain _1", "S05_F_friciton_1", "S05_F_cry", "S06_M_rest2"]
    for seed, name in enumerate(names):
        paint(folder / f"{name}.jpg", seed)
    return folder


def test_a_cope_folder_becomes_a_manifest(cope):
    output = run("cope", cope)

    manifest = read_manifest(cope.with_name("COPE.manifest.csv"))
    assert "6 pictures of 3 subjects" in output
    assert "No file was refused" in output
    by_name = {manifest.path(record).name: record for record in manifest.records}
    assert by_name["S05_F_pain _1.jpg"].label is Label.PAIN
    assert by_name["S05_F_friciton_1.jpg"].stimulus == "friction"
    assert by_name["S05_F_friciton_1.jpg"].role is Role.STRESS
    assert by_name["S06_M_rest2.jpg"].role is Role.MAIN
    assert {record.subject for record in manifest.records} == {"cope/S04", "cope/S05", "cope/S06"}
    assert all(manifest.path(record).is_file() for record in manifest.records)


def test_every_file_that_is_left_out_is_reported_with_its_reason(cope):
    (cope / "holiday.jpg").write_bytes((cope / "S05_F_cry.jpg").read_bytes())
    (cope / "S07_M_pain_1.jpg").write_bytes((cope / "S04_M_pain_1.jpg").read_bytes()[:900])
    shutil.copy(cope / "S04_M_pain_1.jpg", cope / "S04_M_pain_2.jpg")
    shutil.copy(cope / "S06_M_rest2.jpg", cope / "S06_M_pain_1.jpg")
    paint(cope / "S06_F_rest_9.jpg", 77)
    (cope / "notes.docx").write_bytes(b"PK")

    output = run("cope", cope)

    report = json.loads(cope.with_name("COPE.manifest.report.json").read_text())
    reasons = {entry["file"].rpartition("/")[2]: entry["reason"] for entry in report["refused"]}
    assert reasons == {
        "holiday.jpg": "unknown_name",
        "S07_M_pain_1.jpg": "truncated",
        "S04_M_pain_2.jpg": "duplicate",
        "S06_M_rest2.jpg": "conflicting_label",
        "S06_M_pain_1.jpg": "conflicting_label",
        "notes.docx": "unknown_name",
    }
    assert all(entry["file"].rpartition("/")[2] in entry["message"] for entry in report["refused"])
    assert "Subject cope/S06 is both M and F" in output
    assert report["slips_understood"]
    assert len(read_manifest(cope.with_name("COPE.manifest.csv")).records) == 6


def test_pictures_that_look_alike_are_reported_and_stay(cope):
    image = Image.open(cope / "S04_M_pain_1.jpg")
    image.save(cope / "S05_F_rest_7.jpg", quality=60)

    output = run("cope", cope)

    report = json.loads(cope.with_name("COPE.manifest.report.json").read_text())
    assert report["taken"] == 7
    assert len(report["near_duplicates"]) == 1
    assert report["near_duplicates"][0] | {"first": "", "second": ""} == {
        "first": "",
        "second": "",
        "same_subject": False,
        "same_label": False,
    }
    assert "1 pairs look alike: 1 across subjects, 1 with different labels" in output


@pytest.mark.parametrize("by", ["table", "folders"])
def test_unifesp_takes_its_labels_from_a_table_or_from_folders(tmp_path, by):
    folder = tmp_path / "UNIFESP"
    for number, label in enumerate(["pain", "no_pain", "pain"], start=1):
        parent = folder / ("dor" if label == "pain" else "sem dor") if by == "folders" else folder
        paint(parent / f"{number:02d}_11422{number}.bmp", number)
    if by == "table":
        rows = "file;label\n01_114221.bmp;pain\n02_114222.bmp;0\nC:\\faces\\03_114223.bmp;1\n"
        (folder / "labels.csv").write_text(rows)

    run("unifesp", folder)

    records = read_manifest(tmp_path / "UNIFESP.manifest.csv").records
    assert {record.subject: record.label for record in records} == {
        "unifesp/01": Label.PAIN,
        "unifesp/02": Label.NO_PAIN,
        "unifesp/03": Label.PAIN,
    }


def test_an_infants_folder_named_1_is_no_label(tmp_path):
    for number in (1, 2):
        for state, shot in (("dor", 1), ("sem_dor", 2)):
            paint(tmp_path / "UNIFESP" / state / str(number) / f"{number:02d}_11122{shot}.png", 10 * number + shot)

    run("unifesp", tmp_path / "UNIFESP")

    records = read_manifest(tmp_path / "UNIFESP.manifest.csv").records
    assert [record.label for record in records if record.subject == "unifesp/01"] == [Label.PAIN, Label.NO_PAIN]
    assert all((record.label is Label.NO_PAIN) == ("sem_dor" in record.image) for record in records)


def test_numbered_folders_are_labels_only_where_all_are_0_or_1(tmp_path):
    for part in ("0", "1"):
        paint(tmp_path / "labels" / part / f"0{part}_111221.png", int(part))
        paint(tmp_path / "infants" / part / f"0{part}_111221.png", int(part))
    paint(tmp_path / "infants" / "2" / "02_111221.png", 2)

    run("unifesp", tmp_path / "labels")
    assert [record.label for record in read_manifest(tmp_path / "labels.manifest.csv").records] == [
        Label.NO_PAIN,
        Label.PAIN,
    ]
    refused = CliRunner().invoke(command, ["unifesp", str(tmp_path / "infants")]).output
    assert "(3 no_label)" in refused


def test_folders_that_contradict_each_other_are_refused(tmp_path):
    paint(tmp_path / "UNIFESP" / "dor" / "01_111221.png", 1)
    paint(tmp_path / "UNIFESP" / "sem dor" / "01_111222.png", 2)
    paint(tmp_path / "UNIFESP" / "sem dor" / "p" / "02_111222.png", 3)

    output = run("unifesp", tmp_path / "UNIFESP")

    assert "02_111222.png: its folders contradict each other: 'sem dor' no_pain and 'p' pain; rename one" in output
    assert len(read_manifest(tmp_path / "UNIFESP.manifest.csv").records) == 2


def test_a_unifesp_picture_without_a_label_is_refused(tmp_path):
    paint(tmp_path / "UNIFESP" / "dor" / "01_114221.bmp", 1)
    paint(tmp_path / "UNIFESP" / "02_114222.bmp", 2)

    output = run("unifesp", tmp_path / "UNIFESP")

    assert "1 no_label" in output


def test_icopevid_clips_are_cut_into_stills(tmp_path):
    folder = tmp_path / "video"
    folder.mkdir()
    writer = cv2.VideoWriter(str(folder / "S025_Pain_1_[0]_20s.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for index in range(20):
        writer.write(np.random.default_rng(index).integers(0, 255, (48, 64, 3)).astype(np.uint8))
    writer.release()
    (folder / "S026_Rest_1_[0]_20s.avi").write_bytes(b"no video")

    output = run("icopevid", folder, "--frames-per-clip", 4)

    records = read_manifest(tmp_path / "video.manifest.csv").records
    assert len(records) == 4
    assert {record.subject for record in records} == {"icopevid/S025"}
    assert "S026_Rest_1_[0]_20s.avi: no video can be decoded" in output


def test_clips_of_one_name_keep_their_own_stills(tmp_path):
    """A recorder that counts from 1 every day: what one day shows must not be overwritten by another."""
    names = ("day1/S025_Pain_1.avi", "day2/S025_Pain_1.avi", "day2/S025_Pain_1.mkv", "S025_Rest_1.avi")
    for number, name in enumerate(names):
        path = tmp_path / "video" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
        for index in range(4):
            writer.write(np.random.default_rng(10 * number + index).integers(0, 255, (48, 64, 3)).astype(np.uint8))
        writer.release()

    output = run("icopevid", tmp_path / "video", "--frames-per-clip", 2)

    records = read_manifest(tmp_path / "video.manifest.csv").records
    assert [record.image.partition("/")[2] for record in records] == [
        "S025_Rest_1_frame00000.png",
        "S025_Rest_1_frame00003.png",
        "day1/S025_Pain_1_frame00000.png",
        "day1/S025_Pain_1_frame00003.png",
        "day2/S025_Pain_1_frame00000.png",
        "day2/S025_Pain_1_frame00003.png",
    ]
    assert "S025_Pain_1.mkv: it has the name of S025_Pain_1.avi beside it" in output


@pytest.mark.parametrize("case", ["alike", "one bright pixel", "declared"])
def test_deep_grey_pictures_of_one_set_are_scaled_alike_or_not_at_all(tmp_path, case):
    """One lamp in one picture would make it 64 times as dark as the others."""
    suffix, tags = (".tif", {"tiffinfo": {281: 65535}}) if case == "declared" else (".png", {})
    rows = "image,subject,label\n"
    for index in range(4):
        grey = np.random.default_rng(index).integers(100, 900, (32, 32)).astype(np.uint16)
        if case != "alike" and index == 0:
            grey[0, 0] = 60_000
        Image.fromarray(grey).save(tmp_path / f"{index}{suffix}", **tags)
        rows += f"{index}{suffix},s{index},{index % 2}\n"
    (tmp_path / "set.csv").write_text(rows)

    result = CliRunner().invoke(command, ["table", str(tmp_path / "set.csv")])

    if case == "one bright pixel":
        assert isinstance(result.exception, DataError)
        assert "it is 10 in some (1.png) and 16 in others (0.png)" in str(result.exception)
        assert not (tmp_path / "set.manifest.csv").exists()
    else:
        assert len(read_manifest(tmp_path / "set.manifest.csv").records) == 4
        assert ("do not say how many count; 10 are taken for all" in result.output) is (case == "alike")


def test_a_table_of_any_picture_set_is_taken_in(tmp_path):
    rows = [("image", "subject", "label")]
    for index in range(4):
        paint(tmp_path / "faces" / f"{index}.png", index)
        rows.append((f"faces/{index}.png", f"person {index // 2}", str(index % 2)))
    rows += [("faces/none.png", "person 9", "1"), ("faces/0.png", "person 0", "maybe"), ("faces/1.png", "", "1")]
    with (tmp_path / "set.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)

    output = run("table", tmp_path / "set.csv")

    assert "2 pain and 2 no pain" in output
    assert "3 files refused (1 missing, 1 no_label, 1 bad_row)" in output
    assert "set.csv, line 7" in output


def test_what_cannot_be_a_data_set_ends_with_one_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.csv").write_text("picture,who\na,b\n")
    runner = CliRunner()

    for arguments, message in [
        (("cope", tmp_path / "nowhere"), "is no folder"),
        (("cope", tmp_path / "empty"), "there is no picture below"),
        (("table", tmp_path / "bad.csv"), "lacks the column 'image'"),
        (("table", tmp_path / "none.csv"), "there is no table"),
    ]:
        result = runner.invoke(command, [str(argument) for argument in arguments])
        assert isinstance(result.exception, DataError)
        assert message in str(result.exception)


def test_a_table_that_is_no_manifest_is_answered_with_the_command_that_makes_one(tmp_path):
    (tmp_path / "set.csv").write_text("image,subject,label\na.png,1,1\n")

    with pytest.raises(DataError, match=r"run `nicu-trainer ingest table set\.csv` first"):
        read_manifest(tmp_path / "set.csv")


def test_the_manifests_digest_follows_the_content_and_not_the_folder(cope, tmp_path):
    run("cope", cope)
    before = read_manifest(tmp_path / "COPE.manifest.csv").sha256
    moved = tmp_path / "elsewhere" / "COPE"
    shutil.copytree(cope, moved)
    run("cope", moved)

    assert read_manifest(moved.with_name("COPE.manifest.csv")).sha256 == before
    (cope / "S06_M_rest2.jpg").unlink()
    run("cope", cope)
    assert read_manifest(tmp_path / "COPE.manifest.csv").sha256 != before


def test_a_table_of_labels_is_not_written_over(tmp_path):
    """The labels are often the only copy, and those of refused pictures would be lost with the other columns."""
    for seed in range(4):
        paint(tmp_path / f"{seed}.png", seed)
    table = tmp_path / "labels.csv"
    table.write_text(
        "image,subject,label\n" + "".join(f"{n}.png,s{n},{'pain' if n % 2 else 'calm'}\n" for n in range(4))
    )
    written = table.read_bytes()

    with pytest.raises(DataError, match=r"labels\.csv is no manifest and would be lost; name another file"):
        run("table", table, "--out", table)
    assert table.read_bytes() == written

    for _ in range(2):  # A manifest may be made anew.
        run("table", table, "--out", tmp_path / "new.manifest.csv")
    assert len(read_manifest(tmp_path / "new.manifest.csv").records) == 4
