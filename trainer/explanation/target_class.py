"""For which of the two answers evidence is asked."""

from collections.abc import Callable
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

__all__ = ["Evidence", "TargetClass", "of_both_signs"]


class TargetClass(StrEnum):
    """The answer whose evidence a heat map shows.

    A network with one logit speaks for "no pain" by lowering it: that evidence is the gradient of minus the logit, and
    is no less visible than the other.
    """

    PAIN = "pain"
    NO_PAIN = "no-pain"

    @property
    def sign(self) -> float:
        """By what the logit is multiplied: 1 for pain, -1 for no pain."""
        return 1.0 if self is TargetClass.PAIN else -1.0


Evidence = Callable[[TargetClass], NDArray[np.float32]]
"""The heat maps of some crops for either answer, shape (N, S, S), not negative: a network is asked once for both."""


def of_both_signs(signed: NDArray[np.float32]) -> Evidence:
    """Return the evidence of maps in which what speaks for pain is positive and what speaks for no pain is negative."""
    return lambda target: np.maximum(np.float32(target.sign) * signed, np.float32(0.0))
