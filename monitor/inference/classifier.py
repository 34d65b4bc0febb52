"""Pain scores of face crops."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.errors import EngineError
from monitor.inference.bundle import Bundle
from monitor.inference.engine import Engine
from monitor.inference.engine_factory import REDUCED_ENGINES
from monitor.inference.lazy_rows import Rows

__all__ = ["Classifier", "FaceAnswer", "are_constant"]

_INPUT = "crops"
_OUTPUT = "score"
_LOGIT = "logit"
_POINTS, _PRESENCE, _VISIBLE = "points", "presence", "visible"
_REGIONS = 4
_POINT_AXES = 3
_CONSTANT_TOLERANCE = 2e-3
"""By how much a constant answer may differ from the exact one, as a share of it above 1: half precision rounds it."""
_REDUCED_TOLERANCE = 1e-2
"""The same where it was computed in bf16, whose steps are 0.8 %: the bias and the temperature are both rounded."""


@dataclass(frozen=True, slots=True)
class FaceAnswer:
    """What a classifier says of one crop.

    Attributes:
        score: Probability of pain in [0, 1]; None where the model's answer is none.
        points: Shape (P, 3): the face mesh, x, y and depth in pixels of the crop; None where the model has none.
        presence: Probability in [0, 1] that the crop shows a face; None where the model has no mesh.
        visible: Probabilities in [0, 1] that the infant's left eye, right eye, nose and mouth are visible; None where
            the model does not say.
    """

    score: float | None
    points: NDArray[np.float32] | None = None
    presence: float | None = None
    visible: tuple[float, float, float, float] | None = None


class Classifier:
    """Turns crops into calibrated probabilities of pain. Belongs to one thread, as its engine does.

    Args:
        bundle: A classifier's bundle.
        engine: What runs its model; closed with the classifier.

    Raises:
        BundleError: The bundle is no classifier.
        EngineError: The engine's model has not the inputs and outputs of a classifier.
    """

    def __init__(self, bundle: Bundle, engine: Engine) -> None:
        contract = bundle.classifier
        inputs = {spec.name: spec for spec in engine.inputs}
        outputs = {spec.name: spec for spec in engine.outputs}
        if set(inputs) != {_INPUT} or _OUTPUT not in outputs:
            raise EngineError(
                f"the model of bundle {bundle.name} takes {sorted(inputs)} and gives {sorted(outputs)}; a classifier "
                f"takes {_INPUT!r} and gives {_OUTPUT!r}; export it again"
            )
        side = inputs[_INPUT].shape[1]
        if side is None:
            raise EngineError(f"the model of bundle {bundle.name} has no fixed crop size; export it again")
        self._constant = contract.constant_logit
        if self._constant is not None and _LOGIT not in outputs:
            raise EngineError(f"the model of bundle {bundle.name} gives no {_LOGIT!r}; export it again")
        self._engine = engine
        self._size_px = side
        self._margin = contract.crop.margin

    @property
    def size_px(self) -> int:
        """Side of the square crops that it takes."""
        return self._size_px

    @property
    def margin(self) -> float:
        """Share of the box's width and height that a crop adds on every side."""
        return self._margin

    @property
    def engine(self) -> Engine:
        """What runs the model."""
        return self._engine

    def scores(self, crops: Rows) -> list[float | None]:
        """Return the probability of pain of every crop, as `answers` does, and nothing else."""
        return [answer.score for answer in self.answers(crops)]

    def answers(self, crops: Rows) -> list[FaceAnswer]:
        """Return what the model says of every crop.

        An answer is none where it is not a probability, where the visibility of regions should be known and is not, and
        where it is the network's constant: the units before the output were silent, and the answer would be the same
        for any picture.

        Args:
            crops: Shape (N, size_px, size_px, 3), RGB; or N squares that are still to be cut.

        Returns:
            N answers. A number that is not finite, or outside [0, 1], never becomes a score, and no point.

        Raises:
            EngineError: The shape or type is wrong, or the engine failed.
        """
        if len(crops) == 0:
            return []
        outputs = self._engine.run({_INPUT: crops})
        answers = outputs[_OUTPUT]
        if answers.shape != (len(crops),):
            raise EngineError(f"the classifier answered with shape {answers.shape} to {len(crops)} crops")
        scores = [_probability(answer) for answer in answers]
        if self._constant is not None:
            silent = are_constant(outputs[_LOGIT], self._constant, self._engine.name)
            scores = [None if is_silent else score for score, is_silent in zip(scores, silent, strict=True)]
        visible = _visible(outputs.get(_VISIBLE), len(crops))
        if _VISIBLE in outputs:
            # Without knowing what is hidden a score could be that of a cloth.
            scores = [None if seen is None else score for score, seen in zip(scores, visible, strict=True)]
        points, presence = outputs.get(_POINTS), outputs.get(_PRESENCE)
        if points is None or presence is None:
            return [FaceAnswer(score, visible=seen) for score, seen in zip(scores, visible, strict=True)]
        if points.shape != (len(crops), points.shape[1], _POINT_AXES) or presence.shape != (len(crops),):
            raise EngineError(f"the classifier answered with points {points.shape} and presence {presence.shape}")
        return [
            FaceAnswer(score, mesh, _probability(found), seen)
            if np.isfinite(mesh).all()
            else FaceAnswer(score, visible=seen)
            for score, mesh, found, seen in zip(scores, np.asarray(points, np.float32), presence, visible, strict=True)
        ]

    def close(self) -> None:
        """Close the engine; safe to call twice."""
        self._engine.close()


def are_constant(logits: NDArray[Any], constant: float, engine: str) -> NDArray[np.bool_]:
    """Return which answers are the network's constant, which is none.

    Args:
        logits: Shape (N,), log-odds.
        constant: The manifest's `constant_logit`.
        engine: Name of the engine that answered: some compute in fewer bits than others.
    """
    tolerance = _REDUCED_TOLERANCE if engine in REDUCED_ENGINES else _CONSTANT_TOLERANCE
    return np.asarray(np.abs(logits - constant) <= tolerance * max(1.0, abs(constant)), np.bool_)


def _visible(answers: NDArray[Any] | None, crops: int) -> list[tuple[float, float, float, float] | None]:
    """Return what is visible in every crop; None where the model does not say, or not in probabilities."""
    if answers is None:
        return [None] * crops
    if answers.shape != (crops, _REGIONS):
        raise EngineError(f"the classifier answered with visibilities {answers.shape} to {crops} crops")
    found = [[_probability(value) for value in row] for row in answers]
    return [
        None if left is None or right is None or nose is None or mouth is None else (left, right, nose, mouth)
        for left, right, nose, mouth in found
    ]


def _probability(answer: Any) -> float | None:  # noqa: ANN401 - a NumPy scalar of any float type
    value = float(answer)
    return value if math.isfinite(value) and 0.0 <= value <= 1.0 else None
