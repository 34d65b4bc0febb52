"""A face that is followed by its mesh: what it may save, and what it may never hide."""

import dataclasses
import math
from contextlib import ExitStack

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config import FaceSettings
from monitor.errors import EngineError
from monitor.faces.crop import CropSpec, crop_face
from monitor.faces.detector import FaceDetector
from monitor.faces.geometry import Face, OrientedBox, turn_between_deg
from monitor.faces.mesh_following import CONFIRM_SECONDS, FaceReading, MeshFollower, picture_points
from monitor.faces.patient_tracker import PatientTracker
from monitor.inference.classifier import FaceAnswer
from monitor.pain.vocabulary import Region, Visibility
from monitor.pipeline.face_assessment import FaceAssessor
from monitor.pipeline.models import WorkerModels

SETTINGS = FaceSettings(minimum_face_px=20.0, mesh_following=True)
SPEC = CropSpec(96, 0.1)
RATE = 5.0
# A mesh in shares of the box's width and height, from its centre.
MESH = np.random.default_rng(1).uniform(-0.5, 0.5, (468, 2))
CROP = np.random.default_rng(2).integers(0, 255, (SPEC.size_px, SPEC.size_px, 3), dtype=np.uint8)
BOX = OrientedBox(200.0, 150.0, 70.0, 84.0, 30.0)
FACE = Face(BOX, np.array([[190.0, 140], [210, 140], [200, 150], [192, 165], [208, 165]]), 0.95)
FRAMES_UNCONFIRMED = math.ceil(CONFIRM_SECONDS * RATE) - 1


def in_picture(box, shares=MESH):
    corners = box.corners()
    return corners.mean(axis=0) + shares @ np.stack([corners[1] - corners[0], corners[3] - corners[0]])


def in_crop(points, box):
    """Return points of the picture in the crop of a box: what `picture_points` undoes."""
    corners = box.corners()
    axes = np.stack([corners[1] - corners[0], corners[3] - corners[0]]) * (1 + 2 * SPEC.margin)
    shares = (points - corners.mean(axis=0)) @ np.linalg.inv(axes)
    flat = np.zeros((len(points), 1))
    return np.hstack([shares * SPEC.size_px + (SPEC.size_px - 1) / 2, flat]).astype(np.float32)


def reading_of(true_box, aimed_box, **changes):
    answer = FaceAnswer(0.02, in_crop(in_picture(true_box), aimed_box), 0.99, (0.9, 0.9, 0.9, 0.9))
    hidden = changes.pop("hidden", ())
    crop = changes.pop("crop", CROP)
    return FaceReading(aimed_box, crop, dataclasses.replace(answer, **changes), hidden)


@given(st.floats(-180, 180), st.floats(-0.3, 0.3), st.floats(-0.3, 0.3))
def test_points_of_a_crop_lie_in_the_picture_where_the_crop_was_cut(orientation_deg, x, y):
    box = dataclasses.replace(BOX, orientation_deg=orientation_deg)
    (dot,) = in_picture(box, np.array([[x, y]]))
    image = np.zeros((300, 400, 3), np.uint8)
    cv2.circle(image, (round(dot[0] * 16), round(dot[1] * 16)), 5 * 16, (255, 255, 255), -1, cv2.LINE_8, 4)
    rows, columns = np.nonzero(crop_face(image, box, SPEC)[..., 0] > 127)
    found = picture_points(np.array([[columns.mean(), rows.mean()]], np.float32), box, SPEC)
    assert np.abs(found - dot).max() < 0.6


@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(0.96, 1.04), st.floats(-5, 5))
def test_a_face_that_moves_a_little_is_followed_exactly(x, y, scale, turn_deg):
    follower = MeshFollower()
    follower.confirm(reading_of(BOX, BOX), FACE, SPEC, 0.0)
    assert follower.is_due(0.2)
    moved = OrientedBox(200 + x, 150 + y, 70 * scale, 84 * scale, 30 + turn_deg)
    face = follower.follow(reading_of(moved, BOX), SPEC, 0.2)
    assert face is not None
    # The box's sides go with the mesh's outermost points, which change a little when a head turns.
    assert face.box.distance_px(moved) <= 1.5
    assert face.box.size_px == pytest.approx(moved.size_px, rel=0.03)
    assert turn_between_deg(face.orientation_deg, moved.orientation_deg) < 0.1
    axes = np.stack([BOX.corners()[1] - BOX.corners()[0], BOX.corners()[3] - BOX.corners()[0]])
    shares = (FACE.landmarks - [200.0, 150.0]) @ np.linalg.inv(axes)
    assert np.abs(face.landmarks - in_picture(moved, shares)).max() < 0.1
    assert face.score == 0.95


