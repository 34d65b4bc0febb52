"""Everything that a report is made from: runs, their pictures as far as they are still there, and explanations."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainer.crops import Study
from trainer.errors import CheckpointError, DataError
from trainer.evaluation.bootstrap import RESAMPLES
from trainer.evaluation.clip_results import ClipResults
from trainer.evaluation.operating import DEFAULT_TARGETS, OperatingTarget
from trainer.evaluation.run_summary import RunSummary, in_order
from trainer.experiments.compare import chosen_reference, open_runs, read_entries
from trainer.experiments.origin import is_synthetic
from trainer.experiments.run import Run
from trainer.reporting.document import anchor
from trainer.reporting.explaining import Explained
from trainer.training import EpochReport

__all__ = ["Comparison", "DataFacts", "Reported", "gather"]


@dataclass(frozen=True, slots=True)
class DataFacts:
    """The pictures of one or more runs.

    Attributes:
        name: As in tables.
        manifest: Where the manifest was when the runs were made.
        study: Pictures and faces; None where they are gone or have changed.
        missing: Why there is no study; "" if there is one.
        ingest: What `nicu-trainer ingest` reported; None where that file is gone.
    """

    name: str
    manifest: Path
    study: Study | None
    missing: str
    ingest: Mapping[str, Any] | None

    @property
    def is_synthetic(self) -> bool:
        """Whether pictures lie beside the ground truth of synthetic faces."""
        return self.study is not None and is_synthetic(self.study)


@dataclass(frozen=True, slots=True)
class Reported:
    """One run.

    Attributes:
        run: Its folder.
        entry: Its answers and metrics.
        histories: (fold, member, epochs) of each network; empty for a baseline.
        history_missing: Why there are none; "" otherwise.
    """

    run: Run
    entry: RunSummary
    histories: Sequence[tuple[int, int, Sequence[EpochReport]]]
    history_missing: str

    @property
    def key(self) -> str:
        """A name for files and anchors, different for every run of a report."""
        name = anchor(self.entry.name)
        if name == self.entry.name:
            return name
        return f"{name}-{hashlib.sha256(self.entry.name.encode()).hexdigest()[:6]}"

    @property
    def is_network(self) -> bool:
        """Whether it is no baseline."""
        return "network" in self.run.record

    @property
    def is_baseline(self) -> bool:
        """Whether it is a cross-validation of no network."""
        return not (self.is_network or self.run.is_external)

    @property
    def metrics(self) -> Mapping[str, Any]:
        """Content of metrics.json."""
        return self.entry.metrics

    @property
    def subjects_are_known(self) -> bool:
        """Whether every picture says whose face it shows; runs of earlier versions did not store it."""
        return bool(self.metrics.get("subjects_are_known", True))


@dataclass(frozen=True, slots=True)
class Comparison:
    """All runs of a report.

    Attributes:
        reported: The runs, by data, protocol and title.
        data: The pictures, by their name in tables.
        reference: Model that the others are paired with.
        resamples: Of the intervals that are computed for the report.
        targets: Operating points.
        prevalence: Share of pain in the table of net benefit; that of the pictures if None.
        groups: Columns to group by; all that are known where none is named.
        clips: Evaluations of labelled videos.
        explained: By the run's name.
        unexplained: By the run's name: why there is no explanation.
        beside: By the name of the data: the figure that shows all explained runs side by side.
    """

    reported: tuple[Reported, ...]
    data: Mapping[str, DataFacts]
    reference: str
    resamples: int = RESAMPLES
    targets: tuple[OperatingTarget, ...] = DEFAULT_TARGETS
    prevalence: float | None = None
    groups: tuple[str, ...] = ()
    clips: tuple[ClipResults, ...] = ()
    explained: Mapping[str, Explained] = field(default_factory=dict)
    unexplained: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, Path] = field(default_factory=dict)

    @property
    def entries(self) -> list[RunSummary]:
        """The runs' answers and metrics."""
        return [part.entry for part in self.reported]

    @property
    def models(self) -> list[str]:
        """Names of the models, in order."""
        return list(dict.fromkeys(entry.model for entry in self.entries))

    def of(self, data: str) -> list[Reported]:
        """Return the runs on some data."""
        return [part for part in self.reported if part.entry.data == data]


def gather(folders: Sequence[Path], reference: str | None, resamples: int, groups: Sequence[str] = ()) -> Comparison:
    """Read runs and everything about them.

    Args:
        folders: Of the runs.
        reference: Model that the others are paired with; N-CNN, else the first, if None.
        resamples: Of the intervals that are computed for the report.
        groups: Columns to group by that may have come into a manifest after its run.

    Raises:
        DataError: A folder is no run, or its run is not finished.
        SettingsError: No run is of the reference model.
    """
    runs = open_runs(folders)
    entries = read_entries(runs, groups)
    by_name = {entry.name: run for entry, run in zip(entries, runs, strict=True)}
    reported = tuple(_reported(by_name[entry.name], entry) for entry in in_order(entries))
    data: dict[str, DataFacts] = {}
    for part in reported:
        if part.entry.data not in data:
            data[part.entry.data] = _data(part.entry, part.run)
    return Comparison(reported, data, chosen_reference(entries, reference), resamples)


def _reported(run: Run, entry: RunSummary) -> Reported:
    if "network" not in run.record:
        reason = "a finished model was evaluated" if run.is_external else "a baseline has no epochs"
        return Reported(run, entry, (), reason)
    try:
        histories = run.histories()
    except CheckpointError as error:
        return Reported(run, entry, (), str(error))
    return Reported(run, entry, histories, "" if histories else "the training checkpoints are gone")


def _data(entry: RunSummary, run: Run) -> DataFacts:
    manifest, study, missing = run.config.manifest, None, ""
    try:
        study = run.study()
        if study.manifest.sha256 != entry.manifest_sha256:
            study, missing = None, f"{manifest} lists other pictures now than when the run was made"
    except DataError as error:
        missing = str(error)
    return DataFacts(entry.data, manifest, study, missing, _ingest_report(manifest))


def _ingest_report(manifest: Path) -> Mapping[str, Any] | None:
    try:
        content = json.loads(manifest.with_suffix(".report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
