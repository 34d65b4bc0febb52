"""Predictions of a run, and everything that is computed from them."""

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.atomic_file import write_atomically
from trainer.errors import DataError
from trainer.evaluation.bootstrap import RESAMPLES, as_json, cluster_intervals, infants_of_both, interval_of, resamples
from trainer.evaluation.groups import per_group, per_stimulus, per_subject
from trainer.evaluation.intervals import LEAST_INFANTS, Interval
from trainer.evaluation.metrics import area_under_curve, classifier_metrics, confusion
from trainer.evaluation.utility import net_benefit, risk_coverage

__all__ = ["PredictionRow", "PredictionTable", "evaluate", "grouped"]


@dataclass(frozen=True, slots=True)
class PredictionRow:
    """One picture's answer in one fold.

    Attributes:
        fold: From 0.
        image: Path, as in the manifest.
        sha256: Of the picture.
        subject: Whose face.
        label: 1 pain, 0 no pain.
        stimulus: What was done.
        role: "main" or "stress".
        logit: Calibrated log-odds; not a number where there was no face.
        score: Calibrated probability.
        uncertainty: Mutual information in nats.
    """

    fold: int
    image: str
    sha256: str
    subject: str
    label: int
    stimulus: str
    role: str
    logit: float
    score: float
    uncertainty: float


_TYPES = {"fold": int, "label": int, "logit": float, "score": float, "uncertainty": float}


class PredictionTable:
    """All answers of a run, as columns.

    `is_counted` chooses one answer of each picture: where several folds tested a picture, their answers are copies, not
    more evidence, and are never pooled. Which one depends on the picture's digest, so that all folds have their share.

    Args:
        rows: The answers.
    """

    def __init__(self, rows: Iterable[PredictionRow]) -> None:
        self.rows = tuple(rows)
        self.fold = np.array([row.fold for row in self.rows], np.int64)
        self.labels = np.array([row.label for row in self.rows], np.float64)
        self.logits = np.array([row.logit for row in self.rows], np.float64)
        self.uncertainty = np.array([row.uncertainty for row in self.rows], np.float64)
        self.subjects = np.array([row.subject for row in self.rows], str)
        self.stimuli = np.array([row.stimulus for row in self.rows], str)
        self.keys = np.array([f"{row.fold}/{row.sha256}" for row in self.rows], str)
        self.is_main = np.array([row.role == "main" for row in self.rows], bool)
        self.is_counted = _one_each(self.rows)

    def write(self, path: Path) -> None:
        """Write a CSV file, atomically."""
        text = io.StringIO(newline="")
        columns = [field.name for field in fields(PredictionRow)]
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(
            [repr(value) if isinstance(value, float) else value for value in _values(row)] for row in self.rows
        )
        write_atomically(path, text.getvalue().encode())

    @classmethod
    def read(cls, path: Path) -> "PredictionTable":
        """Read what `write` wrote.

        Raises:
            DataError: It is missing or damaged.
        """
        try:
            with path.open(encoding="utf-8", newline="") as stream:
                rows = [
                    PredictionRow(**{name: _TYPES.get(name, str)(value) for name, value in row.items()})
                    for row in csv.DictReader(stream)
                ]
        except FileNotFoundError:
            raise DataError(f"there are no predictions at {path}; `nicu-trainer cv` writes them") from None
        except (OSError, ValueError, TypeError) as error:
            raise DataError(f"{path} is damaged: {error}") from error
        return cls(rows)


def _values(row: PredictionRow) -> list[Any]:
    return [getattr(row, field.name) for field in fields(PredictionRow)]


def _one_each(rows: tuple[PredictionRow, ...]) -> NDArray[np.bool_]:
    """Return for each row whether it is the one answer of its picture that is counted."""
    of_picture: dict[tuple[str, str], list[int]] = {}
    for number, row in enumerate(rows):
        of_picture.setdefault((row.role, row.sha256), []).append(number)
    counted = np.zeros(len(rows), bool)
    for (_, sha256), numbers in of_picture.items():
        chosen = int.from_bytes(hashlib.sha256(sha256.encode()).digest()[:4]) % len(numbers)
        counted[sorted(numbers, key=lambda number: rows[number].fold)[chosen]] = True
    return counted


