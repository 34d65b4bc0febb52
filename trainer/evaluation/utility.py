"""What a model is worth: when it may abstain, and against treating all or none.

Risk-coverage: Geifman and El-Yaniv 2017. Net benefit: Vickers and Elkin 2006, NB(t) = TP/n - FP/n * t / (1 - t); at
another prevalence q, sensitivity * q - (1 - specificity) * (1 - q) * t / (1 - t).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from trainer.evaluation.bootstrap import RESAMPLES, resamples
from trainer.evaluation.intervals import LEAST_INFANTS, t_interval

__all__ = ["mean_of_ties", "net_benefit", "risk_coverage"]

Numbers = NDArray[np.float64]

_ROUNDING = 1e-12  # to which sums in another order agree
_COVERAGES = tuple(round(0.1 * step, 1) for step in range(1, 11))
_THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))


def risk_coverage(labels: Numbers, logits: Numbers, uncertainty: Numbers | None = None) -> dict[str, object]:
    """Return the error among the pictures that are answered, when the least certain ones are not.

    Args:
        labels: Shape (n,).
        logits: Shape (n,).
        uncertainty: Shape (n,), such as the mutual information; closeness of the probability to 0.5 when absent.

    Returns:
        `aurc`, the mean error over all coverages, and `points` of coverage and error.
    """
    if len(labels) == 0:
        return {"aurc": None, "points": []}
    doubt = -np.abs(logits) if uncertainty is None else uncertainty
    order = np.argsort(doubt, kind="stable")
    wrong = mean_of_ties(doubt, (logits >= 0.0) != (labels >= 0.5))[order]
    risk = np.cumsum(wrong) / np.arange(1, len(wrong) + 1)
    points = []
    for coverage in _COVERAGES:
        answered = max(1, round(coverage * len(wrong)))
        points.append({"coverage": coverage, "error": float(risk[answered - 1]), "pictures": answered})
    return {"aurc": float(risk.mean()), "points": points}


def mean_of_ties(doubt: Numbers, wrong: NDArray[np.bool_]) -> Numbers:
    """Return, for each answer, the share of errors among those that are as sure as it: any of them may come first.

    Args:
        doubt: Shape (n,).
        wrong: Shape (n,).
    """
    _, groups, sizes = np.unique(doubt, return_inverse=True, return_counts=True)
    return np.asarray((np.bincount(groups, wrong.astype(np.float64)) / sizes)[groups], np.float64)


def net_benefit(
    labels: Numbers,
    logits: Numbers,
    subjects: NDArray[np.str_] | None = None,
    *,
    prevalence: float | None = None,
    held_for: float | None = None,
    count: int = RESAMPLES,
) -> list[dict[str, float | None]]:
    """Return the net benefit of acting on the model at each threshold, beside acting on all and on none (0).

    Args:
        labels: Shape (n,).
        logits: Shape (n,).
        subjects: Shape (n,); with them each point gets the ends `low` and `high` of its 95 % interval over infants.
        prevalence: Share of pain, in (0, 1), at which the benefit is wanted; the probabilities are moved there, too
            (Saerens et al. 2002). The share among these pictures when None.
        held_for: Share of pain, in (0, 1), that the probabilities hold for and are moved from. The share among these
            pictures when None.
        count: Resamples of the infants.
    """
    if len(labels) == 0:
        return []
    own = float(labels.mean())
    prior = own if prevalence is None else prevalence
    start = own if held_for is None else held_for
    moved = 0.0 if prevalence is None or not 0.0 < start < 1.0 else _log_odds(prior) - _log_odds(start)
    thresholds = np.array(_THRESHOLDS)
    acted = expit(logits + moved)[None, :] >= thresholds[:, None]
    found = _benefits(labels, acted, thresholds, prevalence)
    low = high = np.full(len(thresholds), np.nan)
    infants = 0 if subjects is None else len(np.unique(subjects))
    if subjects is not None and infants >= LEAST_INFANTS:
        drawn = [_benefits(labels[rows], acted[:, rows], thresholds, prevalence) for rows in resamples(subjects, count)]
        error = np.nanstd(np.stack(drawn), axis=0, ddof=1) * np.sqrt(infants / (infants - 1))
        ends = [t_interval(float(v), float(e), infants, "real") for v, e in zip(found, error, strict=True)]
        low, high = np.array([end.low for end in ends]), np.array([end.high for end in ends])
        low[error <= _ROUNDING] = high[error <= _ROUNDING] = (
            np.nan
        )  # nobody is acted on in any resample: that is no certainty
    odds = thresholds / (1.0 - thresholds)
    return [
        {
            "threshold": float(thresholds[row]),
            "model": float(found[row]),
            "low": float(low[row]) if np.isfinite(low[row]) else None,
            "high": float(high[row]) if np.isfinite(high[row]) else None,
            "all": float(prior - (1.0 - prior) * odds[row]),
            "none": 0.0,
        }
        for row in range(len(thresholds))
        if np.isfinite(found[row])
    ]


def _benefits(labels: Numbers, acted: NDArray[np.bool_], thresholds: Numbers, prevalence: float | None) -> Numbers:
    """Return the net benefit at each threshold, shape (t,), from who is acted on, shape (t, n)."""
    pain = labels >= 0.5
    odds = thresholds / (1.0 - thresholds)
    if prevalence is None:
        return np.asarray((acted & pain).mean(axis=1) - (acted & ~pain).mean(axis=1) * odds, np.float64)
    if pain.all() or not pain.any():
        return np.full(len(thresholds), np.nan)
    sensitivity, false = acted[:, pain].mean(axis=1), acted[:, ~pain].mean(axis=1)
    return np.asarray(sensitivity * prevalence - false * (1.0 - prevalence) * odds, np.float64)


def _log_odds(share: float) -> float:
    return float(np.log(share) - np.log1p(-share))
