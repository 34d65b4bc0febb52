"""Differences between runs on the very same pictures and folds."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from trainer.errors import DataError
from trainer.evaluation.bootstrap import RESAMPLES, paired_difference
from trainer.evaluation.metrics import accuracy, area_under_curve, brier_score
from trainer.evaluation.results import PredictionTable
from trainer.evaluation.run_summary import RunSummary, difference_text, in_order
from trainer.evaluation.tables import Table

__all__ = ["comparable", "corrected_t", "paired_answers", "paired_table"]

_ROUNDING = 1e-12  # to which equal differences of accuracies agree
_DIFFERENCES = ("Accuracy difference (points)", "AUC difference", "Brier score difference")


def paired_table(entries: Sequence[RunSummary], reference: str, count: int = RESAMPLES) -> Table:
    """Return how each run differs from a reference run on the very same pictures and folds.

    Args:
        entries: The runs.
        reference: Name of a model; runs of other folds or data than its own are left out.
        count: Resamples of the infants.
    """
    head = ["Model", "Against", "Data", "Protocol", *_DIFFERENCES, "t", "p"]
    rows = []
    for base in (entry for entry in entries if entry.model == reference):
        for entry in in_order(entries):
            if entry is base or not comparable(base, entry):
                continue
            labels, first, second, subjects = paired_answers(base.table, entry.table)
            right = paired_difference(labels, first, second, subjects, accuracy, count)
            area = paired_difference(labels, first, second, subjects, area_under_curve, count)
            squares = paired_difference(labels, first, second, subjects, brier_score, count)
            t, p = (float("nan"),) * 2 if base.has_one_test_half else corrected_t(base, entry)
            shown = [difference_text(right, 100.0, 1), difference_text(area, 1.0, 3), difference_text(squares, 1.0, 3)]
            shown += [_plain(t, 2), _plain(p, 3)]
            rows.append([entry.title, base.title, entry.data, entry.protocol_text, *shown])
    note = (
        "Differences on the same pictures, each counted once, 95 % intervals over infants; an interval that holds 0 "
        "shows no difference. There is none below 5 infants, nor where the difference is the same whatever infants are "
        "taken. A low Brier score is good: right answers, as sure as they may be. t and p: Nadeau and Bengio's "
        "corrected resampled t-test over the folds; none where all folds tested the same pictures, because a spread "
        "over folds then says nothing about other pictures."
    )
    return Table("Paired differences", head, rows, note)


def comparable(first: RunSummary, second: RunSummary) -> bool:
    """Return whether two runs tested the same pictures, labelled and attributed alike, in the same folds."""
    ours, theirs = (_tested(entry.table) for entry in (first, second))
    return first.protocol == second.protocol and ours == theirs


def _tested(table: PredictionTable) -> set[tuple[str, float, str]]:
    main = table.is_main
    columns = table.keys[main].tolist(), table.labels[main].tolist(), table.subjects[main].tolist()
    return set(zip(*columns, strict=True))


def paired_answers(
    first: PredictionTable, second: PredictionTable
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.str_]]:
    """Return labels, both runs' logits and subjects of the pictures, each once, of two runs on the same folds.

    Raises:
        DataError: They did not test the same pictures in the same folds.
    """
    ours = {key: row for row, key in enumerate(first.keys.tolist()) if first.is_main[row] and first.is_counted[row]}
    theirs = {
        key: row for row, key in enumerate(second.keys.tolist()) if second.is_main[row] and second.is_counted[row]
    }
    if set(ours) != set(theirs):
        raise DataError("the two runs did not test the same pictures in the same folds; a paired difference needs that")
    mine = np.array([ours[key] for key in sorted(ours)])
    other = np.array([theirs[key] for key in sorted(ours)])
    return first.labels[mine], first.logits[mine], second.logits[other], first.subjects[mine]


def corrected_t(first: RunSummary, second: RunSummary) -> tuple[float, float]:
    """Return t and p of the folds' accuracy differences, with Nadeau and Bengio's correction.

    t = mean(d) / sqrt((1/k + n_test/n_train) s^2): the folds share training pictures, so their differences vary less
    than independent ones would.
    """
    by_fold = [
        {fold["fold"]: fold["figures"]["accuracy"] for fold in entry.metrics["folds"]} for entry in (first, second)
    ]
    differences = np.array([by_fold[1][fold] - by_fold[0][fold] for fold in sorted(by_fold[0])], np.float64)
    folds = len(differences)
    if folds < 2 or float(differences.std(ddof=1)) <= _ROUNDING:
        return float("nan"), float("nan")
    spread = (1.0 / folds + _test_over_training(first)) * differences.var(ddof=1)
    t = float(differences.mean() / np.sqrt(spread))
    return t, float(2.0 * stdtr(folds - 1, -abs(t)))


def _test_over_training(entry: RunSummary) -> float:
    """Return n_test / n_train, the mean over the folds; runs of earlier versions do not say how many they learnt from.

    Under the strict protocol a part of the training infants only stops and calibrates; it is not learnt from.
    """
    tested = {fold["fold"]: fold["pictures"] for fold in entry.metrics["folds"]}
    known = [
        tested[fold["fold"]] / fold["learnt_pictures"]
        for fold in entry.metrics.get("training", ())
        if fold.get("learnt_pictures") and fold.get("fold") in tested
    ]
    if len(known) == len(tested):
        return float(np.mean(known))
    share = 1.0 / len(tested) if entry.protocol == "strict" else 0.5
    return share / (1.0 - share)


def _plain(value: float, digits: int) -> str:
    return "-" if not np.isfinite(value) else f"{value:.{digits}f}"
