"""`nicu-trainer check-real` on a folder of synthetic infants."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from monitor.inference.bundle import installed_models_directory
from monitor.synthetic.expression import Expression, State
from trainer.commands.check_real import LIGHT_NAMES, command
from trainer.crops.faces import FaceRecord, read_faces
from trainer.data.pictures import file_sha256
from trainer.detection import detector_sha256
from trainer.errors import DataError
from trainer.labelled import seeing
from trainer.labelled.folder import LabelledPicture, read_folder
from trainer.labelled.lights import LIGHTS, under_light
from trainer.synthetic import SessionView, render_still
from trainer.synthetic.plan import session_still

_CRY = Expression(open_lips=1.0, vertical_stretch=0.8, horizontal_stretch=0.9, eye_squeeze=1.0, brow_bulge=1.0)
_MODELS = installed_models_directory()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight infants at rest and crying, and one picture without a face, with the faces known beforehand."""
    folder = tmp_path_factory.mktemp("real")
    rows, faces, digest = [], [], detector_sha256()
    for infant in range(8):
        for label, expression in (("calm", Expression()), ("cry", _CRY)):
            view = SessionView(384, 384, (170.0, 190.0), "upright", seed=920_000 + infant)
            still = render_still(session_still(view, 920_000 + infant, 0, "S", State.REST, expression))
            path = folder / f"{infant}_{label}.png"
            cv2.imwrite(str(path), still.image[:, :, ::-1])
            rows.append((path.name, str(infant), label))
            assert still.truth.face is not None
            face = still.truth.face
            faces.append(FaceRecord(file_sha256(path), face.box, face.landmarks, 1.0, 1, "detected", digest))
    empty = folder / "empty.png"
    cv2.imwrite(str(empty), cv2.GaussianBlur(still.image, (0, 0), 60.0))
    rows.append((empty.name, "none", "no_usable_face"))
    with (folder / "labels.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("image", "subject", "label"), *rows])
    (folder / "faces.jsonl").write_text("".join(record.to_line() + "\n" for record in faces))
    return folder


@pytest.mark.skipif(
    not all((_MODELS / name / "bundle.json").exists() for name in ("retinaface", "face-mesh")),
    reason="the detector's or the mesh's bundle is not installed",
)
def test_measures_labels_and_scores(folder: Path) -> None:
    arguments = [str(folder), "--faces", str(folder / "faces.jsonl"), "--resamples", "100"]
    result = CliRunner().invoke(command, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    measured = json.loads(result.stdout)
    assert measured["labels"]["cry"]["found"] == 1.0
    assert measured["labels"]["no_usable_face"]["usable"] == 0.0
    actions = measured["scores"]["facial actions"]
    assert actions["contrasts"]["calm, neutral, asleep"]["auc"] > 0.9
    assert actions["calm_on"] == 0.0
    assert len(actions["errors"]) == 4
    text = CliRunner().invoke(command, arguments, catch_exceptions=False).stdout
    assert "| facial actions |" in text
    assert "| no_usable_face | 1 | 0.00 | 0.00 | 0.00 |" in text


@pytest.mark.skipif(
    not all((_MODELS / name / "bundle.json").exists() for name in ("retinaface", "face-mesh")),
    reason="the detector's or the mesh's bundle is not installed",
)
def test_another_light_has_faces_of_its_own(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "0_cry.png").write_bytes((folder / "0_cry.png").read_bytes())
    (tmp_path / "labels.csv").write_text("image,subject,label\n0_cry.png,0,cry\n")
    faces = tmp_path / "faces.jsonl"
    for light in ([], ["--light", "dark"], ["--light", "dark"]):
        arguments = [str(tmp_path), "--model", "ncnn-demo", "--faces", str(faces), "--resamples", "100", *light]
        result = CliRunner().invoke(command, arguments, catch_exceptions=False)
        assert "| cry | 1 | 1.00 |" in result.stdout
    assert len(read_faces(faces)) == 2


def test_a_second_detector_is_asked_and_a_line_that_a_kill_cut_off_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(seeing, "detect_faces", lambda _, detector: asked.append(detector) or [])
    picture, faces = tmp_path / "a.png", tmp_path / "faces.jsonl"
    cv2.imwrite(str(picture), np.full((64, 64, 3), 128, np.uint8))
    rows = [LabelledPicture(picture, "s", "cry")]

    def see(detector: str) -> None:
        seeing.see(rows, detector, {}, None, found=faces, detector_digest=detector * 64)  # type: ignore[arg-type]

    for detector in "abab":
        see(detector)
    assert asked == ["a", "b"]
    faces.write_text(faces.read_text()[:-30])
    for detector in "aab":
        see(detector)
    assert asked == ["a", "b", "b"]
    assert set(read_faces(faces, "a" * 64)) == {file_sha256(picture)}


def test_a_light_changes_colours_as_it_says() -> None:
    image = np.full((4, 6, 3), (200, 100, 50), np.uint8)
    assert tuple(LIGHTS) == LIGHT_NAMES
    assert under_light(image, None) is image
    grey, infrared, blue, alone, dark = (under_light(image, light)[0, 0].tolist() for light in LIGHTS)
    assert grey == [124, 124, 124]
    assert infrared == [200, 200, 200]
    assert blue == [70, 60, 65]
    assert alone == [20, 25, 50]
    assert dark == [50, 25, 12]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("image,label\na.png,cry\n", "lacks the columns subject"),
        ("image,subject,label\n", "has no rows"),
        ("image,subject,label\nnone.png,1,cry\n", "line 2: none.png is no file"),
        ("image,subject,label\n../x.png,1,cry\n", "is no file in this folder"),
        ("image,subject,label\nnone.png,,cry\n", "line 2: an image, a subject or a label is empty"),
    ],
)
def test_says_what_is_wrong_with_a_table(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "labels.csv").write_text(content)
    with pytest.raises(DataError, match=sentence):
        read_folder(tmp_path)


def test_names_a_folder_without_a_table(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"labels\.csv cannot be read"):
        read_folder(tmp_path)
