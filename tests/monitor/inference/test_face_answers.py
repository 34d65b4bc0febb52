"""What a classifier says of a face beside its score, and what a score is worth without it."""

import math

import numpy as np
import pytest

from monitor.errors import EngineError
from monitor.inference.bundle import read_bundle
from monitor.inference.classifier import Classifier
from monitor.inference.engine import TensorSpec

CROPS = np.zeros((2, 120, 120, 3), np.uint8)


class FixedAnswers:
    """An engine that answers anything with these outputs."""

    name = "fixed"
    inputs = (TensorSpec("crops", (None, 120, 120, 3), np.dtype(np.uint8)),)

    def __init__(self, **answers):
        self._answers = {name: np.asarray(values, np.float32) for name, values in answers.items()}
        self.outputs = tuple(TensorSpec(name, a.shape, a.dtype) for name, a in self._answers.items())

    def run(self, _inputs):
        return self._answers

    def close(self):
        pass


def answers(**outputs):
    fixed = FixedAnswers(score=[0.25, 0.75], logit=[-1.0, 1.0], **outputs)
    return Classifier(read_bundle("ncnn-demo", kind="classifier"), fixed).answers(CROPS)


def test_a_model_that_does_not_say_what_is_visible_is_believed_all_the_same():
    assert [(one.score, one.visible) for one in answers()] == [(0.25, None), (0.75, None)]


def test_visibilities_belong_to_their_crops():
    first, second = answers(visible=[[0.0, 0.25, 0.5, 1.0], [1.0, 1.0, 1.0, 0.125]])
    assert first.visible == (0.0, 0.25, 0.5, 1.0)
    assert (second.score, second.visible) == (0.75, (1.0, 1.0, 1.0, 0.125))


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.5, 1.5])
def test_a_score_whose_visibility_is_no_probability_is_none(value):
    first, second = answers(visible=[[1.0, 1.0, 1.0, value], [1.0, 1.0, 1.0, 1.0]])
    assert (first.score, first.visible) == (None, None)
    assert second.score == 0.75


def test_visibilities_of_another_shape_are_an_error():
    with pytest.raises(EngineError, match="visibilities"):
        answers(visible=[[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])


def test_visibility_comes_with_the_mesh_or_without_it():
    mesh = {"points": np.ones((2, 468, 3)), "presence": [1.0, 1.0], "visible": np.full((2, 4), 0.5)}
    assert all(one.points is not None and one.visible == (0.5,) * 4 for one in answers(**mesh))
    mesh["points"][0, 0, 0] = math.nan
    assert [one.points is None for one in answers(**mesh)] == [True, False]
    assert all(one.visible == (0.5,) * 4 for one in answers(**mesh))
