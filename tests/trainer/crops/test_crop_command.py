"""`nicu-trainer crop` finds faces as the monitor does, goes on after a kill, and hides no picture without a face."""

import csv

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from monitor.errors import BundleError
from monitor.faces import OrientedBox
from monitor.inference.bundle import find_bundle
from monitor.synthetic import BedOptions, SyntheticBed
from trainer.commands.crop import command
from trainer.commands.ingest import command as ingest
from trainer.crops import FaceRecord, finding, open_study, read_faces, study
from trainer.data import file_sha256
from trainer.detection import detector_sha256
from trainer.errors import DataError
from trainer.networks import InputContract

ORIENTATIONS = (0.0, 95.0, -140.0)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Three infants that lie differently, and a picture without anybody."""
    folder = tmp_path_factory.mktemp("pictures")
    rows = [("image", "subject", "label")]
    for index, orientation in enumerate(ORIENTATIONS):
        options = BedOptions(orientation_deg=orientation, face_px=110.0)
        image, _ = SyntheticBed(900 + index, width_px=400, height_px=320, options=options).frame(0.0)
        cv2.imwrite(str(folder / f"{index}.png"), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        rows.append((f"{index}.png", str(index), str(index % 2)))
    empty, _ = SyntheticBed(910, "empty", width_px=400, height_px=320).frame(0.0)
    cv2.imwrite(str(folder / "empty.png"), cv2.cvtColor(empty, cv2.COLOR_RGB2BGR))
    rows.append(("empty.png", "nobody", "0"))
    with (folder / "set.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    CliRunner().invoke(ingest, ["table", str(folder / "set.csv")], catch_exceptions=False)
    return folder / "set.manifest.csv"


@pytest.fixture(scope="module")
def _detector():
    try:
        find_bundle("retinaface")
    except BundleError as error:
        pytest.skip(str(error))


def crop(*arguments):
    result = CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def cropped(pictures, _detector):
    return crop(pictures, "--jobs", 1), pictures


def test_faces_are_found_whichever_way_they_lie(cropped):
    output, manifest = cropped

    study = open_study(manifest)

    assert "A face in 3 of 4 pictures" in output
    found = [face.box.orientation_deg for face in study.faces if face.box]
    for orientation, expected in zip(found, ORIENTATIONS, strict=True):
        assert abs((orientation - expected + 180) % 360 - 180) < 25
    sheet = cv2.imread(str(study.folder / "contact_sheet.png"))
    assert sheet.shape == (110, 4 * 96, 3)


def test_a_picture_without_a_face_is_named_and_stays_in_the_study(cropped):
    output, manifest = cropped

    study = open_study(manifest)

    assert "No face in 1 pictures; every later result counts them:\n  empty.png" in output
    assert study.has_face.tolist() == [True, True, True, False]


def test_crops_of_any_contract_are_cut_from_the_same_faces(cropped):
    _, manifest = cropped
    study = open_study(manifest)

    crops = study.crop_set(InputContract(size_px=64, margin=0.2))

    assert crops.wide.shape == (4, 96, 96, 3)
    assert crops.wide[3].max() == 0
    assert crops.exact(np.array([0]))[0].std() > 10


def test_an_interrupted_run_goes_on_where_it_stopped(cropped, tmp_path):
    """A kill leaves whole lines and perhaps half a one; neither is done again or believed."""
    _, manifest = cropped
    complete = (open_study(manifest).folder / "faces.jsonl").read_text()
    lines = complete.splitlines(keepends=True)
    marked = lines[0].replace('"candidates": 1', '"candidates": 7')
    (tmp_path / "faces.jsonl").write_text(marked + lines[1][:40])

    crop(manifest, "--out", tmp_path, "--jobs", 1)

    found = read_faces(tmp_path / "faces.jsonl")
    assert len(found) == 4
    assert sorted(record.candidates for record in found.values()) == [0, 1, 1, 7]


def test_faces_of_another_detector_are_found_anew(pictures, tmp_path, monkeypatch):
    """A detector that was fitted is tried in the folder of the one before; what that one found is not its own."""
    asked = []
    monkeypatch.setattr(finding, "open_detector", lambda bundle: bundle)
    monkeypatch.setattr(finding, "detector_sha256", lambda bundle: bundle * 8)
    monkeypatch.setattr(finding, "detect_faces", lambda _, detector: asked.append(detector) or [])

    digests = []
    for detector in ("original", "original", "fitted"):
        crop(pictures, "--out", tmp_path, "--faces", "detect-or-whole", "--detector", detector, "--jobs", 1)
        digests.append(open_study(pictures, tmp_path).crops_sha256)

    assert asked == ["original"] * 4 + ["fitted"] * 4
    assert {face.detector for face in open_study(pictures, tmp_path).faces} == {"fitted" * 8}
    assert len(set(digests)) == 1  # the same boxes are the same study, whoever found them


def test_pictures_that_are_faces_already_are_taken_whole(pictures, tmp_path):
    output = crop(pictures, "--out", tmp_path, "--faces", "whole")

    study = open_study(pictures, tmp_path)
    assert "A face in 4 of 4 pictures" in output
    box = study.faces[0].box
    assert (box.width_px, box.height_px, box.center_x_px, box.orientation_deg) == (400, 320, 199.5, 0.0)


def test_tiny_pictures_are_faces_already_unless_the_user_says_otherwise(tmp_path):
    """In tight pictures of 64 px the detector, which wants surroundings, missed half of the faces."""
    table = tmp_path / "set.csv"
    for index in range(3):
        grey = np.random.default_rng(index).integers(0, 255, (64, 64)).astype(np.uint8)
        cv2.imwrite(str(tmp_path / f"{index}.png"), grey)
    table.write_text("image,label\n0.png,smile\n1.png,neutral\n2.png,smile\n")
    CliRunner().invoke(ingest, ["table", str(table)], catch_exceptions=False)
    manifest = tmp_path / "set.manifest.csv"

    output = crop(manifest)

    assert "No picture is larger than 64 px, so each is taken as a face" in output
    assert "A face in 3 of 3 pictures" in output
    assert {face.how for face in open_study(manifest).faces} == {"whole"}


@pytest.mark.usefixtures("_detector")
@pytest.mark.parametrize(
    ("share", "missed", "how"),
    [
        (0.8, 2, "whole"),  # cut out already: the detector misses some, the others fill their pictures
        (0.8, 0, "detected"),  # photographs from near by, as COPE's
        (0.1, 2, "detected"),  # photographs in which some faces are not found: they stay without one
    ],
)
def test_a_sample_distinguishes_tight_faces_from_photographs(tmp_path, share, missed, how):
    side, names = 200, [f"{index}.png" for index in range(6)]
    for index, name in enumerate(names):
        coarse = np.random.default_rng(index).integers(0, 255, (5, 5)).astype(np.uint8)
        cv2.imwrite(str(tmp_path / name), cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC))
    rows = "".join(f"{name},{index % 2}\n" for index, name in enumerate(names))
    (tmp_path / "set.csv").write_text("image,label\n" + rows)
    CliRunner().invoke(ingest, ["table", str(tmp_path / "set.csv")], catch_exceptions=False)
    edge = side * share**0.5
    box = OrientedBox(99.5, 99.5, edge, edge, 0.0)
    known = [
        FaceRecord(file_sha256(tmp_path / name), None, None, 0.0, 0, "none", detector_sha256())
        if index < missed
        else FaceRecord(file_sha256(tmp_path / name), box, np.full((5, 2), 99.0), 0.9, 1, "detected", detector_sha256())
        for index, name in enumerate(names)
    ]
    folder = tmp_path / "crops"
    folder.mkdir()
    (folder / "faces.jsonl").write_text("".join(record.to_line() + "\n" for record in known))

    output = crop(tmp_path / "set.manifest.csv", "--out", folder, "--jobs", 1)

    found = [face.how for face in open_study(tmp_path / "set.manifest.csv", folder).faces]
    assert found.count(how) == (6 if how == "whole" else 6 - missed)
    assert ("fill their pictures" in output) is (how == "whole")


def test_a_study_without_crops_names_the_command(pictures, tmp_path):
    with pytest.raises(DataError, match="`nicu-trainer crop` finds them"):
        open_study(pictures, tmp_path)


def test_a_study_that_is_half_cropped_names_the_command(pictures, tmp_path):
    crop(pictures, "--out", tmp_path, "--faces", "whole")
    lines = (tmp_path / "faces.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "faces.jsonl").write_text("".join(lines[:2]))

    with pytest.raises(DataError, match=r"2 pictures of .* have no crop yet"):
        open_study(pictures, tmp_path)


def test_a_damaged_line_in_the_middle_is_named(pictures, tmp_path):
    (tmp_path / "faces.jsonl").write_text('{"sha256": 1}\n{"sha256": "x"}\n')

    with pytest.raises(DataError, match=r"faces\.jsonl, line 1"):
        open_study(pictures, tmp_path)


def test_crops_that_an_older_program_cut_are_cut_again(pictures, tmp_path, monkeypatch):
    crop(pictures, "--out", tmp_path, "--faces", "whole", "--size", 32)
    contract = InputContract(size_px=32)
    before = np.array(open_study(pictures, tmp_path).crop_set(contract).wide)
    monkeypatch.setattr(study, "cut_wide", lambda *_: np.zeros((48, 48, 3), np.uint8))
    assert np.array_equal(open_study(pictures, tmp_path).crop_set(contract).wide, before)

    monkeypatch.setattr(study, "_program_sha256", lambda: "of the next version")

    assert not np.array(open_study(pictures, tmp_path).crop_set(contract).wide).any()
