"""One run, as far as a comparison needs it, and how its metrics are written in tables."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

from trainer.evaluation.intervals import Interval
from trainer.evaluation.results import PredictionTable

__all__ = [
    "BASELINES",
    "RunSummary",
    "difference_text",
    "in_order",
    "interval_text",
    "spread_text",
    "with_unique_titles",
]

BASELINES = ("geometric", "ridge", "pixel-logistic", "hog-svm", "lbp-svm")
_DIGEST_SHOWN = 6


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run.

    Attributes:
        name: The folder's name; different for every run of a comparison.
        model: Name of the recipe.
        title: Of the model, in tables; different for every run of one protocol on the same data.
        protocol: "strict" or "dissertation".
        data_set: Name of the data set, or several joined by "+".
        data: What the data set is called in tables; different for different pictures.
        manifest_sha256: Equal for runs on the same pictures.
        fold_map_sha256: Equal for runs that tested the same pictures in the same folds.
        metrics: Content of metrics.json.
        table: All answers.
        inner: Answers for the inner infants of each fold, which stopped and calibrated; None where there are none.
        repeats: Content of repeats.json; None where it was run once.
        settings: What the model is and how it was trained, by the name of the setting.
    """

    name: str
    model: str
    title: str
    protocol: str
    data_set: str
    data: str
    manifest_sha256: str
    fold_map_sha256: str
    metrics: Mapping[str, Any]
    table: PredictionTable
    inner: PredictionTable | None = None
    repeats: Mapping[str, Any] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_one_test_half(self) -> bool:
        """Whether every fold tested the same pictures, so that folds differ in the training alone."""
        main = self.table.is_main
        tested: dict[int, set[str]] = {}
        for fold, key in zip(self.table.fold[main].tolist(), self.table.keys[main].tolist(), strict=True):
            tested.setdefault(fold, set()).add(key.partition("/")[2])
        first = next(iter(tested.values()), set())
        return len(tested) > 1 and all(pictures == first for pictures in tested.values())

    @property
    def positive_share(self) -> float:
        """Share of the positive class among the tested pictures of the main set, each counted once."""
        return float(self.table.labels[self.table.is_main & self.table.is_counted].mean())

    @property
    def protocol_text(self) -> str:
        """The protocol in tables; of the dissertation's also whether the folds share one test half."""
        if self.protocol != "dissertation":
            return self.protocol
        return f"{self.protocol}, {'one test half' if self.has_one_test_half else 'halves redrawn'}"


def with_unique_titles(entries: Sequence[RunSummary]) -> list[RunSummary]:
    """Return the runs so that none can be taken for another one.

    Data sets of one name but of different pictures get the beginning of their manifest's digest; runs of one model and
    protocol on the same data get their folder's name.
    """
    digests = {(entry.data_set, entry.manifest_sha256) for entry in entries}
    versions = Counter(name for name, _ in digests)
    named = [
        replace(entry, data=f"{entry.data_set} ({entry.manifest_sha256[:_DIGEST_SHOWN]})")
        if versions[entry.data_set] > 1
        else replace(entry, data=entry.data_set)
        for entry in entries
    ]
    alike = Counter((entry.title, entry.protocol, entry.data) for entry in named)
    return [
        replace(entry, title=f"{entry.title} ({entry.name})")
        if alike[(entry.title, entry.protocol, entry.data)] > 1
        else entry
        for entry in named
    ]


def in_order(entries: Sequence[RunSummary]) -> list[RunSummary]:
    """Return the runs by data, then protocol, the baselines first."""
    return sorted(entries, key=lambda entry: (entry.data, entry.protocol, entry.model not in BASELINES, entry.title))


def spread_text(folds: Mapping[str, float | None]) -> str:
    """Return a mean and standard deviation over folds in percent."""
    mean, spread = folds["mean"], folds["sd"]
    return "-" if mean is None else f"{100 * mean:.1f}" + ("" if spread is None else f" ± {100 * spread:.1f}")


def interval_text(interval: Mapping[str, float | None], scale: float = 1.0, digits: int = 3) -> str:
    """Return a metric and its interval."""
    value, low, high = (interval[name] for name in ("value", "low", "high"))
    if value is None:
        return "-"
    text = f"{scale * value:.{digits}f}"
    return text if low is None or high is None else f"{text} [{scale * low:.{digits}f}, {scale * high:.{digits}f}]"


def difference_text(interval: Interval, scale: float, digits: int) -> str:
    """Return a difference with its sign and, where there is one, its interval."""
    if not isfinite(interval.value):
        return "-"
    value, low, high = (f"{scale * end:+.{digits}f}" for end in (interval.value, interval.low, interval.high))
    return f"{value} [{low}, {high}]" if isfinite(interval.low) else value
