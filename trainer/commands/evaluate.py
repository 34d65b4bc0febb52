"""`nicu-trainer evaluate`: test a trained model on pictures that it did not learn from."""

from pathlib import Path

import click

from monitor.cli_framework import examples
from trainer.commands.cv import metric_lines
from trainer.experiments import evaluate_model

__all__ = ["command"]


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
    if results["is_trained_on_these"]:
        click.echo("Warning: the model was trained on these very pictures; the metrics say nothing about others.")
    click.echo(f"Results: {folder}")
