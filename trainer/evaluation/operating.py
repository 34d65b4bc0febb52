"""Operating points: a threshold chosen on each fold's inner infants, tested on infants that took no part in the choice.

A threshold that is chosen on the tested pictures promises too much. Each fold of a strict run has inner infants that
stopped and calibrated its network; on them the threshold is chosen for a wanted sensitivity, or for the largest share
of pictures without pain that may be called pain, and then applied to the infants that the fold tests.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from trainer.evaluation.groups import share_of
from trainer.evaluation.results import PredictionTable
from trainer.evaluation.run_summary import RunSummary, in_order, interval_text
from trainer.evaluation.tables import Table

__all__ = ["DEFAULT_TARGETS", "OperatingTarget", "chosen_threshold", "operating_point", "operating_table"]

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OperatingTarget:
    """What is wanted.

    Attributes:
        of: The sensitivity to reach, or the false-alarm rate (1 - specificity, a share of pictures) to keep to.
        value: In (0, 1).
    """

    of: Literal["sensitivity", "false-alarm rate"]
    value: float

    def __str__(self) -> str:
        """Return it in words."""
        relation = "at least" if self.of == "sensitivity" else "at most"
        return f"{self.of} {relation} {self.value:g}"


DEFAULT_TARGETS = (OperatingTarget("sensitivity", 0.9), OperatingTarget("false-alarm rate", 0.1))


def chosen_threshold(labels: Numbers, logits: Numbers, target: OperatingTarget) -> float:
    """Return the logit from which on a picture is called pain so that the target is just met on these pictures.

    Args:
        labels: Shape (n,), 0 or 1.
        logits: Shape (n,).
        target: What is wanted. For a sensitivity the highest such threshold, for a false-alarm rate the lowest.

    Raises:
        ValueError: There is no picture of the class that the target is about.
    """
    if target.of == "sensitivity":
        pain = np.sort(logits[labels >= 0.5])[::-1]
        if not len(pain):
            raise ValueError("a sensitivity needs pictures of pain")
        return float(pain[min(len(pain), int(np.ceil(target.value * len(pain) - 1e-9))) - 1])
    calm = np.sort(logits[labels < 0.5])[::-1]
    if not len(calm):
        raise ValueError("a false-alarm rate needs pictures without pain")
    allowed = int(np.floor(target.value * len(calm) + 1e-9))
    return float(np.nextafter(calm[allowed], np.inf)) if allowed < len(calm) else -np.inf


def operating_point(table: PredictionTable, inner: PredictionTable, target: OperatingTarget) -> dict[str, Any] | None:
    """Return what thresholds that were chosen on inner infants give on the tested ones.

    Args:
        table: A run's answers to the tested pictures.
        inner: Its answers to the pictures of each fold's inner infants.
        target: What is wanted.

    Returns:
        The probability from which each fold calls pain, the inner infants of each, and sensitivity and specificity of
        the tested pictures with 95 % intervals over infants; None where a fold has no inner picture of the class.
    """
    called = np.zeros(len(table.rows), bool)
    thresholds, infants = [], []
    for fold in np.unique(table.fold).tolist():
        own = inner.fold == fold
        try:
            threshold = chosen_threshold(inner.labels[own], inner.logits[own], target)
        except ValueError:
            return None
        thresholds.append(float(expit(threshold)))
        infants.append(len(np.unique(inner.subjects[own])))
        called[table.fold == fold] = table.logits[table.fold == fold] >= threshold
    main = table.is_main & table.is_counted
    pain, calm = main & (table.labels >= 0.5), main & (table.labels < 0.5)
    return {
        "target": str(target),
        "thresholds": thresholds,
        "inner_infants": infants,
        "sensitivity": share_of(called[pain], table.subjects[pain]).as_json(),
        "specificity": share_of(~called[calm], table.subjects[calm]).as_json(),
    }


def operating_table(entries: Sequence[RunSummary], targets: Sequence[OperatingTarget]) -> Table:
    """Return what each run reaches at thresholds that were chosen on inner infants; runs without them have no row."""
    head = ["Model", "Protocol", "Data", "Wanted on inner infants", "Thresholds of the folds", "Inner infants"]
    head += ["Sensitivity", "Specificity"]
    rows = []
    for entry in in_order(entries):
        if entry.inner is None:
            continue
        for target in targets:
            point = operating_point(entry.table, entry.inner, target)
            if point is None:
                continue
            rows.append(
                [
                    *(entry.title, entry.protocol, entry.data, str(target)),
                    ", ".join(f"{value:.2f}" for value in point["thresholds"]),
                    ", ".join(str(count) for count in point["inner_infants"]),
                    *(interval_text(point[name], 100.0, 1) for name in ("sensitivity", "specificity")),
                ]
            )
    note = (
        "In percent, with the 95 % interval over infants. The thresholds are chosen on the infants of each fold that "
        "stopped and calibrated its network, never on tested ones; what is wanted there is not always reached here. "
        "Few inner infants make a threshold coarse."
    )
    return Table("Operating points", head, rows, note)
