"""Results infant by infant, and stimulus by stimulus: whom a model serves badly, and what it mistakes for pain."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from trainer.evaluation.bootstrap import RESAMPLES, infants_of_both, interval_of, resamples
from trainer.evaluation.intervals import Interval, cluster_share
from trainer.evaluation.metrics import area_under_curve

__all__ = ["per_group", "per_stimulus", "per_subject", "share_of"]

Numbers = NDArray[np.float64]


def per_subject(labels: Numbers, logits: Numbers, subjects: NDArray[np.str_]) -> list[dict[str, Any]]:
    """Return accuracy and mean score of each infant.

    Args:
        labels: Shape (n,), 0 or 1.
        logits: Shape (n,).
        subjects: Shape (n,).
    """
    found = []
    for subject in np.unique(subjects):
        rows = subjects == subject
        right = (logits[rows] >= 0.0) == (labels[rows] >= 0.5)
        found.append(
            {
                "subject": str(subject),
                "pictures": int(rows.sum()),
                "pain": int(labels[rows].sum()),
                "right": int(right.sum()),
                "accuracy": float(right.mean()),
                "mean_score": float(np.mean(expit(logits[rows]))),
            }
        )
    return found


def per_stimulus(
    labels: Numbers,
    logits: Numbers,
    subjects: NDArray[np.str_],
    stimuli: NDArray[np.str_],
    is_main: NDArray[np.bool_],
    count: int = RESAMPLES,
) -> list[dict[str, Any]]:
    """Return, for every stimulus, how often pain was predicted: crying and other confusers show here.

    Args:
        labels: Shape (n,), 0 or 1.
        logits: Shape (n,).
        subjects: Shape (n,).
        stimuli: Shape (n,).
        is_main: Shape (n,): whether a picture belongs to those that are trained and tested on.
        count: Resamples of the infants.

    Returns:
        For each stimulus its counts; the share called pain, with its 95 % interval over infants; and, where
        none of its pictures is labelled pain, the AUC of separating the tested pictures of pain from it.
    """
    pain = is_main & (labels >= 0.5)
    found = []
    for stimulus in sorted(set(stimuli.tolist())):
        rows = stimuli == stimulus
        predicted = logits[rows] >= 0.0
        share = share_of(predicted, subjects[rows])
        against = None
        if pain.any() and not (labels[rows] >= 0.5).any():
            both = rows | pain
            against = _area(labels[both], logits[both], subjects[both], count)
        found.append(
            {
                "stimulus": stimulus,
                "pictures": int(rows.sum()),
                "subjects": len(np.unique(subjects[rows])),
                "trained_on": bool(is_main[rows].any()),
                "labelled_pain": int(labels[rows].sum()),
                "said_pain": int(predicted.sum()),
                "said_pain_share": float(predicted.mean()),
                "said_pain_interval": share.as_json(),
                "mean_score": float(np.mean(expit(logits[rows]))),
                "auc_of_pain_against_it": against,
            }
        )
    return found


def per_group(
    labels: Numbers,
    logits: Numbers,
    subjects: NDArray[np.str_],
    values: NDArray[np.str_],
    count: int = RESAMPLES,
) -> list[dict[str, Any]]:
    """Return how a model does in each group of infants.

    Args:
        labels: Shape (n,), 0 or 1.
        logits: Shape (n,).
        subjects: Shape (n,).
        values: Shape (n,): the group of each picture.
        count: Resamples of the infants.

    Returns:
        For each group its counts, and accuracy, AUC, sensitivity and specificity with 95 % intervals over its infants.
    """
    right, pain = (logits >= 0.0) == (labels >= 0.5), labels >= 0.5
    found = []
    for value in sorted(set(values.tolist())):
        rows = values == value
        parts = {"accuracy": rows, "sensitivity": rows & pain, "specificity": rows & ~pain}
        shares = {name: share_of(right[part], subjects[part]).as_json() for name, part in parts.items() if part.any()}
        found.append(
            {
                "group": value,
                "pictures": int(rows.sum()),
                "subjects": len(np.unique(subjects[rows])),
                "pain": int(labels[rows].sum()),
                **{name: shares.get(name, dict.fromkeys(("value", "low", "high"))) for name in parts},
                "auc": _area(labels[rows], logits[rows], subjects[rows], count),
            }
        )
    return found


def _area(labels: Numbers, logits: Numbers, subjects: NDArray[np.str_], count: int) -> dict[str, float | None]:
    resampled = [area_under_curve(labels[part], logits[part]) for part in resamples(subjects, count)]
    return interval_of(area_under_curve(labels, logits), resampled, infants_of_both(labels, subjects)).as_json()


def share_of(hits: NDArray[np.bool_], subjects: NDArray[np.str_]) -> Interval:
    """Return how often something is so, with its 95 % interval over infants.

    Args:
        hits: Shape (n,).
        subjects: Shape (n,).
    """
    _, numbers = np.unique(subjects, return_inverse=True)
    trials = np.asarray(np.bincount(numbers), np.float64)
    return cluster_share(np.asarray(np.bincount(numbers, hits.astype(np.float64)), np.float64), trials)
