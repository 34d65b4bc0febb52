"""Anchors get the faces that they lie on, encoded as the runtime's decoder undoes it."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.detector.graph import AnchorSpec, Decoder, anchors_px
from trainer.detector.network import RawFaces
from trainer.detector_fitting.targets import (
    BACKGROUND,
    FACE,
    IGNORED,
    encode_boxes,
    encode_points,
    match_anchors,
    overlaps,
)

SPEC = AnchorSpec()
SIZE_PX = 128
ANCHORS = torch.from_numpy(anchors_px(SIZE_PX, SPEC))
POINTS = torch.tensor([[(0.3, 0.35), (0.7, 0.35), (0.5, 0.55), (0.35, 0.75), (0.65, 0.75)]])


def match(*boxes, certain=True):
    corners = torch.tensor(boxes).reshape(-1, 4)
    points = corners[:, None, :2] + POINTS * (corners[:, 2:] - corners[:, :2])[:, None]
    return match_anchors(corners, points, torch.full((len(boxes),), certain), ANCHORS, SPEC)


@settings(deadline=None)
@given(
    anchor=st.integers(0, len(ANCHORS) - 1),
    corner=st.tuples(st.floats(-20, 120), st.floats(-20, 120)),
    size=st.tuples(st.floats(4, 200), st.floats(4, 200)),
    points=st.lists(st.tuples(st.floats(-50, 200), st.floats(-50, 200)), min_size=5, max_size=5),
)
def test_the_runtime_decodes_what_is_encoded(anchor, corner, size, points):
    box = torch.tensor([[*corner, corner[0] + size[0], corner[1] + size[1]]])
    five = torch.tensor([points])
    raw = RawFaces(
        torch.zeros(1, len(ANCHORS), 4), torch.full((1, len(ANCHORS)), -3.0), torch.zeros(1, len(ANCHORS), 10)
    )
    raw.logits[0, anchor] = 2.0
    raw.boxes[0, anchor] = encode_boxes(box, ANCHORS[anchor : anchor + 1], SPEC)[0]
    raw.landmarks[0, anchor] = encode_points(five, ANCHORS[anchor : anchor + 1], SPEC)[0]
    boxes, _, landmarks = Decoder(SIZE_PX, SPEC, top_k=1)(raw)
    np.testing.assert_allclose(boxes[0, 0], box[0], atol=0.02)
    np.testing.assert_allclose(landmarks[0, 0], five[0], atol=0.02)


def test_overlap_is_the_shared_part_of_both():
    found = overlaps(torch.tensor([[0.0, 0.0, 16.0, 16.0], [0.0, 0.0, 8.0, 16.0]]), torch.tensor([[8.0, 8.0, 16.0]]))
    assert found.flatten().tolist() == [1.0, 0.5]


@settings(deadline=None, max_examples=30)
@given(
    center=st.tuples(st.floats(24, 104), st.floats(24, 104)),
    size=st.tuples(st.floats(14, 110), st.floats(0.8, 1.35)),
)
def test_every_face_gets_an_anchor_and_they_answer_with_it(center, size):
    width, height = size[0], size[0] * size[1]
    box = [center[0] - width / 2, center[1] - height / 2, center[0] + width / 2, center[1] + height / 2]
    targets = match(box)
    chosen = torch.nonzero(targets.labels == FACE).flatten()
    assert len(chosen) > 0
    for index in chosen.tolist()[:4]:
        raw = RawFaces(targets.boxes[None], torch.full((1, len(ANCHORS)), -3.0), targets.landmarks[None])
        raw.logits[0, index] = 1.0
        boxes, _, _ = Decoder(SIZE_PX, SPEC, top_k=1)(raw)
        np.testing.assert_allclose(boxes[0, 0], box, atol=0.02)


def test_where_there_is_no_face_all_is_background():
    assert (match().labels == BACKGROUND).all()


def test_a_face_that_need_not_be_found_teaches_nothing():
    sure, unsure = match([30.0, 30.0, 70.0, 80.0]), match([30.0, 30.0, 70.0, 80.0], certain=False)
    assert (sure.labels == FACE).any()
    assert not (unsure.labels == FACE).any()
    assert (unsure.labels[sure.labels == FACE] == IGNORED).all()
    assert not unsure.boxes.any()


def test_of_two_faces_each_gets_its_own_anchors():
    left, right = [4.0, 30.0, 44.0, 80.0], [76.0, 30.0, 116.0, 80.0]
    together, first, second = match(left, right), match(left), match(right)
    assert ((together.labels == FACE) == ((first.labels == FACE) | (second.labels == FACE))).all()
    assert torch.equal(together.boxes, first.boxes + second.boxes)
