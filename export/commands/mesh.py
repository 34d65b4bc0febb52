"""`nicu-export mesh`: pre-trained face mesh weights become a bundle."""

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

_NAME = "face-mesh"


@click.command(
    "mesh",
    epilog=examples(
        "nicu-export mesh --from mediapipe",
        "nicu-export mesh --from mediapipe --wheel mediapipe-0.10.14-cp311.whl --out bundles/face-mesh",
    ),
)
@click.option(
    "--from",
    "source",
    required=True,
    type=click.Choice(["mediapipe"]),
    help="Takes the weights of that PyPI package, of one version, without its dependencies.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory of the bundle. Default: where the monitor of this environment finds it by name.",
)
@click.option(
    "--wheel",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The wheel of the PyPI package, where there is no network; its SHA-256 is checked all the same.",
)
@precision_option
@click.option("--force", is_flag=True, help="Build again even where the bundle is there and intact.")
def command(
    source: str, out: Path | None, wheel: Path | None, precisions: tuple[Precision, ...], *, force: bool
) -> None:
    """Build the face mesh's bundle from pre-trained weights."""
    from export.mesh.bundle import write_mesh_bundle
    from export.mesh.package_file import PACKAGE

    target = out or installed_models_directory() / _NAME
    if not force and _is_intact(target, precisions, PACKAGE.member_sha256):
        click.echo(f"{target}: already there and intact (all files match their SHA-256)")
        return
    refuse_target(target, _NAME)
    click.echo(f"building the face mesh from the PyPI package {source}, about half a minute")
    finish(write_mesh_bundle(PACKAGE.content(wheel), target, name=_NAME, precisions=precisions))


def _is_intact(target: Path, precisions: Sequence[Precision], source_sha256: str) -> bool:
    """Say whether the bundle there is whole, made by this version from these weights, and holds what is asked for."""
    try:
        manifest = read_bundle(target, kind="mesh").manifest
    except BundleError:
        return False
    origin = manifest.provenance
    return (
        origin.source_sha256 == source_sha256
        and origin.versions.get("nicu-pain-monitor") == __version__
        and {*precisions, "fp32"} <= {variant.precision for variant in manifest.variants}
        and not has_failed(manifest)
    )