def evaluate(
    table: PredictionTable,
    without_face: list[str],
    *,
    unanswered: Sequence[str] = (),
    groups: Mapping[str, Mapping[str, str]] | None = None,
    count: int = RESAMPLES,
) -> dict[str, Any]:
    """Return every result of a run as plain values.

    Args:
        table: The answers.
        without_face: Pictures of the main set in which no face was found; none was answered.
        unanswered: Pictures of the main set to which the model had no answer although a face was found.
        groups: For each column the group of each picture, by its SHA-256.
        count: Resamples of the intervals.
    """
    main = table.is_main & table.is_counted
    labels, logits, subjects = table.labels[main], table.logits[main], table.subjects[main]
    folds = np.unique(table.fold)
    per_fold = [_fold(table, int(fold), count) for fold in folds]
    pooled = cluster_intervals(labels, logits, subjects, count)
    certain = None if not table.uncertainty[main].any() else table.uncertainty[main]
    return {
        "pictures": int(main.sum()),
        "answers": int(table.is_main.sum()),
        "subjects": len(np.unique(subjects)),
        "without_face": {"pictures": len(without_face), "images": without_face},
        "unanswered": {"pictures": len(unanswered), "images": list(unanswered)},
        "folds": per_fold,
        "mean_over_folds": {name: _mean(per_fold, name) for name in per_fold[0]["figures"]} if per_fold else {},
        "pooled": as_json(pooled),
        "auc_within_folds": _auc_within_folds(table, count).as_json(),
        "confusion": confusion(labels, logits),
        "accuracy_if_missing_is_wrong": _with_missing(labels, logits, len(without_face) + len(unanswered)),
        "per_subject": per_subject(labels, logits, subjects),
        "per_stimulus": per_stimulus(
            table.labels[table.is_counted],
            table.logits[table.is_counted],
            table.subjects[table.is_counted],
            np.where(table.stimuli == "", "unknown", table.stimuli)[table.is_counted],
            main[table.is_counted],
            count,
        ),
        "per_group": grouped(table, groups or {}, count),
        "risk_coverage": risk_coverage(labels, logits),
        "risk_coverage_by_mutual_information": None if certain is None else risk_coverage(labels, logits, certain),
        "net_benefit": net_benefit(labels, logits, subjects, count=count),
    }


def grouped(
    table: PredictionTable, groups: Mapping[str, Mapping[str, str]], count: int = RESAMPLES
) -> dict[str, list[dict[str, Any]]]:
    """Return, for each column, how a model does in each of its groups.

    Args:
        table: The answers.
        groups: For each column the group of each picture, by its SHA-256; a picture that is not there is left out.
        count: Resamples of the intervals.
    """
    found = {}
    for name, values in groups.items():
        rows = np.array(
            [
                number
                for number in np.flatnonzero(table.is_main & table.is_counted)
                if table.rows[number].sha256 in values
            ],
            np.int64,
        )
        own = np.array([values[table.rows[row].sha256] for row in rows], str)
        found[name] = per_group(table.labels[rows], table.logits[rows], table.subjects[rows], own, count)
    return found


def _fold(table: PredictionTable, fold: int, count: int) -> dict[str, Any]:
    """Return a fold's metrics, with intervals where it tested enough infants."""
    rows = table.is_main & (table.fold == fold)
    labels, logits, subjects = table.labels[rows], table.logits[rows], table.subjects[rows]
    several = len(np.unique(subjects)) >= LEAST_INFANTS
    return {
        "fold": fold,
        "pictures": int(rows.sum()),
        "figures": {name: _plain(value) for name, value in classifier_metrics(labels, logits).items()},
        "intervals": as_json(cluster_intervals(labels, logits, subjects, count)) if several else None,
        "confusion": confusion(labels, logits),
    }


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _mean(per_fold: list[dict[str, Any]], name: str) -> dict[str, float | None]:
    values = np.array([fold["figures"][name] for fold in per_fold if fold["figures"][name] is not None], np.float64)
    if len(values) == 0:
        return {"mean": None, "sd": None}
    return {"mean": float(values.mean()), "sd": float(values.std(ddof=1)) if len(values) > 1 else None}


def _with_missing(labels: NDArray[np.float64], logits: NDArray[np.float64], missing: int) -> float | None:
    """Return the accuracy when a picture without a face counts as a wrong answer."""
    if len(labels) == 0:
        return None
    return float(((logits >= 0.0) == (labels >= 0.5)).sum()) / (len(labels) + missing)


def _auc_within_folds(table: PredictionTable, count: int) -> Interval:
    """Return the share of pairs of one fold that are in the right order, with its 95 % interval over infants.

    Networks of different folds have different scales; the AUC of answers that are pooled over folds compares across
    them, this one does not. Every fold weighs as much as it has pairs.
    """
    main = table.is_main
    labels, logits, folds = table.labels[main], table.logits[main], table.fold[main]
    subjects = table.subjects[main]

    def value(rows: NDArray[np.int64]) -> float:
        pairs = right = 0.0
        for fold in np.unique(folds[rows]):
            own = rows[folds[rows] == fold]
            pain = int((labels[own] >= 0.5).sum())
            weight = pain * (len(own) - pain)
            if weight:
                pairs += weight
                right += weight * area_under_curve(labels[own], logits[own])
        return right / pairs if pairs else float("nan")

    resampled = [value(rows) for rows in resamples(subjects, count)]
    return interval_of(value(np.arange(len(labels))), resampled, infants_of_both(labels, subjects))
