"""Reads several runs for a comparison."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trainer.data.group_columns import group_columns
from trainer.errors import DataError, SettingsError
from trainer.evaluation.benefit import benefit_table
from trainer.evaluation.comparison import groups_table, metrics_table
from trainer.evaluation.gap import differing_settings, gap_table
from trainer.evaluation.operating import DEFAULT_TARGETS, OperatingTarget, operating_table
from trainer.evaluation.pairing import comparable, paired_table
from trainer.evaluation.results import grouped
from trainer.evaluation.run_summary import RunSummary, in_order, with_unique_titles
from trainer.evaluation.table_one import folds_table, repeats_table, table_one
from trainer.evaluation.tables import Table
from trainer.experiments.repeats import read_repeats
from trainer.experiments.run import Run, open_run

__all__ = [
    "chosen_reference",
    "comparison_tables",
    "differing_data",
    "left_out",
    "open_finished",
    "open_runs",
    "read_entries",
    "run_names",
]

_REFERENCE = "ncnn"
_MACHINE = {
    f"training.{name}" for name in ("seed", "deterministic", "device", "precision", "threads", "maximum_restarts")
}
"""Settings that make no other model of a run."""


def open_runs(folders: Sequence[Path]) -> list[Run]:
    """Return the runs; one that is named twice counts once.

    Raises:
        DataError: A folder is no run.
    """
    return [open_run(folder) for folder in {folder.resolve(): folder for folder in folders}.values()]


def open_finished(folders: Sequence[Path]) -> tuple[list[Run], list[str]]:
    """Return the finished runs, each once, and a sentence for each folder that is none or is named again.

    Raises:
        DataError: None of the folders is a finished run.
    """
    runs: dict[Path, Run] = {}
    sentences = []
    for folder in folders:
        if folder.resolve() in runs:
            sentences.append(f"{folder} is left out: it was named before.")
            continue
        try:
            run = open_run(folder)
            run.metrics()
            run.predictions()
        except DataError as error:
            sentences.append(f"{folder} is left out: {error}.")
        else:
            runs[folder.resolve()] = run
    if not runs:
        raise DataError(" ".join(sentences))
    return list(runs.values()), sentences


def run_names(folders: Sequence[Path]) -> list[str]:
    """Return a different name for each folder: its own, with as much of the path before it as that needs."""
    parts = [folder.resolve().parts for folder in folders]
    names = []
    for own in parts:
        others = [other for other in parts if other != own]
        length = next(n for n in range(1, len(own) + 1) if not any(other[-n:] == own[-n:] for other in others))
        names.append("/".join(own[-length:]))
    return names


def read_entries(runs: Sequence[Run], groups: Sequence[str] = ()) -> list[RunSummary]:
    """Return the runs as a comparison needs them, none to be taken for another.

    Args:
        runs: Finished runs.
        groups: Columns to group by that may have come into a manifest after its run.

    Raises:
        DataError: A run is not finished, or no manifest has one of the columns.
    """
    entries = [
        RunSummary(
            name=name,
            model=run.config.model,
            title=run.title,
            protocol=run.protocol,
            data_set="+".join(run.record["data_sets"]),
            data="",
            manifest_sha256=run.record["manifest_sha256"],
            fold_map_sha256=run.record["fold_map_sha256"],
            metrics=_with_groups(run, groups),
            table=run.predictions(),
            inner=run.inner(),
            repeats=read_repeats(run.folder),
            settings=_settings(run),
        )
        for run, name in zip(runs, run_names([run.folder for run in runs]), strict=True)
    ]
    known = {name for entry in entries for name in entry.metrics.get("per_group", {})}
    if missing := [name for name in groups if name not in known]:
        raise DataError(
            f"no manifest of these runs has a column {missing[0]!r} that divides its pictures; "
            f"known are {', '.join(sorted(known)) or 'none'}"
        )
    return with_unique_titles(entries)


def _settings(run: Run) -> dict[str, Any]:
    """Return what the model is and how it was trained, by the name of the setting; not where and with which seed."""
    record, config = run.record, run.record["config"]
    parts = {name: record.get(name) for name in ("network", "contract", "training", "augmentation", "copies")}
    parts |= {"members": record.get("members"), "weights": record.get("weights_sha256")}
    parts |= {name: config.get(name) for name in ("balance_data_sets", "tuning")}
    flat = _flat(parts, "")
    return {name: value for name, value in flat.items() if name not in _MACHINE and value is not None}


def _flat(parts: Mapping[str, Any], before: str) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in parts.items():
        flat |= _flat(value, f"{before}{name}.") if isinstance(value, dict) else {before + name: value}
    return flat


def _with_groups(run: Run, wanted: Sequence[str]) -> dict[str, Any]:
    """Return a run's metrics, with those by groups that its manifest has got since."""
    metrics = run.metrics()
    known = metrics.get("per_group", {})
    if not set(wanted) - set(known):
        return metrics
    try:
        columns = group_columns(run.study().manifest)
    except DataError:
        return metrics
    newer = {name: columns[name] for name in wanted if name in columns and name not in known}
    return metrics | {"per_group": known | grouped(run.predictions(), newer)}