@pytest.mark.parametrize(
    "doubtful",
    [
        {"presence": 0.5},
        {"presence": None},
        {"points": None},
        {"score": None},
        {"score": 0.4},
        {"score": 0.05},
        {"hidden": (Region.MOUTH,)},
        {"crop": np.flip(CROP, axis=1).copy()},
    ],
)
def test_a_doubt_asks_for_a_detection_pass_and_for_a_while_for_more(doubtful):
    follower = MeshFollower()
    follower.confirm(reading_of(BOX, BOX), FACE, SPEC, 0.0)
    assert follower.follow(reading_of(BOX, BOX, **doubtful), SPEC, 0.2) is None
    assert not follower.is_due(0.4)
    follower.confirm(reading_of(BOX, BOX), FACE, SPEC, 0.4)
    assert not follower.is_due(0.6)
    follower.confirm(reading_of(BOX, BOX), FACE, SPEC, 1.2)
    assert follower.is_due(1.4)
    # What is doubtful is not followed in the first place.
    follower.confirm(reading_of(BOX, BOX, **{k: v for k, v in doubtful.items() if k != "crop"}), FACE, SPEC, 1.4)
    assert follower.is_due(1.6) == ("crop" in doubtful or doubtful.get("score") == 0.05)


@given(st.floats(0, 360), st.floats(0.1, 1.0))
def test_a_jump_is_a_doubt(direction_deg, sizes):
    follower = MeshFollower()
    follower.confirm(reading_of(BOX, BOX), FACE, SPEC, 0.0)
    x, y = (sizes * BOX.size_px * f(math.radians(direction_deg)) for f in (math.cos, math.sin))
    jumped = dataclasses.replace(BOX, center_x_px=200 + x, center_y_px=150 + y)
    assert follower.follow(reading_of(jumped, BOX), SPEC, 0.2) is None


@given(st.floats(0.03, 0.2))
def test_an_expression_is_a_doubt(opened):
    follower = MeshFollower()
    follower.confirm(reading_of(BOX, BOX), FACE, SPEC, 0.0)
    shares = MESH.copy()
    shares[[61, 291]] += [0.0, opened]
    wide = reading_of(BOX, BOX, points=in_crop(in_picture(BOX, shares), BOX))
    assert follower.follow(wide, SPEC, 0.2) is None


@given(st.lists(st.floats(0.01, 2.0), min_size=1, max_size=30))
def test_nothing_is_followed_for_a_second_or_longer(steps):
    follower, now = MeshFollower(), 0.0
    follower.confirm(reading_of(BOX, BOX), FACE, SPEC, now)
    for step in steps:
        now += step
        is_due = follower.is_due(now)
        assert not (is_due and now >= CONFIRM_SECONDS)
        if is_due:
            assert follower.follow(reading_of(BOX, BOX), SPEC, now) is not None


def rests(follower, now, doubtful):
    """Let a follower doubt, and return for how long it rests."""
    follower.confirm(reading_of(BOX, BOX), FACE, SPEC, now)
    assert follower.is_due(now + 0.2)
    assert follower.follow(doubtful, SPEC, now + 0.2) is None
    tenths = 1
    while not follower.is_due(now + 0.2 + 0.1 * tenths):
        follower.confirm(reading_of(BOX, BOX), FACE, SPEC, now + 0.2 + 0.1 * tenths - 0.05)
        tenths += 1
    return 0.1 * tenths


def test_doubts_without_a_followed_frame_between_them_rest_longer_and_longer():
    follower, doubtful = MeshFollower(), reading_of(BOX, BOX, presence=0.5)
    first = [rests(follower, 20.0 * number, doubtful) for number in range(6)]
    assert first == pytest.approx([1.2, 2.2, 2.2, 2.2, 2.2, 2.2], abs=0.051)
    assert follower.follow(reading_of(BOX, BOX), SPEC, 100.0 + 0.2 + 2.2) is not None
    assert rests(follower, 200.0, doubtful) == pytest.approx(1.2, abs=0.051)


