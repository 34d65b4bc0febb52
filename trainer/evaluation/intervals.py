"""Intervals for few infants: Student's t on the scale on which a metric is nearly normal, and exact ones at the edges.

Pictures of one infant are not independent, so infants are the units everywhere: the standard error comes from whole
infants, the quantile from Student's t with one degree of freedom less than there are infants. How often such intervals
hold the truth is simulated by `trainer.evaluation.coverage`; the results are in docs/experiments.md.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, expit, gammaincinv, ndtri, stdtrit

__all__ = [
    "CONFIDENCE",
    "LEAST_INFANTS",
    "Interval",
    "Scale",
    "clopper_pearson",
    "cluster_rate",
    "cluster_share",
    "design_effect",
    "t_interval",
]

CONFIDENCE = 0.95
LEAST_INFANTS = 5
"""Fewer infants say nothing of how infants differ: there is no interval."""

Scale = Literal["share", "positive", "skill", "real"]
"""Values in [0, 1], above 0, below 1, or any."""

_TAIL = (1.0 - CONFIDENCE) / 2.0
_LARGEST_EXPONENT = 700.0

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A metric with its 95 % interval; the ends are not numbers where none can be given."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float | None]:
        """Return plain values; JSON has no not-a-number."""
        return {name: _plain(getattr(self, name)) for name in ("value", "low", "high")}


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def t_interval(value: float, error: float, infants: int, scale: Scale) -> Interval:
    """Return a 95 % interval from a standard error over infants.

    The delta method moves the error to the logit scale of a share, the logarithm of a positive value, or ln(1 - skill);
    the interval is Student's t there and is moved back, so that it never leaves the possible values. At 0 and 1 a share
    has no error: the interval is Clopper and Pearson's with the infants as the units, as if the pictures of one infant
    said no more than a single one.

    Args:
        value: Of the metric on all infants.
        error: Its standard error, at least 0.
        infants: How many there are.
        scale: What values are possible.
    """
    if infants < LEAST_INFANTS or not math.isfinite(value):
        return Interval(value, math.nan, math.nan)
    if scale == "share" and not 0.0 < value < 1.0:
        return Interval(value, *clopper_pearson(0 if value <= 0.0 else infants, infants))
    edge = {"positive": value <= 0.0, "skill": value >= 1.0}.get(scale, False)
    if edge or not math.isfinite(error):
        return Interval(value, math.nan, math.nan)
    reach = float(stdtrit(infants - 1, 1.0 - _TAIL)) * error
    return Interval(value, *_ends(value, reach, scale))


def _ends(value: float, reach: float, scale: Scale) -> tuple[float, float]:
    """Return the ends of an interval that reaches so far, by the delta method, on the scale of the metric."""
    if scale == "share":
        middle, width = math.log(value / (1.0 - value)), reach / (value * (1.0 - value))
        return float(expit(middle - width)), float(expit(middle + width))
    if scale == "positive":
        factor = math.exp(min(reach / value, _LARGEST_EXPONENT))
        return value / factor, value * factor
    if scale == "skill":
        factor = math.exp(min(reach / (1.0 - value), _LARGEST_EXPONENT))
        return 1.0 - (1.0 - value) * factor, 1.0 - (1.0 - value) / factor
    return value - reach, value + reach


def clopper_pearson(hits: float, trials: float, effect: float = 1.0) -> tuple[float, float]:
    """Return Clopper and Pearson's exact interval of a share (1934), with `trials / effect` independent trials.

    With a design effect the counts are no whole numbers; the beta quantiles take them as they are (Korn and Graubard,
    "Confidence intervals for proportions with small expected number of positive counts", 1998).

    Args:
        hits: In [0, trials].
        trials: Above 0.
        effect: The design effect, at least 1.
    """
    found, size = hits / effect, trials / effect
    low = 0.0 if found <= 0.0 else float(betaincinv(found, size - found + 1.0, _TAIL))
    high = 1.0 if found >= size else float(betaincinv(found + 1.0, size - found, 1.0 - _TAIL))
    return low, high


def design_effect(hits: Numbers, trials: Numbers) -> float:
    """Return how many times larger the variance of a share over infants is than that of independent trials.

    Args:
        hits: Shape (k,): of each infant.
        trials: Shape (k,): of each infant, above 0.

    Returns:
        At least 1; the mean number of trials an infant, the largest possible, where it cannot be estimated: with one
        infant or with a share of 0 or 1.
    """
    total, infants = float(trials.sum()), len(trials)
    share = float(hits.sum()) / total
    if infants < 2 or share <= 0.0 or share >= 1.0:
        return total / infants
    variance = infants / (infants - 1) * float(np.sum((hits - share * trials) ** 2)) / total**2
    return max(1.0, variance / (share * (1.0 - share) / total))


def cluster_share(hits: Numbers, trials: Numbers) -> Interval:
    """Return a share over infants with its 95 % interval.

    The error of the ratio estimator is linearised over infants (Cochran, "Sampling Techniques", 1977, chapter 6), and
    is at least that of independent trials.

    Args:
        hits: Shape (k,): of each infant.
        trials: Shape (k,): of each infant; infants with none are left out.
    """
    used = trials > 0
    hits, trials = hits[used], trials[used]
    total, infants = float(trials.sum()), int(used.sum())
    if infants == 0:
        return Interval(math.nan, math.nan, math.nan)
    share = float(hits.sum()) / total
    error = math.sqrt(design_effect(hits, trials) * share * (1.0 - share) / total)
    return t_interval(share, error, infants, "share")


def cluster_rate(events: Numbers, exposure: Numbers) -> Interval:
    """Return events per unit of exposure with its 95 % interval over infants.

    The exact interval of a Poisson count (Garwood, "Fiducial limits for the Poisson distribution", 1936) with the count
    and the exposure divided by how many times larger the variance over infants is than that of a Poisson count, at
    least 1, and by the square of how much wider Student's t is than a normal distribution. Without any event that ratio
    cannot be known and is taken to be 1. With fewer than 5 infants there is no interval.

    Args:
        events: Shape (k,): of each infant.
        exposure: Shape (k,): of each infant, such as hours; infants with none are left out, without any there is no
            rate.
    """
    used = exposure > 0
    events, exposure = events[used], exposure[used]
    infants, total, count = len(exposure), float(exposure.sum()), float(events.sum())
    if infants == 0:
        return Interval(math.nan, math.nan, math.nan)
    rate = count / total
    if infants < LEAST_INFANTS:
        return Interval(rate, math.nan, math.nan)
    effect = 1.0
    if count > 0:
        effect = max(1.0, infants / (infants - 1) * float(np.sum((events - rate * exposure) ** 2)) / count)
    effect *= float(stdtrit(infants - 1, 1.0 - _TAIL) / ndtri(1.0 - _TAIL)) ** 2
    low = 0.0 if count == 0 else float(gammaincinv(count / effect, _TAIL))
    high = float(gammaincinv(count / effect + 1.0, 1.0 - _TAIL))
    return Interval(rate, low * effect / total, high * effect / total)
