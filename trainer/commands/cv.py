"""`nicu-trainer cv`: train and test every fold of a protocol, and evaluate them together."""

import os
from pathlib import Path
from typing import Any

import click

from monitor.cli_framework import examples
from trainer.commands.options import cluster_option, config_from, experiment_options, open_cluster
from trainer.evaluation.table_one import FOLD_HEAD, fold_rows
from trainer.experiments import ExperimentConfig
from trainer.protocols import EXPANSION_NAMES, UNKNOWN_INFANTS, seen_in_training

__all__ = ["command", "cores", "fold_lines", "metric_lines", "repeat_lines", "summary_lines"]


class _Folds(click.ParamType[int | str]):
    """A number of folds, or `infants`."""

    name = "N|infants"

    def convert(self, value: int | str, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """Read a number of at least 2, or a word for leaving one infant out."""
        text = str(value).strip().lower()
        if text in {"infants", "loo"}:
            return "infants"
        if not text.isdecimal() or int(text) < 2:
            self.fail(
                f"{value!r} is no number of folds; give 2 or more, or `infants` to leave one out at a time", param, ctx
            )
        return int(text)


@click.command(
    name="cv",
    epilog=examples(
        "nicu-trainer cv stills.manifest.csv --model ncnn --out runs/ncnn",
        "nicu-trainer cv stills.manifest.csv --protocol dissertation --out runs/dissertation",
    ),
)
@experiment_options
@click.option("--protocol", type=click.Choice(["strict", "dissertation"]), help="[default: strict]")
@click.option("--folds", type=_Folds(), help="Number of folds, or `infants` for leaving one infant out.  [default: 3]")
@click.option(
    "--repeats",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="Runs with this seed and the following ones; mean and deviation over them are reported.",
)
@click.option(
    "--jobs", type=click.IntRange(1, 256), help="Folds at the same time.  [default: one a core; one on a GPU]"
)
@cluster_option
@click.option("--expansion", type=click.Choice(EXPANSION_NAMES), help="The 37 copies of the dissertation protocol.")
@click.option(
    "--test-half",
    type=click.Choice(["fixed", "redrawn"]),
    help="Dissertation protocol: one half for all folds, or one for each.  [default: redrawn]",
)
def command(
    *,
    manifest: Path | None,
    config: Path | None,
    model: str | None,
    out: Path | None,
    epochs: int | None,
    seed: int | None,
    device: str | None,
    settings: tuple[str, ...],
    protocol: str | None,
    folds: int | str | None,
    expansion: str | None,
    test_half: str | None,
    jobs: int | None,
    cluster: str | None,
    repeats: int,
) -> None:
    """Cross-validate a model on the pictures of MANIFEST.

    A run that was interrupted goes on when the same command is given again. The folder gets run.json, folds.json,
    predictions.csv, metrics.json and, for each fold, checkpoints and TensorBoard logs.
    """
    from trainer.commands.display import RunDisplay
    from trainer.experiments import cross_validate
    from trainer.experiments.repeats import cross_validate_repeatedly

    given: dict[str, Any] = {
        "model": model,
        "protocol": {
            "name": protocol,
            "folds": folds,
            "expansion": expansion,
            "test_half": test_half,
            "seed": seed,
        },
        "training": {"epochs": epochs, "seed": seed, "device": device},
    }
    experiment = config_from(manifest, config, given, settings)
    name = f"{experiment.manifest.stem.removesuffix('.manifest')}-{experiment.model}-{experiment.protocol.name}"
    folder = out or Path("runs") / name
    with open_cluster(cluster, jobs) as found, RunDisplay() as display:
        workers, repeated = jobs or cores(experiment), None
        if repeats > 1:
            results, repeated = cross_validate_repeatedly(experiment, folder, repeats, display, workers, found)
        else:
            results = cross_validate(experiment, folder, display, workers, found)
    for line in (*summary_lines(results), *repeat_lines(repeated)):
        click.echo(line)
    click.echo(f"Run: {folder}. Next: nicu-trainer compare RUN...")


def repeat_lines(repeated: dict[str, Any] | None) -> list[str]:
    """Return what other seeds change, for people; none for a single run."""
    if repeated is None:
        return []
    lines = [f"Over {len(repeated['seeds'])} seeds: mean, deviation over repeats, mean deviation over folds"]
    for name in ("accuracy", "auc", "sensitivity", "specificity", "brier"):
        found = repeated["metrics"][name]
        lines.append(
            f"{name:12} {_number(found['mean'])} ± {_number(found['sd'])}   folds ± {_number(found['fold_sd'])}"
        )
    return lines


def cores(experiment: ExperimentConfig) -> int:
    """Return how many folds are trained at the same time by default."""
    from trainer.training import resolve_device

    if resolve_device(experiment.training.get("device", "auto")).type == "cuda":
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def summary_lines(results: dict[str, Any]) -> list[str]:
    """Return the main metrics of a run for people."""
    lines = [*fold_lines(results), *metric_lines(results)]
    if not results.get("subjects_are_known", True):
        lines.append(f"Warning: whether tested infants were seen in training is {UNKNOWN_INFANTS}.")
    if seen := seen_in_training(results["audit"]):
        lines.append(f"Warning: {'; '.join(seen)}. `nicu-trainer audit` says more.")
    return lines


def fold_lines(results: dict[str, Any]) -> list[str]:
    """Return loss, accuracy and confusion matrix of each fold as a table of aligned columns."""
    table = [list(FOLD_HEAD), *fold_rows(results)]
    widths = [max(len(row[column]) for row in table) for column in range(len(FOLD_HEAD))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in table]


def metric_lines(results: dict[str, Any]) -> list[str]:
    """Return how many pictures were answered, and how well, for people."""
    lines = [f"{results['pictures']} pictures, {results['subjects']} subjects."]
    if results["without_face"]["pictures"]:
        missing, accuracy = results["without_face"]["pictures"], results["accuracy_if_missing_is_wrong"]
        lines.append(f"{missing} pictures had no face and no answer; counted as wrong, the accuracy is {accuracy:.3f}.")
    if silent := results.get("unanswered", {}).get("pictures"):
        lines.append(f"{silent} more got no answer from the model and count likewise.")
    several = len(results["folds"]) > 1
    for name in ("accuracy", "auc", "f1", "sensitivity", "specificity", "ece", "brier"):
        interval = results["pooled"][name]
        spread = f"   over folds {_spread(results['mean_over_folds'][name])}" if several else ""
        lines.append(f"{name:12} {_number(interval['value'])} {_range(interval)}{spread}")
    within = results.get("auc_within_folds")
    if several and within:
        lines.append(f"{'auc in folds':12} {_number(within['value'])} {_range(within)}")
    return lines


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _range(interval: dict[str, float | None]) -> str:
    return f"[{_number(interval['low'])}, {_number(interval['high'])}]"


def _spread(folds: dict[str, float | None]) -> str:
    return _number(folds["mean"]) + ("" if folds["sd"] is None else f" ± {folds['sd']:.3f}")
