"""Baselines: regression on the detector's points, and regression or a linear support vector machine on descriptors."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trainer.crops import Study
from trainer.evaluation.calibration import fit_temperature
from trainer.models.fitted import HeldAnswers, Outcome, Prediction
from trainer.models.geometry import FEATURES, MOUTH_WIDTH, study_features
from trainer.models.onnx_features import OnnxFeatures
from trainer.models.pixel_features import PIXEL_KINDS, crop_features
from trainer.protocols import AS_IT_IS, Fold

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

__all__ = ["FittedBaseline", "fit_baseline"]

_NO_PENALTY, _RIDGE = 1e6, 1.0
_PIXEL_PENALTY = 1e-3  # a thousand grey levels and a hundred pictures
_FROZEN_PENALTY = 1e-2
_MARGIN = 1e-3
_ITERATIONS = 20_000

Describe = Callable[[NDArray[np.int64]], NDArray[np.float64]]


class FittedBaseline:
    """A fitted baseline.

    Args:
        describe: Features of rows of the study, shape (k, d).
        pipeline: Scaling and regression, or a support vector machine.
        temperature: By which its answer is divided to become log-odds.
        details: What a reader of the results wants to know.
        held: Its answers to validation pictures; None where they are copies of training pictures.
    """

    def __init__(
        self,
        describe: Describe,
        pipeline: "Pipeline",
        temperature: float,
        details: dict[str, Any],
        held: HeldAnswers | None = None,
    ) -> None:
        self._describe, self._pipeline, self._temperature = describe, pipeline, temperature
        self.held = held
        self.details = details

    def predict(self, rows: NDArray[np.int64]) -> Prediction:
        """Return log-odds."""
        if len(rows) == 0:
            return Prediction(np.zeros(0), np.zeros(0))
        answers = np.asarray(self._pipeline.decision_function(self._describe(rows)), np.float64)
        return Prediction(answers / self._temperature, np.zeros(len(rows)))


def fit_baseline(study: Study, fold: Fold, kind: str, frozen: OnnxFeatures | None = None) -> FittedBaseline:
    """Fit a baseline to the training pictures of a fold; it needs no augmentation and does not stop early.

    A regression on points is calibrated by itself. With more features than pictures, or without probabilities, an
    answer is not: its temperature is fitted on the validation pictures, as a network's is.

    Args:
        study: The pictures.
        fold: Whose training pictures.
        kind: "geometric" for the mouth's width alone, "ridge" for all eight features of the points; "pixels" for a
            regression on grey levels, "hog" and "lbp" for a support vector machine on these descriptors; "onnx" for a
            regression on frozen features.
        frozen: Where these come from.

    Raises:
        DataError: The pictures were taken whole and have no points ("geometric" and "ridge").
    """
    train, held = (np.unique(items.rows) for items in fold.splits[0])
    describe, pipeline, names = _parts(study, kind, frozen)
    _fit(pipeline, describe(train), study.targets[train])

    def answers(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray(pipeline.decision_function(describe(rows)), np.float64)

    labels, raw = study.labels[held].astype(np.float64), answers(held)
    temperature = fit_temperature(raw, labels) if kind in PIXEL_KINDS or frozen else 1.0
    inner = None
    if (fold.splits[0][1].variants == AS_IT_IS).all():
        inner = HeldAnswers(held, raw / temperature)
    details = {
        "temperature": temperature,
        "features": names,
        **Outcome.of(study.labels[train].astype(np.float64), answers(train)).named("training"),
        **Outcome.of(labels, raw).named("validation"),
    }
    return FittedBaseline(describe, pipeline, temperature, details, inner)


def _fit(pipeline: "Pipeline", features: NDArray[np.float64], targets: NDArray[np.float32]) -> None:
    """Fit a pipeline; with soft labels each picture counts as pain and as no pain, weighted by its shares of both."""
    if np.isin(targets, (0.0, 1.0)).all():
        pipeline.fit(features, targets)
        return
    labels = np.repeat([1.0, 0.0], len(targets))
    weights = {f"{pipeline.steps[-1][0]}__sample_weight": np.concatenate([targets, 1.0 - targets])}
    pipeline.fit(np.concatenate([features, features]), labels, **weights)


def _parts(study: Study, kind: str, frozen: OnnxFeatures | None) -> "tuple[Describe, Pipeline, list[str]]":
    """Return the features of a kind of baseline, what learns from them, and their names."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    if frozen is not None:
        learner = LogisticRegression(C=_FROZEN_PENALTY, max_iter=_ITERATIONS)
        return frozen.of, make_pipeline(StandardScaler(), learner), [kind]
    if kind in PIXEL_KINDS:
        learner = (
            LogisticRegression(C=_PIXEL_PENALTY, max_iter=_ITERATIONS)
            if kind == "pixels"
            else LinearSVC(C=_MARGIN, max_iter=_ITERATIONS, random_state=0)
        )
        return lambda rows: crop_features(study, rows, kind), make_pipeline(StandardScaler(), learner), [kind]
    columns = [MOUTH_WIDTH] if kind == "geometric" else list(range(len(FEATURES)))
    regression = LogisticRegression(C=_NO_PENALTY if kind == "geometric" else _RIDGE)
    return (
        lambda rows: study_features(study, rows)[:, columns],
        make_pipeline(StandardScaler(), regression),
        [FEATURES[column] for column in columns],
    )
