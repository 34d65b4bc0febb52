"""How far a variant may lie from the trained network, by precision; the gate of `nicu-export verify`."""

from dataclasses import dataclass

from export.verification.differences import Differences
from monitor.inference.engine_factory import REDUCED_ENGINES
from monitor.inference.manifest import EngineName, Precision

__all__ = ["LIMITS", "Limits", "broken_limits", "limits_of"]


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
        logit_maximum: Of a classifier's log-odds and of what adds up to them, see `Differences`. Engines of today's
            bundles differ by up to 0.00002 in fp32, 0.003 in fp16 and 0.29 in bf16.
        mesh_point_px: Of a face mesh's points, in pixels of its crop of 192; a classifier's mesh is one, too.
        visibility_maximum: Of the probability that a region is visible, or that a crop shows a face. Wider for int8 and
            bf16 than that of a score, for it is as steep as a detector's: `face-actions` in bf16 differs by up to 0.12
            and flips nothing.
    """

    band: float
    score_maximum: float
    score_p99: float
    detector_score_maximum: float
    minimum_iou: float
    landmark_error: float
    level_maximum: float
    logit_maximum: float
    mesh_point_px: float
    visibility_maximum: float


LIMITS: dict[Precision, Limits] = {
    "fp32": Limits(0.005, 0.001, 0.001, 0.001, 0.99, 0.005, 0.001, 0.005, 0.05, 0.001),
    "fp16": Limits(0.02, 0.02, 0.01, 0.05, 0.97, 0.02, 0.01, 0.05, 0.5, 0.02),
    "int8": Limits(0.10, 0.10, 0.08, 0.40, 0.85, 0.06, 0.05, 0.5, 3.0, 0.2),
}


def limits_of(precision: Precision, engine: EngineName) -> Limits:
    """Return the limits of a file with an engine: one that computes in fewer bits than the file has those of int8."""
    return LIMITS["int8" if engine in REDUCED_ENGINES else precision]


def broken_limits(differences: Differences, limits: Limits) -> tuple[str, ...]:
    """Return what a variant does that it may not, one phrase each; nothing means that it passes."""
    is_detector = differences.minimum_iou is not None
    score_maximum = limits.detector_score_maximum if is_detector else limits.score_maximum
    rules: list[tuple[bool, str]] = [
        (not differences.finite, "an output is not finite"),
        (
            differences.score_maximum > score_maximum,
            f"score differs by {differences.score_maximum:.4f}, allowed {score_maximum:g}",
        ),
        (
            not is_detector and differences.score_p99 > limits.score_p99,
            f"99 % of scores differ by up to {differences.score_p99:.4f}, allowed {limits.score_p99:g}",
        ),
        (differences.flips > 0, f"{differences.flips} decisions flip further than {limits.band:g} from the threshold"),
    ]
    if differences.minimum_iou is not None and differences.landmark_error is not None:
        rules += [
            (bool(differences.faces_missed), f"{differences.faces_missed} faces are missed"),
            (bool(differences.faces_invented), f"{differences.faces_invented} faces are found where there is none"),
            (
                differences.minimum_iou < limits.minimum_iou,
                f"a box overlaps by {differences.minimum_iou:.3f}, wanted {limits.minimum_iou:g}",
            ),
            (
                differences.landmark_error > limits.landmark_error,
                f"a point lies {differences.landmark_error:.3f} face widths away, allowed {limits.landmark_error:g}",
            ),
        ]
    if differences.logit_maximum is not None:
        rules.append(
            (
                differences.logit_maximum > limits.logit_maximum,
                f"log-odds differ by {differences.logit_maximum:.4f} of their size, allowed {limits.logit_maximum:g}",
            )
        )
    if differences.contribution_maximum is not None:
        rules.append(
            (
                differences.contribution_maximum > limits.logit_maximum,
                f"parts of log-odds differ by {differences.contribution_maximum:.3f}, allowed {limits.logit_maximum:g}",
            )
        )
    if differences.visibility_maximum is not None:
        rules += [
            (
                differences.visibility_maximum > limits.visibility_maximum,
                f"visibility differs by {differences.visibility_maximum:.4f}, allowed {limits.visibility_maximum:g}",
            ),
            (
                bool(differences.visibility_flips),
                f"{differences.visibility_flips} regions or faces are seen that are hidden, or the other way round",
            ),
        ]
    rules.append(
        (
            bool(differences.constants_scored),
            f"{differences.constants_scored} answers of a silent network become scores",
        )
    )
    if differences.point_px_maximum is not None:
        rules.append(
            (
                differences.point_px_maximum > limits.mesh_point_px,
                f"a point lies {differences.point_px_maximum:.3f} px away, allowed {limits.mesh_point_px:g}",
            )
        )
    if differences.level_maximum is not None:
        rules += [
            (
                differences.level_maximum > limits.level_maximum,
                f"the level differs by {differences.level_maximum:.4f}, allowed {limits.level_maximum:g}",
            ),
            (not differences.timeline_equal, "the golden clip raises other alarms, or at other times"),
        ]
    return tuple(phrase for broken, phrase in rules if broken)
