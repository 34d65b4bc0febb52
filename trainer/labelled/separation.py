"""How well a score separates labels: AUC with intervals over subjects, at equal size, and errors when it abstains."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.bootstrap import infants_of_both, interval_of
from trainer.evaluation.utility import mean_of_ties

__all__ = ["Separation", "abstention_errors", "auc", "separation"]

# Two faces count as of the same size within this factor.
_SAME_SIZE = 1.25


@dataclass(frozen=True, slots=True)
class Separation:
    """An AUC with its interval.

    Attributes:
        value: Probability that a positive scores higher than a negative; ties count half.
        low: Of the 95 % interval over subjects, as `trainer.evaluation` gives it: NaN below 5 subjects of a group.
        high: Of the same.
        same_size: The same over pairs of faces whose sizes differ by less than a quarter; NaN without such pairs.
        positives: How many.
        negatives: How many.
    """

    value: float
    low: float
    high: float
    same_size: float
    positives: int
    negatives: int


def auc(
    positives: NDArray[np.float64],
    negatives: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
) -> float:
    """Return the weighted share of pairs in which the positive is higher; ties count half; NaN without a pair.

    Args:
        positives: Shape (P,), scores.
        negatives: Shape (N,), scores.
        weights: Shape (P, N), of the pairs; all alike when absent.
    """
    wins = _wins(positives, negatives)
    if weights is None:
        return float(wins.mean()) if wins.size else float("nan")
    total = float(weights.sum())
    return float((weights * wins).sum() / total) if total > 0 else float("nan")


def separation(
    positives: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.str_]],
    negatives: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.str_]],
    *,
    resamples: int,
    seed: int = 0,
) -> Separation:
    """Return the AUC of two groups of faces, with a bootstrap over subjects.

    Args:
        positives: Scores, sizes in pixels and subjects of the positives, shape (P,) each.
        negatives: The same of the negatives.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
    """
    (high_scores, high_sizes, high_subjects), (low_scores, low_sizes, low_subjects) = positives, negatives
    wins = _wins(high_scores, low_scores)
    ratio = np.abs(np.log(high_sizes[:, None]) - np.log(low_sizes[None, :]))
    near = (ratio < np.log(_SAME_SIZE)).astype(np.float64)
    names, numbers = np.unique(np.concatenate([high_subjects, low_subjects]), return_inverse=True)
    first, second = numbers[: len(high_subjects)], numbers[len(high_subjects) :]
    rng = np.random.default_rng(seed)
    values: list[float] = []
    for counts in rng.multinomial(len(names), np.full(len(names), 1.0 / len(names)), size=resamples):
        high, low = counts[first].astype(float), counts[second].astype(float)
        pairs = float(high.sum() * low.sum())
        values.append(float(high @ wins @ low) / pairs if pairs else float("nan"))
    labels = np.repeat([1.0, 0.0], [len(first), len(second)])
    interval = interval_of(
        auc(high_scores, low_scores), values, infants_of_both(labels, np.concatenate([high_subjects, low_subjects]))
    )
    return Separation(
        value=interval.value,
        low=interval.low,
        high=interval.high,
        same_size=auc(high_scores, low_scores, near),
        positives=len(high_scores),
        negatives=len(low_scores),
    )


def abstention_errors(
    scores: NDArray[np.float64], labels: NDArray[np.bool_], threshold: float, shares: tuple[float, ...]
) -> list[float]:
    """Return the share of wrong decisions among the surest answers.

    Args:
        scores: Shape (N,), in [0, 1].
        labels: Shape (N,).
        threshold: From which a score means positive.
        shares: Of the answers that are not withheld, those furthest from the threshold.
    """
    doubt = -np.abs(scores - threshold)
    order = np.argsort(doubt, kind="stable")
    wrong = mean_of_ties(doubt, (scores >= threshold) != labels)
    return [float(wrong[order[: max(1, round(share * len(scores)))]].mean()) for share in shares]


def _wins(positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> NDArray[np.float64]:
    difference = positives[:, None] - negatives[None, :]
    return np.asarray((difference > 0) + 0.5 * (difference == 0), dtype=np.float64)
