"""How far a variant may lie from the trained network, by precision; the gate of `nicu-export verify`."""

from dataclasses import dataclass

from export.verification.figures import Figures
from monitor.inference.manifest import Precision

__all__ = ["LIMITS", "Limits", "broken_limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one precision.

    Attributes:
        band: Half width around the decision threshold in which a changed decision does not count.
        score_maximum: Of the largest score difference of a classifier.
        score_p99: Of its 99th percentile.
        detector_score_maximum: Of the largest score difference of a detector. Wider: its score is steep between face
            and no face, and only the side of the threshold matters.
        minimum_iou: Of a face's box with the reference's.
        landmark_error: In widths of the face's box.
        level_maximum: Of the smoothed level's largest difference over the golden clip.
    """

    band: float
    score_maximum: float
    score_p99: float
    detector_score_maximum: float
    minimum_iou: float
    landmark_error: float
    level_maximum: float


LIMITS: dict[Precision, Limits] = {
    "fp32": Limits(0.005, 0.001, 0.001, 0.001, 0.99, 0.005, 0.001),
    "fp16": Limits(0.02, 0.02, 0.01, 0.05, 0.97, 0.02, 0.01),
    "int8": Limits(0.10, 0.10, 0.08, 0.40, 0.85, 0.06, 0.05),
}


def broken_limits(figures: Figures, limits: Limits) -> tuple[str, ...]:
    """Return what a variant does that it may not, one phrase each; nothing means that it passes."""
    is_detector = figures.minimum_iou is not None
    score_maximum = limits.detector_score_maximum if is_detector else limits.score_maximum
    rules: list[tuple[bool, str]] = [
        (not figures.finite, "an output is not finite"),
        (
            figures.score_maximum > score_maximum,
            f"score differs by {figures.score_maximum:.4f}, allowed {score_maximum:g}",
        ),
        (
            not is_detector and figures.score_p99 > limits.score_p99,
            f"99 % of scores differ by up to {figures.score_p99:.4f}, allowed {limits.score_p99:g}",
        ),
        (figures.flips > 0, f"{figures.flips} decisions flip further than {limits.band:g} from the threshold"),
    ]
    if figures.minimum_iou is not None and figures.landmark_error is not None:
        rules += [
            (bool(figures.faces_missed), f"{figures.faces_missed} faces are missed"),
            (
                figures.minimum_iou < limits.minimum_iou,
                f"a box overlaps by {figures.minimum_iou:.3f}, wanted {limits.minimum_iou:g}",
            ),
            (
                figures.landmark_error > limits.landmark_error,
                f"a point lies {figures.landmark_error:.3f} face widths away, allowed {limits.landmark_error:g}",
            ),
        ]
    if figures.level_maximum is not None:
        rules += [
            (
                figures.level_maximum > limits.level_maximum,
                f"the level differs by {figures.level_maximum:.4f}, allowed {limits.level_maximum:g}",
            ),
            (not figures.timeline_equal, "the golden clip raises other alarms, or at other times"),
        ]
    return tuple(phrase for broken, phrase in rules if broken)
