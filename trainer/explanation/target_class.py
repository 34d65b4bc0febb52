"""For which of the two answers evidence is asked."""

from enum import StrEnum

__all__ = ["TargetClass"]


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
