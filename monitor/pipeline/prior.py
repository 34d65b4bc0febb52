"""From the share of pain that a classifier was trained with to the share at the bedside."""

import math

__all__ = ["shift_prior"]


def shift_prior(score: float, training_prior: float, expected_prior: float) -> float:
    """Return a probability moved from the share of pain in training to the share expected at the bedside.

    logit p' = logit p + logit(expected) - logit(training) (Saerens et al. 2002, "Adjusting the outputs of a classifier
    to new a priori probabilities", eq. 4, written in log-odds).

    Args:
        score: In [0, 1].
        training_prior: In (0, 1).
        expected_prior: In (0, 1).
    """
    if score in {0.0, 1.0}:
        return score
    logit = _logit(score) + _logit(expected_prior) - _logit(training_prior)
    return 1.0 / (1.0 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1.0 + math.exp(logit))


def _logit(probability: float) -> float:
    return math.log(probability) - math.log1p(-probability)
