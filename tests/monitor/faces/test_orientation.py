import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.faces.detector import FaceDetector
from monitor.faces.geometry import OrientedBox, normalise_deg, turn_between_deg
from monitor.faces.orientation import LARGEST_ROLL_DEG, OrientationSearch, Vote, vote_orientation

angles = st.floats(-180, 180)


@given(angles, st.lists(st.floats(-12, 12), min_size=3, max_size=8), angles)
def test_the_election_turns_with_the_votes(true, errors, turn):
    votes = [Vote(normalise_deg(true + error), 1.0) for error in errors]
    turned = [Vote(normalise_deg(true + error + turn), 1.0) for error in errors]
    first, second = vote_orientation(votes), vote_orientation(turned)
    assert first is not None
    assert second is not None
    assert turn_between_deg(first.orientation_deg, true) <= 12.0 + 1e-6
    assert turn_between_deg(second.orientation_deg, first.orientation_deg + turn) < 1e-6


@given(angles, st.permutations([-8.0, -3.0, 0.0, 4.0, 9.0, 150.0, -95.0, 100.0]))
def test_scattered_wrong_votes_do_not_outweigh_the_ones_that_agree(true, errors):
    winner = vote_orientation([Vote(normalise_deg(true + error), 0.9) for error in errors])
    assert winner is not None
    assert turn_between_deg(winner.orientation_deg, true) < 10.0


def test_two_opinions_of_equal_weight_elect_nobody():
    assert vote_orientation([Vote(angle, 1.0) for angle in (0.0, 5.0, -5.0, 180.0, 175.0, -175.0)]) is None


def test_one_vote_is_not_enough():
    assert vote_orientation([Vote(0.0, 1.0)]) is None
    assert vote_orientation([Vote(0.0, 1.0), Vote(90.0, 1.0), Vote(180.0, 1.0)]) is None
    assert vote_orientation([]) is None


@settings(max_examples=25, deadline=None)
@given(angles)
def test_a_face_that_is_found_from_two_sides_only_is_proven_by_closer_sides(drawn, orientation):
    box = OrientedBox(200, 200, 90, 110, orientation)
    looks = OrientationSearch(FaceDetector(drawn.MarkerEngine(320, blind_beyond_deg=48.0)), draw_one(drawn, box), 0.8)
    face = looks.verify(box)
    assert face is not None
    assert turn_between_deg(face.orientation_deg, orientation) < 3.0


@settings(max_examples=25, deadline=None)
@given(angles)
def test_a_face_is_proven_whichever_way_it_lies_although_the_detector_lies_about_upside_down_ones(drawn, orientation):
    # The story: RetinaFace gives a large upside-down face 0.99 and five points in the shape of an upright one, so that
    # looking again from where those points lead confirms them. Most sides tell the truth.
    box = OrientedBox(200, 200, 90, 110, orientation)
    engine = drawn.MarkerEngine(320, lies_upside_down=True)
    looks = OrientationSearch(FaceDetector(engine), draw_one(drawn, box), 0.8)
    face = looks.verify(OrientedBox(210, 195, 100, 100, 0.0))
    assert face is not None
    assert turn_between_deg(face.orientation_deg, orientation) < 3.0
    assert looks.count == engine.runs <= 11


def test_what_no_side_but_one_takes_for_a_face_is_not_one(drawn):
    box = OrientedBox(200, 200, 90, 110, 45.0)
    detector = FaceDetector(drawn.MarkerEngine(320, blind_beyond_deg=20.0))
    assert OrientationSearch(detector, draw_one(drawn, box), 0.8).verify(box) is None


def draw_one(drawn, box):
    return drawn.draw(400, 400, drawn.Drawing(box))


def test_a_look_from_a_side_ends_upright(drawn):
    box = OrientedBox(200, 200, 90, 110, 30.0)
    looks = OrientationSearch(FaceDetector(drawn.MarkerEngine()), draw_one(drawn, box), 0.8)
    face = looks.upright(box, 0.0)
    assert face is not None
    assert face.orientation_deg == pytest.approx(30.0, abs=2.0)
    assert looks.count == 2
    assert looks.upright(box, 30.0 + LARGEST_ROLL_DEG / 2) is not None
    assert looks.count == 3


def test_a_face_that_turned_too_far_since_is_not_taken_on_trust(drawn):
    box = OrientedBox(200, 200, 90, 110, 90.0)
    looks = OrientationSearch(FaceDetector(drawn.MarkerEngine()), draw_one(drawn, box), 0.8)
    assert looks.upright(box, 0.0) is None


def test_a_neighbours_face_is_not_mistaken_for_the_one_looked_for(drawn):
    neighbour = drawn.Drawing(OrientedBox(260, 200, 60, 70, 0.0))
    looks = OrientationSearch(FaceDetector(drawn.MarkerEngine()), drawn.draw(400, 400, neighbour), 0.8)
    assert looks.at(OrientedBox(180, 200, 60, 70, 0.0), 0.0) is None


def three_engines(drawn):
    return [drawn.MarkerEngine(size) for size in (640, 320, 224)]


def test_a_followed_face_needs_one_small_look(drawn):
    box = OrientedBox(200, 200, 90, 110, 20.0)
    whole, close, following = three_engines(drawn)
    looks = OrientationSearch(FaceDetector(whole, close, following), draw_one(drawn, box), 0.8)
    face = looks.followed(OrientedBox(205, 196, 94, 108, 17.0), 17.0)
    assert face is not None
    assert turn_between_deg(face.orientation_deg, 20.0) < 3.0
    assert (whole.runs, close.runs, following.runs) == (0, 0, 1)
    assert (looks.count, looks.following_count) == (0, 1)


def test_what_a_small_look_does_not_find_a_close_look_does(drawn):
    box = OrientedBox(200, 200, 90, 110, 0.0)
    whole, close, _ = three_engines(drawn)
    blind = drawn.MarkerEngine(224, blind_beyond_deg=-1.0)
    looks = OrientationSearch(FaceDetector(whole, close, blind), draw_one(drawn, box), 0.8)
    assert looks.followed(box, 0.0) is not None
    assert (looks.count, looks.following_count) == (1, 1)


def test_without_a_model_for_followed_faces_they_get_close_looks(drawn):
    box = OrientedBox(200, 200, 90, 110, 0.0)
    looks = OrientationSearch(FaceDetector(drawn.MarkerEngine(640), drawn.MarkerEngine(320)), draw_one(drawn, box), 0.8)
    assert looks.followed(box, 0.0) is not None
    assert (looks.count, looks.following_count) == (1, 0)
