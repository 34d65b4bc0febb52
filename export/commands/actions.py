"""`nicu-export actions`: the face mesh and a fitted head become a classifier's bundle."""

from pathlib import Path

import click

from export.commands.options import finish, precision_option
from monitor.cli_framework import examples
from monitor.inference.bundle import installed_models_directory
from monitor.inference.manifest import Precision

__all__ = ["command"]

_NAME = "face-actions"


@click.command(
    "actions",
    epilog=examples(
        "nicu-export actions",
        "nicu-export actions --wheel mediapipe-0.10.14-cp311.whl --out bundles/face-actions",
    ),
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory of the bundle. Default: where the monitor of this environment finds it by name.",
)
@click.option(
    "--wheel",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The wheel of the PyPI package mediapipe, where there is no network; its SHA-256 is checked all the same.",
)
@precision_option
def command(out: Path | None, wheel: Path | None, precisions: tuple[Precision, ...]) -> None:
    """Build the classifier of facial distress that scores four facial actions of the face mesh.

    Its head was fitted on synthetic infants. It replaces an N-CNN in `models.classifier`.
    """
    from export.actions.bundle import write_actions_bundle
    from export.mesh.package_file import PACKAGE

    target = out or installed_models_directory() / _NAME
    click.echo("building the classifier of facial actions, about half a minute")
    finish(write_actions_bundle(PACKAGE.content(wheel), target, name=_NAME, precisions=precisions))
