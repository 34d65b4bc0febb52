import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.faces import detect_faces
from monitor.faces.detector import FaceDetector
from monitor.faces.geometry import OrientedBox, turn_between_deg


@settings(max_examples=10, deadline=None)
@given(st.floats(-180, 180), st.floats(-180, 180))
def test_all_faces_of_a_picture_are_found_upright_whichever_way_they_lie(marker_faces, first, second):
    boxes = [OrientedBox(110, 150, 80, 96, first), OrientedBox(300, 150, 60, 72, second)]
    image = marker_faces.draw(400, 300, *(marker_faces.Drawing(box, face_id) for face_id, box in enumerate(boxes)))
    found = detect_faces(
        image, FaceDetector(marker_faces.MarkerEngine(640, lies_upside_down=True, blind_beyond_deg=170.0))
    )
    assert len(found) == 2
    for box in boxes:
        (face,) = [each for each in found if each.box.distance_px(box) < 6.0]
        assert turn_between_deg(face.orientation_deg, box.orientation_deg) < 4.0


def test_a_picture_without_a_face_has_none(marker_detector):
    assert detect_faces(np.zeros((100, 100, 3), np.uint8), marker_detector) == ()
