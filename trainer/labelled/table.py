"""The tables of `nicu-trainer check-real`, as rows and as text."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.labelled.seeing import SeenPicture
from trainer.labelled.separation import Separation, abstention_errors, separation

__all__ = ["CALM_LABELS", "CONTRASTS", "POSITIVE", "RealCheck", "check"]

POSITIVE = "cry"
CALM_LABELS = ("calm", "neutral", "asleep")
CONTRASTS: dict[str, tuple[str, ...]] = {
    "calm, neutral, asleep": CALM_LABELS,
    "fuss": ("fuss",),
    "smile": ("smile",),
    "yawn, open mouth": ("yawn", "mouth_open"),
}
_SHARES = (1.0, 0.8, 0.6, 0.4)
_ON_LEVEL = 0.6
_THRESHOLD = 0.5
_LEAST = 2


@dataclass(frozen=True, slots=True)
class RealCheck:
    """What was measured; `as_json` and `lines` show it.

    Attributes:
        labels: Per label: pictures, shares of them found, usable, and with a face that the mesh confirms.
        scores: Per score: its contrasts, its error by the share of answers, its share of calm faces at 0.6 and more.
    """

    labels: dict[str, dict[str, float]]
    scores: dict[str, dict[str, Any]]

    def lines(self) -> list[str]:
        """Return the tables as lines of Markdown."""
        lines = ["| label | pictures | face found | usable | usable and a face by the mesh |", "|---|---|---|---|---|"]
        for label, row in self.labels.items():
            mesh = _two(row["accepted"]) if "accepted" in row else "-"
            lines.append(f"| {label} | {row['pictures']:.0f} | {_two(row['found'])} | {_two(row['usable'])} | {mesh} |")
        lines += ["", f"{POSITIVE} against others: AUC (95 % over subjects), at the same size in brackets", ""]
        lines += [
            "| score | "
            + " | ".join(CONTRASTS)
            + " | "
            + " | ".join(f"{POSITIVE} >= 0.6|calm >= 0.6".split("|"))
            + " |"
        ]
        lines.append("|---" * (len(CONTRASTS) + 3) + "|")
        for name, measured in self.scores.items():
            cells = [_separation(measured["contrasts"].get(contrast)) for contrast in CONTRASTS]
            on = [_two(measured.get(key, math.nan)) for key in ("positive_on", "calm_on")]
            lines.append(f"| {name} | " + " | ".join([*cells, *on]) + " |")
        lines += [
            "",
            f"Share of wrong decisions at {_THRESHOLD:g}, {POSITIVE} against calm, of the surest answers",
            "",
        ]
        lines += [
            "| score | " + " | ".join(f"{share:.0%}" for share in _SHARES) + " |",
            "|---" * (len(_SHARES) + 1) + "|",
        ]
        for name, measured in self.scores.items():
            if "errors" in measured:
                lines.append(f"| {name} | " + " | ".join(_two(error) for error in measured["errors"]) + " |")
        return lines

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain JSON types; what could not be measured is null."""
        cleaned: dict[str, Any] = _finite({"labels": self.labels, "scores": self.scores})
        return cleaned


def check(seen: Sequence[SeenPicture], *, resamples: int, minimum_presence: float | None) -> RealCheck:
    """Measure every label and every score.

    Args:
        seen: Every picture of the folder.
        resamples: Of the bootstrap over subjects.
        minimum_presence: Of the mesh, from which a face counts as one; None without a mesh.
    """
    labels = sorted({one.picture.label for one in seen})
    names = list(dict.fromkeys(name for one in seen for name in one.scores))
    return RealCheck(
        {label: _label_row([one for one in seen if one.picture.label == label], minimum_presence) for label in labels},
        {name: _score_row(seen, name, resamples) for name in names},
    )


def _label_row(group: Sequence[SeenPicture], minimum_presence: float | None) -> dict[str, float]:
    row = {
        "pictures": float(len(group)),
        "found": float(np.mean([one.size_px > 0 for one in group])),
        "usable": float(np.mean([one.usable for one in group])),
    }
    if minimum_presence is not None:
        accepted = [one.usable and one.presence is not None and one.presence >= minimum_presence for one in group]
        row["accepted"] = float(np.mean(accepted))
    return row


def _score_row(seen: Sequence[SeenPicture], name: str, resamples: int) -> dict[str, Any]:
    positives = _group(seen, name, (POSITIVE,))
    row: dict[str, Any] = {"contrasts": {}}
    for contrast, labels in CONTRASTS.items():
        negatives = _group(seen, name, labels)
        if len(positives[0]) >= _LEAST and len(negatives[0]) >= _LEAST:
            row["contrasts"][contrast] = _as_dict(separation(positives, negatives, resamples=resamples))
    calm = _group(seen, name, CALM_LABELS)[0]
    everything = np.concatenate([positives[0], calm])
    # A score that leaves 0 to 1, such as a ratio of lengths, has no threshold.
    if len(positives[0]) and len(calm) and everything.min() >= 0.0 and everything.max() <= 1.0:
        truth = np.arange(len(everything)) < len(positives[0])
        row["positive_on"] = float((positives[0] >= _ON_LEVEL).mean())
        row["calm_on"] = float((calm >= _ON_LEVEL).mean())
        row["errors"] = abstention_errors(everything, truth, _THRESHOLD, _SHARES)
    return row


def _group(
    seen: Sequence[SeenPicture], name: str, labels: tuple[str, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.str_]]:
    chosen = [one for one in seen if one.picture.label in labels and one.usable and name in one.scores]
    return (
        np.array([one.scores[name] for one in chosen], dtype=np.float64),
        np.array([one.size_px for one in chosen], dtype=np.float64),
        np.array([one.picture.subject for one in chosen], dtype=np.str_),
    )


def _as_dict(measured: Separation) -> dict[str, float]:
    return {
        "auc": measured.value,
        "low": measured.low,
        "high": measured.high,
        "same_size": measured.same_size,
        "positives": float(measured.positives),
        "negatives": float(measured.negatives),
    }


def _separation(row: dict[str, float] | None) -> str:
    if row is None:
        return "-"
    interval = "" if math.isnan(row["low"]) else f" ({_two(row['low'])} to {_two(row['high'])})"
    return f"{_two(row['auc'])}{interval} [{_two(row['same_size'])}]"


def _two(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _finite(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