def differing_data(entries: Sequence[RunSummary]) -> list[str]:
    """Return a sentence for each data set of which the runs have different pictures; tables distinguish them."""
    sentences = []
    for data_set in sorted({entry.data_set for entry in entries}):
        shown = {entry.data: entry.name for entry in in_order(entries) if entry.data_set == data_set}
        if len(shown) > 1:
            versions = ", ".join(f"{data} ({name})" for data, name in shown.items())
            sentences.append(
                f"The runs on {data_set!r} are not of the same pictures and are not compared with each other: "
                f"{versions}."
            )
    return sentences


def left_out(entries: Sequence[RunSummary], reference: str) -> list[str]:
    """Return a sentence for each run that is in no paired difference or in no gap between the protocols, and why."""
    bases = [entry for entry in entries if entry.model == reference]
    sentences = []
    for entry in in_order(entries):
        others = [base for base in bases if base is not entry]
        if entry.model == reference or any(comparable(base, entry) for base in others):
            continue
        alike = [base for base in others if base.data == entry.data and base.protocol == entry.protocol]
        why = (
            f"it tested other pictures, labels or folds than {' and '.join(base.name for base in alike)}"
            if alike
            else f"there is no run of {reference!r} on {entry.data} under the {entry.protocol} protocol"
        )
        sentences.append(f"{entry.name} is in no paired difference: {why}.")
    return sentences + _without_gap(entries)


def _without_gap(entries: Sequence[RunSummary]) -> list[str]:
    """Return a sentence for each run whose model did not run under the other protocol on the same pictures.

    None at all where all runs are of one protocol: then nobody expects a gap.
    """
    other = {"strict": "dissertation", "dissertation": "strict"}
    if not set(other) <= {entry.protocol for entry in entries}:
        return []
    sentences = []
    for entry in in_order(entries):
        key = (entry.model, entry.data, other.get(entry.protocol))
        counterparts = [one for one in in_order(entries) if (one.model, one.data, one.protocol) == key]
        differing = [differing_settings(entry, one) for one in counterparts]
        if [] in differing:
            continue
        if entry.protocol not in other:
            why = "it evaluated a finished model"
        elif counterparts:
            pairs = zip(counterparts, differing, strict=True)
            why = " and ".join(f"it differs from {one.name} in {', '.join(names)}" for one, names in pairs)
        else:
            why = f"there is no {other[entry.protocol]} run of {entry.model!r} on {entry.data}"
        sentences.append(f"{entry.name} is in no gap between the protocols: {why}.")
    return sentences


def chosen_reference(entries: Sequence[RunSummary], wanted: str | None) -> str:
    """Return the model that the others are paired with: the wanted one, else N-CNN, else the first.

    Raises:
        SettingsError: No run is of the wanted model.
    """
    models = list(dict.fromkeys(entry.model for entry in entries))
    if wanted is not None and wanted not in models:
        raise SettingsError(f"no run is of the model {wanted!r}; --reference can be {', '.join(models)}")
    return wanted or (_REFERENCE if _REFERENCE in models else models[0])


def comparison_tables(
    entries: Sequence[RunSummary],
    reference: str,
    count: int,
    targets: Sequence[OperatingTarget] = DEFAULT_TARGETS,
    prevalence: float | None = None,
    groups: Sequence[str] = (),
) -> list[Table]:
    """Return all tables of a comparison; empty ones are left out.

    Args:
        entries: The runs.
        reference: Model that the others are paired with.
        count: Resamples of the infants.
        targets: Operating points, chosen on inner infants.
        prevalence: Share of pain for the net benefit; that of the pictures if None.
        groups: Columns to group by; all that are known where none is named.
    """
    tables = [
        table_one(entries),
        metrics_table(entries),
        gap_table(entries, count),
        paired_table(entries, reference, count),
        repeats_table(entries),
        groups_table(entries, groups),
        operating_table(entries, targets),
        benefit_table(entries, prevalence, count),
        folds_table(entries),
    ]
    return [table for table in tables if table.rows]
