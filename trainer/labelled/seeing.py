"""What the monitor's own stages see in labelled pictures: the face, whether it is usable, and every score of it."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor.config import FaceSettings
from monitor.errors import EngineError
from monitor.faces import CropSpec, FaceDetector, OrientedBox, crop_face, detect_faces
from monitor.faces.actions import FacialActions, measure_actions
from monitor.faces.mesh import FaceMesh
from monitor.faces.quality import assess, is_cut_off
from monitor.inference.classifier import Classifier
from monitor.pipeline.covered_face import hidden_in, shows_face
from trainer.crops.faces import FaceRecord, drop_cut_line, read_faces
from trainer.data.pictures import file_sha256, read_picture
from trainer.labelled.folder import LabelledPicture
from trainer.labelled.lights import under_light

__all__ = ["ACTIONS_SCORE", "MOUTH_WIDTH", "SeenPicture", "action_score", "see"]

ACTIONS_SCORE = "facial actions"
MOUTH_WIDTH = "mouth width"


@dataclass(frozen=True, slots=True)
class SeenPicture:
    """What is seen in one picture.

    Attributes:
        picture: The row.
        size_px: Of the face's box; 0 without a face.
        usable: Whether the monitor would score the face: it is large, bright and sharp enough, no eye or corner of the
            mouth is cut off, and, where a classifier says so, its mesh sees a face and no region is hidden that a
            score rests on.
        presence: The mesh's probability that there is a face; None without a face or a mesh.
        scores: By the name of the score; only of a face that was found.
    """

    picture: LabelledPicture
    size_px: float
    usable: bool
    presence: float | None
    scores: Mapping[str, float]


def action_score(actions: FacialActions) -> float:
    """Return the mean of an open and a stretched mouth, closed eyes and lowered brows, in [0, 1], untrained."""
    eyes = (actions["left_eye_closure"].value + actions["right_eye_closure"].value) / 2
    parts = (actions["mouth_opening"].value, actions["horizontal_stretch"].value, eyes, actions["brow_lowering"].value)
    return float(np.mean(parts))


def see(
    pictures: Sequence[LabelledPicture],
    detector: FaceDetector,
    classifiers: Mapping[str, Classifier],
    mesh: FaceMesh | None,
    *,
    found: Path | None = None,
    detector_digest: str = "",
    light: str | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> list[SeenPicture]:
    """Find and score the largest face of every picture.

    Args:
        pictures: The rows.
        detector: The calling thread's.
        classifiers: By the name of their score.
        mesh: For facial actions; None to do without.
        found: File that faces are read from where this detector found them before, and added to; None to find them
            all.
        detector_digest: Of the detector's model; faces that another one found are not taken.
        light: Of `LIGHTS`, that the pictures are put under; None to take them as they are.
        progress: Called with the number of pictures done.

    Raises:
        RejectedImageError: A picture cannot be read.
        DataError: `found` cannot be read.
        EngineError: A model failed.
    """
    known = {}
    if found is not None and found.exists():
        drop_cut_line(found)
        known = read_faces(found, detector_digest)
    seen = []
    for number, picture in enumerate(pictures, start=1):
        image, sha256 = under_light(read_picture(picture.path), light), file_sha256(picture.path)
        if light is not None:  # other faces than those of the picture as it is
            sha256 = hashlib.sha256(f"{sha256} {light}".encode()).hexdigest()
        record = known.get(sha256)
        if record is None:
            record = _find(image, sha256, detector, detector_digest)
            if found is not None:
                with found.open("a", encoding="utf-8") as stream:
                    stream.write(record.to_line() + "\n")
        seen.append(_see_one(picture, image, record, classifiers, mesh))
        progress(number)
    return seen


def _find(image: NDArray[np.uint8], sha256: str, detector: FaceDetector, digest: str) -> FaceRecord:
    faces = detect_faces(image, detector)
    if not faces:
        return FaceRecord(sha256, None, None, 0.0, 0, "none", digest)
    face = max(faces, key=lambda candidate: candidate.box.size_px)
    return FaceRecord(sha256, face.box, face.landmarks, face.score, len(faces), "detected", digest)


def _see_one(
    picture: LabelledPicture,
    image: NDArray[np.uint8],
    record: FaceRecord,
    classifiers: Mapping[str, Classifier],
    mesh: FaceMesh | None,
) -> SeenPicture:
    box = record.box
    if box is None:
        return SeenPicture(picture, 0.0, usable=False, presence=None, scores={})
    usable = assess(image, box).is_sufficient(FaceSettings().minimum_face_px)
    scores: dict[str, float] = {}
    for name, classifier in classifiers.items():
        crop = crop_face(image, box, CropSpec(classifier.size_px, classifier.margin))
        answer = classifier.answers(crop[None])[0]
        if answer.score is not None:
            scores[name] = answer.score
        usable = usable and shows_face(answer) and not hidden_in(crop, answer)
    if record.landmarks is not None:
        usable = usable and not is_cut_off(image, record.landmarks)
        scores[MOUTH_WIDTH] = _mouth_width(record.landmarks)
    presence = None
    if mesh is not None:
        presence, actions = _actions(image, box, mesh)
        if actions is not None:
            scores[ACTIONS_SCORE] = action_score(actions)
    return SeenPicture(picture, box.size_px, usable, presence, scores)


def _actions(image: NDArray[np.uint8], box: OrientedBox, mesh: FaceMesh) -> tuple[float, FacialActions | None]:
    face = mesh.find(image, box)
    try:
        return face.presence, measure_actions(face)
    except EngineError:  # no face there, which the presence says
        return face.presence, None


def _mouth_width(landmarks: NDArray[np.float64]) -> float:
    """Return mouth width by inter-ocular distance, the baseline of the evaluation."""
    eyes, mouth = landmarks[1] - landmarks[0], landmarks[4] - landmarks[3]
    return float(np.hypot(*mouth) / max(float(np.hypot(*eyes)), 1e-9))