class InventingMesh:
    """The worst mesh there could be: it sees a calm face in the middle of whatever it is shown."""

    def __init__(self, presence=1.0):
        self.crops, self.fails, self._presence = 0, False, presence

    def answers(self, crops):
        self.crops += len(crops)
        if self.fails:
            raise EngineError("the engine lost its device; restart the station")
        points = in_crop(in_picture(BOX), BOX)
        return [FaceAnswer(0.02, points, self._presence, (0.9, 0.9, 0.9, 0.9))] * len(crops)


class MarkerMesh(InventingMesh):
    """Finds the markers of a synthetic face in a crop, and lays its mesh between them."""

    def __init__(self, markers):
        super().__init__()
        self._markers = markers

    def answers(self, crops):
        self.crops += len(crops)
        return [self._answer(crop) for crop in crops]

    def _answer(self, crop):
        red, green, blue = (crop[..., channel].astype(int) for channel in range(3))
        points = []
        for index in range(5):
            mine = (abs(blue - self._markers.BLUE) <= 12) & (abs(red - 40 - 40 * index) <= 12) & (abs(green - 40) <= 12)
            if mine.sum() < 3:
                return FaceAnswer(0.02, np.zeros((468, 3), np.float32), 0.0)
            rows, columns = np.nonzero(mine)
            points.append((columns.mean(), rows.mean()))
        shares = np.hstack([self._markers.POINTS, np.ones((5, 1))])
        to_crop = np.linalg.lstsq(shares, np.array(points), rcond=None)[0]
        mesh = np.hstack([MESH, np.ones((468, 1))]) @ to_crop
        return FaceAnswer(0.02, np.hstack([mesh, np.zeros((468, 1))]).astype(np.float32), 1.0)


class Chain:
    """A tracker and its assessor, over the engines of the tests."""

    def __init__(self, marker_faces, classifier, *, follows=True):
        detector = FaceDetector(marker_faces.MarkerEngine(lies_upside_down=True))
        self._models = WorkerModels(detector, classifier, SPEC, {}, 0.5, ExitStack())
        self._tracker, self._assessor, self._follows = PatientTracker(SETTINGS), FaceAssessor(), follows

    def frame(self, frame):
        followed = self._assessor.follow(frame, self._tracker, self._models) if self._follows else None
        seen = self._tracker.update(frame, self._models.detector, followed=followed)
        try:
            return seen, self._assessor.assess(frame, seen, self._models, is_scored=True), followed
        except EngineError:
            return seen, None, followed


GRAIN = np.repeat(np.random.default_rng(0).integers(0, 120, (300, 400, 1), dtype=np.uint8), 3, axis=2)


def picture(marker_faces, *boxes):
    image = marker_faces.draw(400, 300, *(marker_faces.Drawing(box, number) for number, box in enumerate(boxes)))
    return np.where(image.any(axis=2, keepdims=True), image, GRAIN)


def test_a_face_at_rest_gets_one_detection_pass_a_second_and_one_crop_a_frame(marker_faces):
    mesh = MarkerMesh(marker_faces)
    chain = Chain(marker_faces, mesh)
    with_passes = followed = 0
    for n in range(50):
        seen, assessed, face = chain.frame(marker_faces.frame(picture(marker_faces, BOX), n / RATE, n))
        assert seen.visibility is Visibility.USABLE
        assert assessed.score == 0.02
        assert seen.patient.face.box.distance_px(BOX) <= 0.05 * BOX.size_px
        assert seen.face_id == 1
        followed += face is not None
        with_passes += seen.face_passes + seen.full_passes > 0
    # One frame in five, and scans for other faces now and then.
    assert followed >= 36
    assert with_passes <= 18
    assert mesh.crops == 50


stories = st.lists(
    st.tuples(st.sampled_from(["stays", "drifts", "leaves", "jumps", "covered", "turns"]), st.integers(1, 9)),
    min_size=1,
    max_size=6,
)


