"""`nicu-trainer evaluate`: test a trained model on pictures that it did not learn from."""

from pathlib import Path
from typing import Any

import click

from monitor.cli_framework import examples
from trainer.commands.cv import metric_lines
from trainer.experiments import evaluate_model

__all__ = ["command", "seen_lines"]


def seen_lines(results: dict[str, Any]) -> list[str]:
    """Return what of the tested pictures the model had seen, one sentence each; none if nothing is known to be."""
    seen = results["seen"]
    lines = []
    if not seen["is_known"]:
        lines.append("Whether the model saw these pictures is not recorded in it: it is of an earlier version.")
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
    return lines


@click.command(
    name="evaluate",
    epilog=examples("nicu-trainer evaluate runs/train-ncnn-final test.manifest.csv --out runs/test-ncnn"),
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("manifest", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--crops",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where `nicu-trainer crop` wrote; beside the manifest if absent.",
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder of the results.")
def command(*, model: Path, manifest: Path, crops: Path | None, out: Path | None) -> None:
    """Test MODEL, made by `nicu-trainer fit`, on the pictures of MANIFEST: a held-out part, or another data set.

    Nothing is trained, tuned or calibrated on these pictures. The folder gets predictions.csv and metrics.json.
    """
    stem = manifest.stem.removesuffix(".manifest")
    folder = out or Path("runs") / f"{stem}-by-{(model.parent if model.is_file() else model).name}"
    results = evaluate_model(model, manifest, crops, folder)
    for line in metric_lines(results):
        click.echo(line)
    for sentence in seen_lines(results):
        click.echo(sentence)
    click.echo(f"Results: {folder}")
