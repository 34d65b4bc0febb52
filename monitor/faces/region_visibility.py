"""Which regions of a face can be seen, as estimated from one crop.

What is hidden says nothing about pain: a cloth over the mouth hides the facial action that a score may rest on. The
rule that follows from it is in `monitor.pain`; this is only the value, in the order in
which a classifier gives it (`monitor.inference.classifier.FaceAnswer.visible`).
"""

import math
from dataclasses import dataclass, fields

__all__ = ["RegionVisibility"]


@dataclass(frozen=True, slots=True)
class RegionVisibility:
    """How likely each region of the patient's face is visible.

    Left and right are the infant's own.

    Attributes:
        left_eye: Probability in [0, 1] that the eye, its lids and its brow are visible; None where it is not known.
        right_eye: The same for the other eye.
        nose: The same for the bridge, the wings and the furrows beside them.
        mouth: The same for the lips and the chin.

    Raises:
        ValueError: A probability is not finite or lies outside [0, 1].
    """

    left_eye: float | None = None
    right_eye: float | None = None
    nose: float | None = None
    mouth: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is no probability."""
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not (math.isfinite(value) and 0.0 <= value <= 1.0):
                raise ValueError(f"the visibility of the {field.name.replace('_', ' ')} is {value}, not 0 to 1")
