"""Delays with misses as censored: Kaplan and Meier 1958."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SurvivalCurve", "kaplan_meier"]

_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class SurvivalCurve:
    """Share of episodes that are not found yet, as time goes by.

    Attributes:
        times: At which episodes were found, in order.
        waiting: Share that still waits after each.
        low: Lower end of its 95 % interval (log-log, with Greenwood's variance).
        high: Upper end.
    """

    times: tuple[float, ...]
    waiting: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def quantile(self, share: float) -> float | None:
        """Return the time by which a share is found; None where fewer ever are."""
        return _first(self.times, self.waiting, 1.0 - share)

    def quantile_interval(self, share: float) -> tuple[float | None, float | None]:
        """Return the ends of the 95 % interval of a quantile (Brookmeyer and Crowley 1982)."""
        return _first(self.times, self.low, 1.0 - share), _first(self.times, self.high, 1.0 - share)

    def as_json(self) -> dict[str, object]:
        """Return plain values."""
        low, high = self.quantile_interval(0.5)
        return {
            "median_s": self.quantile(0.5),
            "median_low_s": low,
            "median_high_s": high,
            "times_s": list(self.times),
            "waiting": list(self.waiting),
            "low": list(self.low),
            "high": list(self.high),
        }


def _first(times: tuple[float, ...], shares: tuple[float, ...], most: float) -> float | None:
    return next((time for time, share in zip(times, shares, strict=True) if share <= most + 1e-12), None)


def kaplan_meier(times: NDArray[np.float64], is_found: NDArray[np.bool_]) -> SurvivalCurve:
    """Return the product-limit estimate.

    Args:
        times: Shape (n,): of the event, or until when there was none.
        is_found: Shape (n,): False where the time is censored.
    """
    waiting, variance = 1.0, 0.0
    moments: list[float] = []
    shares: list[tuple[float, float, float]] = []
    for moment in np.unique(times[is_found]).tolist():
        at_risk = int((times >= moment).sum())
        events = int(((times == moment) & is_found).sum())
        waiting *= 1.0 - events / at_risk
        if events < at_risk:
            variance += events / (at_risk * (at_risk - events))
        moments.append(moment)
        # Once all are found the variance has no value: the upper end stays what it was, and the time of no upper end
        # is known, as in `survfit` of R's survival.
        ends = _ends(waiting, variance) if waiting > 0.0 else (0.0, shares[-1][2] if shares else 1.0)
        shares.append((waiting, *ends))
    columns = list(zip(*shares, strict=True)) if shares else [(), (), ()]
    return SurvivalCurve(tuple(moments), *(tuple(column) for column in columns))


def _ends(waiting: float, variance: float) -> tuple[float, float]:
    if waiting >= 1.0:
        return 1.0, 1.0
    width = _Z * math.sqrt(variance) / math.log(waiting)
    ends = sorted((waiting ** math.exp(width), waiting ** math.exp(-width)))
    return ends[0], ends[1]
