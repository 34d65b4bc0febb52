"""`nicu-trainer crop`: find and cut the face of every picture of a manifest, as the monitor will."""

from pathlib import Path
from typing import Literal

import click
import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from monitor.cli_framework import NumberRange, examples
from trainer.atomic_file import write_atomically
from trainer.crops import CropSet, SheetItem, Study, contact_sheet, crops_folder, find_all_faces, open_study
from trainer.crops.finding import FaceMode
from trainer.data import Label, Manifest, read_manifest
from trainer.detection import DEFAULT_DETECTOR
from trainer.errors import DataError
from trainer.networks import InputContract

__all__ = ["command"]

_FEW = 0.8
_SHEET_PICTURES = 640
_TINY_PX = 128
"""Of so small a picture a face takes nearly all, and the detector, which wants surroundings, misses half of them."""
_SAMPLE = 16
_TIGHT = 0.4
"""Share of a picture that a face takes where it was cut out already; in a photograph of a person it takes less."""
_PHOTOGRAPHS = frozenset({"cope", "unifesp", "icopevid"})


@click.command(name="crop", epilog=examples("nicu-trainer crop stills.manifest.csv --out stills.crops --jobs 4"))
@click.argument("manifest", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=None, help="Default: <manifest>.crops."
)
@click.option(
    "--faces",
    "mode",
    type=click.Choice(["auto", "detect", "whole", "detect-or-whole"]),
    default="auto",
    show_default=True,
    help="`whole` takes each picture as a face that was cut out already; `auto` looks at the pictures to decide.",
)
@click.option(
    "--size", "size_px", type=click.IntRange(16, 1024), default=120, show_default=True, help="Side in pixels."
)
@click.option("--margin", type=NumberRange(0.0, 2.0), default=0.0, show_default=True, help="Around the face's box.")
@click.option("--detector", default=DEFAULT_DETECTOR, show_default=True, help="Bundle that finds the faces.")
@click.option("--jobs", type=click.IntRange(1, 256), default=2, show_default=True, help="Processes.")
def command(
    *,
    manifest: Path,
    out: Path | None,
    mode: Literal["auto"] | FaceMode,
    size_px: int,
    margin: float,
    detector: str,
    jobs: int,
) -> None:
    """Find the face in every picture of MANIFEST, whichever way it lies, and cut it out.

    A second run goes on where the first was interrupted. Crops of other sizes are cut when a network asks for them.
    """
    folder = out or crops_folder(manifest)
    pictures = read_manifest(manifest)
    contract = InputContract(size_px=size_px, margin=margin)
    chosen = _chosen(pictures, folder, detector, jobs) if mode == "auto" else mode
    with Progress(console=Console(stderr=True)) as progress:
        total = len(pictures.records)
        finding = progress.add_task("finding faces", total=total)
        find_all_faces(
            pictures,
            folder,
            mode=chosen,
            detector_bundle=detector,
            jobs=jobs,
            progress=lambda done: progress.update(finding, completed=done),
        )
        study = open_study(manifest, folder)
        cutting = progress.add_task("cutting crops", total=total)
        crops = study.crop_set(contract, lambda done: progress.update(cutting, completed=done))
    sheets = [_write_sheet(study, crops, start, folder) for start in range(0, total, _SHEET_PICTURES)]
    _print_summary(study, sheets)


def _chosen(pictures: Manifest, folder: Path, detector: str, jobs: int) -> FaceMode:
    """Return what `auto` means for some pictures.

    Faces are looked for, but not where they were cut out already: where all pictures are tiny, or where the detector,
    which wants surroundings, misses many of them and the others fill their pictures.
    """
    if _PHOTOGRAPHS & {record.data_set for record in pictures.records}:
        return "detect"
    largest_px = max(max(record.width_px, record.height_px) for record in pictures.records)
    if largest_px <= _TINY_PX:
        click.echo(
            f"No picture is larger than {largest_px} px, so each is taken as a face that was cut out already; "
            f"--faces detect looks for faces in them."
        )
        return "whole"
    rows = np.unique(np.linspace(0, len(pictures.records) - 1, _SAMPLE).astype(int))
    some = Manifest(tuple(pictures.records[row] for row in rows), pictures.folder)
    found = find_all_faces(some, folder, mode="detect", detector_bundle=detector, jobs=jobs)
    boxes = [(found[record.sha256].box, record.width_px * record.height_px) for record in some.records]
    shares = [box.width_px * box.height_px / area for box, area in boxes if box is not None]
    if not shares or len(shares) >= _FEW * len(boxes) or float(np.median(shares)) < _TIGHT:
        return "detect"
    click.echo(
        f"Of {len(boxes)} pictures the detector finds a face in {len(shares)}, which fill their pictures: each picture "
        f"is taken as a face that was cut out already; --faces detect looks for faces in them."
    )
    return "whole"


def _write_sheet(study: Study, crops: CropSet, start: int, folder: Path) -> Path:
    """Write the contact sheet of some hundred pictures; one of thousands could not be opened."""
    rows = np.arange(start, min(start + _SHEET_PICTURES, len(study.records)))
    items = [_sheet_item(study, row, crop) for row, crop in zip(rows.tolist(), crops.exact(rows), strict=True)]
    _, code = cv2.imencode(".png", cv2.cvtColor(contact_sheet(items), cv2.COLOR_RGB2BGR))
    number = start // _SHEET_PICTURES + 1
    path = folder / ("contact_sheet.png" if number == 1 else f"contact_sheet_{number}.png")
    write_atomically(path, code.tobytes())
    return path


def _sheet_item(study: Study, row: int, crop: NDArray[np.uint8]) -> SheetItem:
    record = study.records[row]
    return SheetItem(
        crop=crop if study.faces[row].box is not None else None,
        caption=f"{record.subject.rpartition('/')[2]} {record.stimulus or record.label}",
        is_pain=record.label is Label.PAIN,
    )


def _print_summary(study: Study, sheets: list[Path]) -> None:
    has_face = study.has_face
    more = f" and the {len(sheets) - 1} sheets after it" if len(sheets) > 1 else ""
    click.echo(f"A face in {int(has_face.sum())} of {len(has_face)} pictures; look at {sheets[0]}{more}.")
    several = sum(face.candidates > 1 for face in study.faces)
    if several:
        click.echo(f"{several} pictures show several faces; the largest one was taken.")
    without = [record.image for record, found in zip(study.records, has_face, strict=True) if not found]
    if without:
        click.echo(f"No face in {len(without)} pictures; every later result counts them:")
        for image in without:
            click.echo(f"  {image}")
    if has_face.mean() < _FEW:
        hint = "if the pictures are faces that were cut out already, use --faces whole"
        if not has_face.any():
            raise DataError(f"no face was found in any picture; {hint}")
        click.echo(f"That is less than {_FEW:.0%}; {hint}.")
