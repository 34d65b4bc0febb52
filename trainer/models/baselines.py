"""Baselines on the detector's points: logistic regression on one feature, or ridge logistic regression on eight."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from trainer.crops import Study
from trainer.models.fitted import Outcome, Prediction
from trainer.models.geometry import FEATURES, MOUTH_WIDTH, study_features
from trainer.protocols import Fold

__all__ = ["FittedBaseline", "fit_baseline"]

_NO_PENALTY, _RIDGE = 1e6, 1.0


class FittedBaseline:
    """A fitted baseline.

    Args:
        study: Where rows come from.
        columns: Which features it uses.
        pipeline: Scaling and regression.
        training: How it did on the training pictures.
        validation: How it did on the validation pictures.
    """

    def __init__(
        self, study: Study, columns: list[int], pipeline: Pipeline, training: Outcome, validation: Outcome
    ) -> None:
        self._study, self._columns, self._pipeline = study, columns, pipeline
        self.details: dict[str, Any] = {
            "temperature": 1.0,
            "features": [FEATURES[column] for column in columns],
            **training.named("training"),
            **validation.named("validation"),
        }

    def predict(self, rows: NDArray[np.int64]) -> Prediction:
        """Return the regression's log-odds; logistic regression is calibrated by itself."""
        if len(rows) == 0:
            return Prediction(np.zeros(0), np.zeros(0))
        logits = self._pipeline.decision_function(study_features(self._study, rows)[:, self._columns])
        return Prediction(np.asarray(logits, np.float64), np.zeros(len(rows)))


def fit_baseline(study: Study, fold: Fold, kind: str) -> FittedBaseline:
    """Fit a baseline to the training pictures of a fold; it needs no augmentation and does not stop early.

    Args:
        study: The pictures.
        fold: Whose training pictures.
        kind: "geometric" for the mouth's width alone, "ridge" for all eight features.

    Raises:
        DataError: The pictures were taken whole and have no points.
    """
    columns = [MOUTH_WIDTH] if kind == "geometric" else list(range(len(FEATURES)))
    train, held = (np.unique(items.rows) for items in fold.splits[0])
    regression = LogisticRegression(C=_NO_PENALTY if kind == "geometric" else _RIDGE)
    pipeline = make_pipeline(StandardScaler(), regression)
    pipeline.fit(study_features(study, train)[:, columns], study.labels[train])

    def outcome(rows: NDArray[np.int64]) -> Outcome:
        logits = np.asarray(pipeline.decision_function(study_features(study, rows)[:, columns]), np.float64)
        return Outcome.of(study.labels[rows].astype(np.float64), logits)

    return FittedBaseline(study, columns, pipeline, outcome(train), outcome(held))
