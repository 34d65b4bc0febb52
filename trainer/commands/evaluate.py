"""`nicu-trainer evaluate`: test a model, a bundle or a run on pictures that it did not learn from."""

from pathlib import Path
from typing import Any

import click

from monitor.cli_framework import examples
from trainer.commands.cv import metric_lines
from trainer.evaluation.bootstrap import RESAMPLES
from trainer.experiments.seen import doubts_of_infants, doubts_of_pictures, other_class

__all__ = ["command", "recalibration_lines", "seen_lines"]

_UPDATES = {"moved": "moved", "moved_and_stretched": "moved and stretched"}


def seen_lines(results: dict[str, Any]) -> list[str]:
    """Return what of the tested pictures the model had seen, one sentence each; none if nothing is known to be."""
    seen = results["seen"]
    lines = []
    if not seen["is_known"]:
        lines.append("Whether the model saw these pictures is not recorded in it.")
    if results["is_trained_on_these"]:
        count = f"{seen['pictures']} of " if seen["pictures"] else ""
        lines.append(
            f"Warning: the model learnt from {count}these very pictures; the metrics say nothing about others."
        )
    if seen["subjects"]:
        lines.append(
            f"Warning: the model learnt from other pictures of {seen['subjects']} of these subjects "
            f"({seen['subject_pictures']} pictures here); these are no unseen infants."
        )
    doubts = [other_class(results), *doubts_of_pictures(seen), *doubts_of_infants(seen)]
    lines += [f"Warning: {words}." for words in doubts if words is not None]
    return lines


def recalibration_lines(results: dict[str, Any]) -> list[str]:
    """Return what recalibration on this site would change, one line for each update; none where it was not possible."""
    found = results.get("recalibration")
    if not found:
        return []
    before = found["as_it_is"]["metrics"]
    lines = [f"Recalibrated on other infants of this set ({found['parts']} parts), the ranking as it is:"]
    for name, words in _UPDATES.items():
        update, after = found[name], found[name]["metrics"]
        changes = ", ".join(
            f"{metric} {before[metric]['value']:.3f} to {after[metric]['value']:.3f}"
            for metric in ("loss", "brier", "ece")
        )
        lines.append(f"  {words}: {changes}; log-odds {update['intercept']:+.2f} {update['slope']:+.2f} x")
    return lines


@click.command(
    name="evaluate",
    epilog=examples(
        "nicu-trainer evaluate runs/train-ncnn-final test.manifest.csv --out runs/test-ncnn",
        "nicu-trainer evaluate ncnn-demo test.manifest.csv",
    ),
)
@click.argument("source", metavar="MODEL|BUNDLE|RUN", type=click.Path(path_type=Path))
@click.argument("manifest", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--crops",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where `nicu-trainer crop` wrote; beside the manifest if absent.",
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder of the results.")
@click.option("--resamples", type=click.IntRange(100, 100_000), default=RESAMPLES, show_default=True)
def command(*, source: Path, manifest: Path, crops: Path | None, out: Path | None, resamples: int) -> None:
    """Test a model on the pictures of MANIFEST: a held-out part, or another data set.

    MODEL is what `nicu-trainer fit` made, BUNDLE a classifier's folder or name, RUN a cross-validation, whose networks
    answer together. Nothing is trained, tuned or calibrated on these pictures; what recalibration would be worth
    here is reported. The folder becomes a run (protocol: external) that `compare` and `report` take.
    """
    from trainer.experiments import evaluate_model

    stem = manifest.stem.removesuffix(".manifest")
    folder = out or Path("runs") / f"{stem}-by-{(source.parent if source.is_file() else source).name}"
    results = evaluate_model(source, manifest, crops, folder, resamples)
    for line in metric_lines(results):
        click.echo(line)
    for sentence in (*recalibration_lines(results), *seen_lines(results)):
        click.echo(sentence)
    click.echo(f"Run: {folder}. Next: nicu-trainer compare RUN...")
