"""`nicu-export classifier`: a trained model becomes a bundle."""

from pathlib import Path

import click

from export.commands.options import finish, precision_option, refuse_target
from monitor.cli_framework import examples
from monitor.inference.manifest import Precision

__all__ = ["command"]


@click.command("classifier", epilog=examples("nicu-export classifier runs/fit --out bundles/ncnn"))
@click.argument("run", metavar="RUN|CHECKPOINT", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Directory of the bundle.")
@precision_option
@click.option("--name", help="Name of the bundle; the trained model's own when absent.")
def command(run: Path, out: Path, precisions: tuple[Precision, ...], name: str | None) -> None:
    """Build a bundle from a trained classifier.

    RUN is a folder of `nicu-trainer fit`, CHECKPOINT the file `model.pt` in it.
    """
    from export.classifier.bundle import write_classifier_bundle
    from trainer.checkpoint import read_model

    model = read_model(run)
    refuse_target(out, model.record.name if name is None else name, way_out="; give another one with --name")
    finish(write_classifier_bundle(model, out, name=name, precisions=precisions))
