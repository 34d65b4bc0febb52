"""The losses are 0 where the answers are right, and look at what they should."""

import pytest
import torch

from trainer.detector.network import RawFaces
from trainer.detector_fitting.loss import agreement_loss, distance_loss, multibox_loss
from trainer.detector_fitting.targets import BACKGROUND, FACE, IGNORED, Targets

COUNT = 40


@pytest.fixture
def targets():
    labels = torch.full((COUNT,), BACKGROUND)
    labels[3], labels[4] = FACE, IGNORED
    boxes, points = torch.zeros(COUNT, 4), torch.zeros(COUNT, 10)
    boxes[3], points[3] = torch.arange(4.0), torch.arange(10.0)
    return Targets(labels, boxes, points)


def answer(targets, sure=30.0):
    logits = torch.where(targets.labels == FACE, sure, -sure)
    return RawFaces(targets.boxes[None].clone(), logits[None].float(), targets.landmarks[None].clone())


def test_right_answers_cost_nothing(targets):
    assert multibox_loss(answer(targets), [targets]).total.item() == pytest.approx(0.0, abs=1e-6)


def test_wrong_answers_cost_in_their_own_part(targets):
    raw = answer(targets)
    raw.boxes[0, 3] += 2.0
    raw.landmarks[0, 3] += 3.0
    raw.boxes[0, 7] += 50.0
    loss = multibox_loss(raw, [targets])
    assert loss.classes.item() == pytest.approx(0.0, abs=1e-6)
    assert loss.boxes.item() == pytest.approx(4 * 1.5)
    assert loss.landmarks.item() == pytest.approx(10 * 2.5)


def test_ignored_anchors_cost_nothing_whatever_they_say(targets):
    raw = answer(targets)
    raw.logits[0, 4] = 30.0
    assert multibox_loss(raw, [targets]).total.item() == pytest.approx(0.0, abs=1e-6)


def test_the_hardest_background_counts_and_not_all_of_it(targets):
    raw = answer(targets)
    raw.logits[0, 10:38] = 5.0  # 28 wrong ones of 16 that count
    raw.logits[0, 12] = 8.0
    assert multibox_loss(raw, [targets]).classes.item() == pytest.approx(15 * 5.0 + 8.0, rel=0.01)


def test_a_picture_without_a_face_is_learnt_from(targets):
    empty = Targets(torch.full((COUNT,), BACKGROUND), torch.zeros(COUNT, 4), torch.zeros(COUNT, 10))
    raw = RawFaces(torch.zeros(1, COUNT, 4), torch.full((1, COUNT), 3.0), torch.zeros(1, COUNT, 10))
    loss = multibox_loss(raw, [empty])
    assert loss.classes.item() > 16.0
    assert loss.boxes.item() == loss.landmarks.item() == 0.0


def test_the_original_agrees_with_itself_and_its_mistakes_are_not_wanted(targets):
    original = answer(targets, sure=2.0)
    assert agreement_loss(original, original, [targets]).item() == pytest.approx(0.0, abs=1e-6)
    other = RawFaces(original.boxes.clone(), original.logits.clone(), original.landmarks.clone())
    other.logits[0, 3], other.boxes[0, 3] = 0.0, other.boxes[0, 3] + 1.0
    assert agreement_loss(other, original, [targets]).item() > 1.0

    mistaken = RawFaces(original.boxes, original.logits.clone(), original.landmarks)
    mistaken.logits[0, 3], mistaken.logits[0, 9] = -4.0, 4.0  # misses the face, and finds one where none is
    assert agreement_loss(original, mistaken, [targets]).item() == pytest.approx(0.0, abs=0.05)


def test_distance_is_half_the_square():
    assert distance_loss([(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 1.0]))]).item() == 2.0
    assert distance_loss([]).item() == 0.0
