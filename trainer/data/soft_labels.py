"""Soft labels: how much pain a rater's score says, for training; everything else looks at the label itself.

A score s of the Neonatal Facial Coding System (NFCS) becomes a share on two straight lines, from 0 at a score of 0
through 0.5 at b to 1 at the maximum, where b lies half a point below the threshold. So a soft label is above 0.5
exactly where the score reaches the threshold; for a threshold of 3 and a maximum of 5 it is s / 5.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from trainer.data.manifest import ImageRecord
from trainer.data.naming import Label
from trainer.data.rejection import Reason, RejectedImageError
from trainer.errors import SettingsError

__all__ = ["SoftLabels", "soft_summary", "softened"]


@dataclass(frozen=True, slots=True)
class SoftLabels:
    """From scores to soft labels.

    Attributes:
        threshold: Scores from here on mean pain.
        maximum: The highest score that there is: 5 with the facial actions of UNIFESP's raters, 8 or 10 elsewhere.

    Raises:
        SettingsError: The threshold lies outside the scores.
    """

    threshold: float = 3.0
    maximum: float = 5.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not 0.0 < self.threshold <= math.floor(self.maximum):
            raise SettingsError(
                f"a threshold of {self.threshold:g} does not divide scores of 0 to {self.maximum:g}; give "
                "--nfcs-threshold and --nfcs-maximum that fit the table"
            )

    def contradicts(self, score: float, label: Label) -> bool:
        """Return whether a score lies on the other side of the threshold than a label says."""
        return self._moved(score, label) != score

    def of(self, score: float, label: Label) -> float:
        """Return the soft label of a picture, in [0, 1]: above 0.5 for pain, below for no pain.

        A score that contradicts the label counts as the nearest whole score that does not.

        Raises:
            ValueError: The score is not between 0 and the maximum.
        """
        if not 0.0 <= score <= self.maximum:
            raise ValueError(f"a score of {score:g} is not between 0 and {self.maximum:g}")
        middle = math.ceil(self.threshold) - 0.5
        moved = self._moved(score, label)
        if moved <= middle:
            return 0.5 * moved / middle
        return 0.5 + 0.5 * (moved - middle) / (self.maximum - middle)

    def _moved(self, score: float, label: Label) -> float:
        lowest = math.ceil(self.threshold)
        return max(score, lowest) if label is Label.PAIN else min(score, lowest - 1.0)


def softened(record: ImageRecord, score: float, soft: SoftLabels) -> ImageRecord:
    """Return a picture with its soft label.

    Raises:
        RejectedImageError: The score is not one of the scale.
    """
    try:
        return replace(record, soft_label=soft.of(score, record.label))
    except ValueError as error:
        raise RejectedImageError(
            Reason.NO_LABEL, f"{record.image}: {error}; --nfcs-maximum names the highest score"
        ) from None


def soft_summary(records: Sequence[ImageRecord], scores: Mapping[str, float], soft: SoftLabels) -> str:
    """Return one sentence on how many pictures have soft labels.

    Args:
        records: The pictures that were taken.
        scores: SHA-256 of a picture to its score.
        soft: How scores became soft labels.
    """
    found = [record for record in records if record.soft_label is not None]
    against = sum(soft.contradicts(scores[record.sha256], record.label) for record in found)
    return (
        f"{len(found)} of {len(records)} pictures have soft labels, from NFCS scores of 0 to {soft.maximum:g} with "
        f"pain from {soft.threshold:g} on; {against} scores contradict the label and count as the nearest that agrees."
    )
