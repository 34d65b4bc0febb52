"""`nicu-trainer check-real`: what the monitor makes of a folder of labelled pictures of real infants."""

import json
import sys
from contextlib import ExitStack
from pathlib import Path

import click

from monitor.cli_framework import examples
from monitor.errors import BundleError
from trainer.detection import DEFAULT_DETECTOR

__all__ = ["command"]

LIGHT_NAMES = ("grey", "infrared", "blue", "blue-alone", "dark")
"""Of `trainer.labelled.lights`, without its imports: `--help` stays quick."""


@click.command(
    name="check-real",
    epilog=examples(
        "nicu-trainer check-real pictures",
        "nicu-trainer check-real pictures --model ncnn-demo --model models/ours --faces faces.jsonl --json",
    ),
)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--model",
    "models",
    multiple=True,
    default=("face-actions", "ncnn-demo"),
    show_default=True,
    help="Classifier bundle; may be repeated.",
)
@click.option("--detector", default=DEFAULT_DETECTOR, show_default=True, help="Face detector's bundle.")
@click.option("--mesh", default="face-mesh", show_default=True, help="Face mesh's bundle; `none` to do without.")
@click.option(
    "--faces",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File that keeps the faces that were found, so that another run with this detector is quick.",
)
@click.option(
    "--light",
    type=click.Choice(LIGHT_NAMES),
    help="Put the pictures under another light first: phototherapy lamp beside daylight or alone, infrared camera.",
)
@click.option("--resamples", type=click.IntRange(100, 100_000), default=2000, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the tables as JSON instead.")
def command(
    *,
    folder: Path,
    models: tuple[str, ...],
    detector: str,
    mesh: str,
    faces: Path | None,
    light: str | None,
    resamples: int,
    as_json: bool,
) -> None:
    """Measure faces and scores on FOLDER, which holds labels.csv with the columns image, subject and label.

    Labels are what a reader sees: cry, fuss, calm, neutral, asleep, smile, yawn, mouth_open for infants; any others are
    counted. Crying is not pain: nothing here measures pain. Pictures are read and never written or copied.
    """
    from monitor.faces.mesh import FaceMesh
    from monitor.inference.bundle import read_bundle
    from monitor.inference.classifier import Classifier
    from monitor.inference.engine_factory import open_engine
    from trainer.detection import detector_sha256, open_detector
    from trainer.labelled.folder import read_folder
    from trainer.labelled.seeing import see
    from trainer.labelled.table import check

    pictures = read_folder(folder)
    with ExitStack() as opened:
        classifiers: dict[str, Classifier] = {}
        for name in models:
            bundle = read_bundle(name, kind="classifier")
            if bundle.name in classifiers:
                raise BundleError(f"two of the models are called {bundle.name}; give each of them once")
            classifiers[bundle.name] = Classifier(bundle, open_engine(bundle))
            opened.callback(classifiers[bundle.name].close)
        face_mesh, minimum_presence = None, None
        if mesh != "none":
            mesh_bundle = read_bundle(mesh, kind="mesh")
            face_mesh = FaceMesh(mesh_bundle, open_engine(mesh_bundle))
            opened.callback(face_mesh.close)
            minimum_presence = mesh_bundle.mesh.suggested_minimum_presence
        with click.progressbar(length=len(pictures), label="pictures", file=sys.stderr) as bar:
            seen = see(
                pictures,
                open_detector(detector),
                classifiers,
                face_mesh,
                found=faces,
                detector_digest=detector_sha256(detector),
                light=light,
                progress=lambda done: bar.update(done - bar.pos),
            )
    result = check(seen, resamples=resamples, minimum_presence=minimum_presence)
    click.echo(json.dumps(result.as_json(), indent=2) if as_json else "\n".join(result.lines()))
