import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import EngineError
from monitor.faces.detector import FaceDetector
from monitor.faces.geometry import OrientedBox, turn_between_deg
from monitor.faces.viewport import ImageRegion, Viewport
from monitor.inference.engine import TensorSpec


@settings(max_examples=40)
@given(st.floats(-180, 180), st.floats(-180, 180), st.floats(120, 500), st.floats(100, 250), st.floats(70, 120))
def test_a_face_is_located_in_the_picture_in_whichever_turn_it_is_detected(
    marker_faces, turn, orientation, x, y, width
):
    box = OrientedBox(x, y, width, 1.2 * width, orientation)
    image = marker_faces.draw(640, 360, marker_faces.Drawing(box))
    detector = FaceDetector(marker_faces.MarkerEngine(320))
    view = Viewport.of_area(ImageRegion.of_picture(image), turn, 320)
    (detection,) = detector.detect(image, view, 0.8)
    face = detection.face
    assert detection.plausible
    assert turn_between_deg(face.orientation_deg, orientation) < 3.0
    assert turn_between_deg(detection.roll_deg, turn - orientation) < 3.0
    assert face.box.distance_px(box) < 3.0
    assert face.box.width_px == pytest.approx(width, rel=0.06)
    assert face.box.height_px == pytest.approx(1.2 * width, rel=0.06)
    assert np.abs(face.landmarks - marker_faces.points_of(box)).max() < 3.0


def test_overlapping_answers_are_one_face_and_neighbours_are_two(marker_faces, marker_detector):
    image = marker_faces.draw(
        640,
        360,
        marker_faces.Drawing(OrientedBox(150, 180, 90, 110, 0)),
        marker_faces.Drawing(OrientedBox(300, 180, 90, 110, 0), face_id=1),
    )
    view = Viewport.of_area(ImageRegion.of_picture(image), 0.0, 320)
    found = marker_detector.detect(image, view, 0.8)
    assert sorted(round(detection.face.box.center_x_px / 10) for detection in found) == [15, 30]


def test_answers_below_the_threshold_are_no_faces(marker_faces, markers, marker_detector):
    image = marker_faces.draw(320, 320, marker_faces.Drawing(OrientedBox(160, 160, 90, 110, 0)))
    view = Viewport.of_area(ImageRegion.of_picture(image), 0.0, 320)
    assert marker_detector.detect(image, view, 0.9)
    markers.score = 0.85
    assert marker_detector.detect(image, view, 0.9) == ()


def test_an_empty_picture_has_no_face(marker_faces, marker_detector):
    image = marker_faces.draw(320, 320)
    assert marker_detector.detect(image, Viewport.of_area(ImageRegion.of_picture(image), 0.0, 320), 0.0) == ()


def test_scores_that_are_not_numbers_are_an_error_and_not_a_missing_face(marker_faces, markers, marker_detector):
    image = marker_faces.draw(320, 320, marker_faces.Drawing(OrientedBox(160, 160, 90, 110, 0)))
    markers.fails = True
    with pytest.raises(EngineError, match="not finite"):
        marker_detector.detect(image, Viewport.of_area(ImageRegion.of_picture(image), 0.0, 320), 0.8)


def test_the_size_of_the_view_chooses_the_engine(marker_faces):
    engines = [marker_faces.MarkerEngine(size) for size in (640, 320, 224)]
    detector = FaceDetector(*engines)
    assert (detector.size_px, detector.face_size_px, detector.track_size_px) == (640, 320, 224)
    box = OrientedBox(200, 200, 100, 120, 0)
    image = marker_faces.draw(400, 400, marker_faces.Drawing(box))
    for size, runs in ((320, [0, 1, 0]), (224, [0, 1, 1]), (640, [1, 1, 1])):
        assert detector.detect(image, Viewport.around(box, 0.0, size, 100.0), 0.8)
        assert [engine.runs for engine in engines] == runs


def test_one_engine_serves_every_pass(marker_faces):
    detector = FaceDetector(marker_faces.MarkerEngine(320))
    assert detector.size_px == detector.face_size_px == detector.track_size_px == 320


def test_a_model_that_is_no_detector_is_refused(marker_faces):
    engine = marker_faces.MarkerEngine()
    engine.outputs = (TensorSpec("score", (None,), np.dtype(np.float32)),)
    with pytest.raises(EngineError, match="choose a detector bundle"):
        FaceDetector(engine)
