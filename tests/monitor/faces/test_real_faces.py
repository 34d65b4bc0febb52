"""The installed RetinaFace on footage and on a synthetic face: found, upright, at the price of one pass a frame."""

import functools
from pathlib import Path

import cv2
import numpy as np
import pytest

from export.known_face import draw_known_face
from monitor.config import FaceSettings
from monitor.faces.geometry import turn_between_deg
from monitor.faces.patient_tracker import FrameFaces, PatientTracker
from monitor.pain.vocabulary import Visibility
from monitor.video.frame import Frame

ONE_PASS = 1


@functools.cache
def follow(path: Path, detector, size_px: int, frames_per_second: float, *, guided: bool = True) -> list[FrameFaces]:
    """Return what the frames of a clip show, at about this rate."""
    capture = cv2.VideoCapture(str(path))
    try:
        rate = capture.get(cv2.CAP_PROP_FPS)
        patient_tracker = PatientTracker(FaceSettings(detection_size_px=size_px, track_guided=guided))
        results: list[FrameFaces] = []
        index = 0
        while capture.grab():
            if int(index / rate * frames_per_second) >= len(results):
                _, image = capture.retrieve()
                picture = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
                results.append(patient_tracker.update(Frame(picture, index / rate, None, index), detector))
            index += 1
        return results
    finally:
        capture.release()


@pytest.mark.media
@pytest.mark.parametrize(("size_px", "guided"), [(320, True), (640, True), (640, False)])
@pytest.mark.parametrize(
    ("clip", "orientation_deg"),
    [
        ("evm_baby.mp4", 90.0),
        ("evm_face.mp4", 0.0),
        ("intel_asl_again.mkv", 0.0),
        ("intel_asl_night.mkv", 0.0),
        ("intel_asl_walk.mkv", 0.0),
    ],
)
def test_the_face_of_a_clip_is_found_upright(shared_media, open_detector, clip, orientation_deg, size_px, guided):
    results = follow(shared_media / clip, open_detector(size_px), size_px, 5.0, guided=guided)
    patients = [frame_faces.patient for frame_faces in results if frame_faces.patient is not None]
    assert len(patients) >= 0.95 * len(results)
    assert {patient.track_id for patient in patients} == {1}
    assert all(turn_between_deg(each.face.orientation_deg, orientation_deg) <= 30.0 for each in patients)


@pytest.mark.media
def test_in_steady_state_a_frame_costs_one_pass(shared_media, open_detector):
    results = follow(shared_media / "evm_baby.mp4", open_detector(640), 640, 5.0, guided=False)
    more = [frame_faces for frame_faces in results if frame_faces.full_passes + frame_faces.face_passes > ONE_PASS]
    assert len(more) <= 0.15 * len(results)


@pytest.mark.media
def test_track_guided_detection_finds_the_same_face_for_a_fraction_of_the_full_passes(shared_media, open_detector):
    everywhere = follow(shared_media / "evm_baby.mp4", open_detector(640), 640, 5.0, guided=False)
    guided = follow(shared_media / "evm_baby.mp4", open_detector(640), 640, 5.0, guided=True)
    assert sum(frame_faces.full_passes for frame_faces in guided) <= 0.2 * len(guided)
    for one, other in zip(everywhere, guided, strict=True):
        assert one.patient is not None
        assert other.patient is not None
        assert one.patient.face.box.distance_px(other.patient.face.box) < 0.15 * one.patient.face.box.size_px


@pytest.mark.media
def test_people_seen_from_behind_have_no_usable_face(shared_media, open_detector):
    clip = shared_media / "intel_one-by-one-person-detection.mp4"
    results = follow(clip, open_detector(640), 640, 0.5)
    assert len(results) > 60
    assert all(frame_faces.visibility is not Visibility.USABLE for frame_faces in results)


@pytest.mark.parametrize("orientation_deg", range(-165, 181, 30))
def test_a_synthetic_face_is_found_whichever_way_it_lies(open_detector, orientation_deg):
    known = draw_known_face(480, 110.0)
    turn = cv2.getRotationMatrix2D((239.5, 239.5), orientation_deg, 1.0)
    turned = cv2.warpAffine(known.image, turn, (480, 480), borderMode=cv2.BORDER_REPLICATE)
    points = known.landmarks @ turn[:, :2].T + turn[:, 2]
    frame_faces = PatientTracker(FaceSettings()).update(Frame(turned, 0.0, None, 0), open_detector(640))
    assert frame_faces.patient is not None
    face = frame_faces.patient.face
    assert turn_between_deg(face.orientation_deg, orientation_deg) <= 10.0
    assert np.linalg.norm(face.landmarks - points, axis=1).mean() < 0.06 * 110.0
