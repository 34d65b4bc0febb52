"""What so many infants can show: the power of a paired comparison of two models, infant by infant.

Each infant gives one difference of accuracy; the test is Student's t over infants. With m pictures an infant, a share d
of pictures on which exactly one model is right, a true difference D and a correlation r between pictures of an infant,
the variance of an infant's difference is (d - D^2) (1 + (m - 1) r) / m.
"""

import math

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.intervals import CONFIDENCE, LEAST_INFANTS

__all__ = ["infant_deviation", "infants_needed", "observed_deviation", "power"]

_MOST_INFANTS = 1_000_000


def infant_deviation(difference: float, pictures: float, disagreement: float, correlation: float) -> float:
    """Return the standard deviation of an infant's difference of accuracy.

    Args:
        difference: True difference of accuracy, in (-1, 1).
        pictures: Of an infant.
        disagreement: Share of pictures on which exactly one model is right; at least |difference|.
        correlation: Between the differences on two pictures of an infant, in [0, 1].

    Raises:
        ValueError: The models disagree on fewer pictures than their accuracies differ by.
    """
    if disagreement < abs(difference):
        raise ValueError(
            f"models that differ by {100 * abs(difference):g} points disagree on at least that share of the pictures, "
            f"not on {100 * disagreement:g} %"
        )
    return math.sqrt((disagreement - difference**2) * (1.0 + (pictures - 1.0) * correlation) / pictures)


def observed_deviation(
    labels: NDArray[np.float64], first: NDArray[np.float64], second: NDArray[np.float64], subjects: NDArray[np.str_]
) -> float:
    """Return the standard deviation of the infants' differences of accuracy between two models.

    Args:
        labels: Shape (n,).
        first: Logits of one model, shape (n,).
        second: Logits of the other, shape (n,).
        subjects: Shape (n,).
    """
    right = [((logits >= 0.0) == (labels >= 0.5)).astype(np.float64) for logits in (first, second)]
    _, numbers = np.unique(subjects, return_inverse=True)
    means = np.bincount(numbers, right[1] - right[0]) / np.bincount(numbers)
    return float(means.std(ddof=1)) if len(means) > 1 else math.nan


def power(difference: float, deviation: float, infants: int) -> float:
    """Return how often a two-sided t test over infants at 5 % finds a difference (non-central t distribution).

    Args:
        difference: True difference of accuracy.
        deviation: Standard deviation of an infant's difference, above 0.
        infants: At least 2.
    """
    from scipy.stats import nct
    from scipy.stats import t as student

    limit = float(student.ppf(0.5 + CONFIDENCE / 2.0, infants - 1))
    centre = abs(difference) / deviation * math.sqrt(infants)
    upper = float(nct.sf(limit, infants - 1, centre))
    lower = float(nct.cdf(-limit, infants - 1, centre))
    return upper + (lower if math.isfinite(lower) else 0.0)


def infants_needed(difference: float, deviation: float, wanted: float = 0.8) -> int | None:
    """Return the fewest infants, at least 5, with which a difference is found so often; None above a million.

    Args:
        difference: True difference of accuracy, not 0.
        deviation: Standard deviation of an infant's difference.
        wanted: Power, in (0, 1).
    """
    low, high = LEAST_INFANTS, LEAST_INFANTS
    while power(difference, deviation, high) < wanted:
        low, high = high + 1, high * 2
        if high > _MOST_INFANTS:
            return None
    while low < high:
        middle = (low + high) // 2
        if power(difference, deviation, middle) >= wanted:
            high = middle
        else:
            low = middle + 1
    return high