def scenes(story):
    """Yield the boxes that each frame of a story shows."""
    box = BOX
    for what, frames in (("stays", 6), *story):
        if what == "jumps":
            box = dataclasses.replace(box, center_x_px=400 - box.center_x_px + 30)
        if what == "turns":
            box = dataclasses.replace(box, orientation_deg=turned(box.orientation_deg + 70))
        for _ in range(frames):
            if what == "drifts":
                box = dataclasses.replace(box, center_y_px=max(60.0, box.center_y_px - 1.5))
            yield what, None if what in {"leaves", "covered"} else box


def turned(angle_deg):
    return 180.0 - (180.0 - angle_deg) % 360.0


@settings(max_examples=5, deadline=None)
@given(stories)
def test_the_worst_mesh_reports_no_face_for_longer_than_a_second_where_the_detector_finds_none(marker_faces, story):
    chain, plain = Chain(marker_faces, InventingMesh()), Chain(marker_faces, InventingMesh(), follows=False)
    invented = 0
    for n, (what, box) in enumerate(scenes(story)):
        image = picture(marker_faces, *([] if box is None else [box]))
        if what == "covered":
            image = image.copy()
            cv2.circle(image, (200, 150), 70, (120, 100, 90), -1)
        frame = marker_faces.frame(image, n / RATE, n)
        seen, _, _ = chain.frame(frame)
        honest, _, _ = plain.frame(frame)
        invented = invented + 1 if seen.patient is not None and honest.patient is None else 0
        assert invented <= FRAMES_UNCONFIRMED
        if honest.patient is None and invented == 0:
            assert seen.visibility is Visibility.NO_FACE


@settings(max_examples=4, deadline=None)
@given(stories)
def test_a_mesh_that_knows_when_there_is_no_face_changes_nothing_about_who_is_seen(marker_faces, story):
    chain = Chain(marker_faces, MarkerMesh(marker_faces))
    plain = Chain(marker_faces, MarkerMesh(marker_faces), follows=False)
    for n, (_, box) in enumerate(scenes(story)):
        frame = marker_faces.frame(picture(marker_faces, *([] if box is None else [box])), n / RATE, n)
        seen, assessed, _ = chain.frame(frame)
        honest, expected, _ = plain.frame(frame)
        assert (seen.visibility, seen.face_id) == (honest.visibility, honest.face_id)
        assert (seen.patient and seen.patient.track_id) == (honest.patient and honest.patient.track_id)
        assert assessed.score == expected.score


def test_a_second_face_is_noticed_as_soon_as_without_following(marker_faces):
    first = []
    for follows in (True, False):
        chain, other = Chain(marker_faces, InventingMesh(), follows=follows), OrientedBox(80, 150, 60, 72, 0.0)
        seen = []
        for n in range(40):
            boxes = [BOX] if n < 13 else [BOX, other]
            seen.append(chain.frame(marker_faces.frame(picture(marker_faces, *boxes), n / RATE, n))[0].visibility)
        first.append(seen.index(Visibility.AMBIGUOUS))
        assert set(seen[first[-1] :]) == {Visibility.AMBIGUOUS}
    assert first[0] <= first[1]


def test_a_camera_that_is_moved_ends_the_following_at_once(marker_faces):
    chain = Chain(marker_faces, InventingMesh())
    image = picture(marker_faces, BOX)
    for n in range(8):
        chain.frame(marker_faces.frame(image, n / RATE, n))
    elsewhere = np.ascontiguousarray(GRAIN[::-1, ::-1] // 2)
    elsewhere[:, :200] += 100
    seen, _, _ = chain.frame(marker_faces.frame(elsewhere, 8 / RATE, 8))
    assert seen.visibility is Visibility.NO_FACE
    assert seen.face_id is None


def test_a_classifier_that_fails_leaves_the_detector_to_see_the_face(marker_faces):
    mesh = InventingMesh()
    chain = Chain(marker_faces, mesh)
    image = picture(marker_faces, BOX)
    for n in range(5):
        chain.frame(marker_faces.frame(image, n / RATE, n))
    mesh.fails = True
    seen, assessed, followed = chain.frame(marker_faces.frame(image, 1.0, 5))
    assert (seen.visibility, assessed, followed) == (Visibility.USABLE, None, None)
    crops = mesh.crops
    chain.frame(marker_faces.frame(image, 1.2, 6))
    assert mesh.crops == crops + 1
