"""Writing a data set of stills: pictures, the table of labels, and the ground truth beside it."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor import __version__
from monitor.synthetic.setting import Cue
from trainer.data.synthetic_mark import marked
from trainer.errors import DataError
from trainer.process_pool import open_process_pool
from trainer.synthetic.expressions import ExpressionPicture, draw_expression
from trainer.synthetic.plan import PlannedStill
from trainer.synthetic.regions import REGIONS
from trainer.synthetic.still import render_still

__all__ = ["prepare_folder", "write_expressions", "write_picture", "write_stills", "write_table"]

Item = TypeVar("Item")
Done = TypeVar("Done")

TABLE_NAME = "images.csv"
TRUTH_NAME = "truth.json"
_JPEG_QUALITY = 92


def prepare_folder(folder: Path) -> None:
    """Make a folder for a new data set.

    Raises:
        DataError: It cannot be made, or holds something already, which would be mixed with the new files.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise DataError(f"{folder} is not empty; name a new folder or empty it first")
    except OSError as error:
        raise DataError(f"the folder {folder} cannot be made ({error.strerror})") from error


def write_picture(path: Path, image: NDArray[np.uint8]) -> None:
    """Write an RGB picture of shape (H, W, 3), or a mask of shape (H, W); the suffix decides the format.

    Raises:
        DataError: The file cannot be written.
    """
    pixels = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image
    settings = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if path.suffix == ".jpg" else []
    done, encoded = cv2.imencode(path.suffix, pixels, settings)
    if not done:
        raise DataError(f"{path} cannot be encoded")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(marked(encoded.tobytes()))
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error.strerror})") from error


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a CSV table.

    Raises:
        DataError: The file cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    _write_text(path, text.getvalue())


def _write_text(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error.strerror})") from error


def _write_still(planned: PlannedStill, *, folder: Path, regions: bool, swapped: bool) -> dict[str, Any]:
    """Draw and write one still; returns its line of ground truth."""
    rendered = render_still(planned.still)
    write_picture(folder / planned.name, rendered.image)
    line = {
        "image": planned.name,
        "label": planned.label.value,
        "stimulus": planned.stimulus,
        **rendered.truth.as_json(),
    }
    if regions:
        line["regions"] = f"regions/{Path(planned.name).stem}.png"
        write_picture(folder / line["regions"], rendered.regions)
    setting = planned.still.setting
    if swapped and setting.cue is not Cue.NONE:
        cue = Cue.TEAL if setting.cue is Cue.ORANGE else Cue.ORANGE
        twin = render_still(replace(planned.still, setting=setting.with_cue(cue)))
        line["swapped"] = f"swapped/{planned.name}"
        write_picture(folder / line["swapped"], twin.image)
    return line


def _write_expression(picture: ExpressionPicture, *, folder: Path) -> None:
    write_picture(folder / picture.name, draw_expression(picture))


def write_expressions(
    planned: Sequence[ExpressionPicture],
    folder: Path,
    table: str,
    jobs: int = 1,
    progress: Callable[[int], None] = lambda _: None,
) -> Path:
    """Draw and write pictures of expressions with their table: image, subject, label (smile or neutral).

    Args:
        planned: The pictures.
        folder: Where; it may hold others already.
        table: File name of the table.
        jobs: Processes that draw.
        progress: Called with how many pictures are done.

    Raises:
        DataError: A file cannot be written, or a process that draws was killed.
    """
    for done, _ in enumerate(_rendered(partial(_write_expression, folder=folder), planned, jobs), start=1):
        progress(done)
    rows = [(picture.name, picture.subject, "smile" if picture.is_smile else "neutral") for picture in planned]
    write_table(folder / table, ("image", "subject", "label"), rows)
    return folder / table


def _rendered(work: Callable[[Item], Done], planned: Sequence[Item], jobs: int) -> Iterator[Done]:
    if jobs <= 1:
        yield from map(work, planned)
        return
    with open_process_pool(jobs, "empty the folder and give fewer --jobs") as pool:
        yield from pool.map(work, planned, chunksize=4)


def write_stills(
    planned: Sequence[PlannedStill],
    folder: Path,
    about: dict[str, Any],
    *,
    regions: bool = False,
    swapped: bool = False,
    jobs: int = 1,
    progress: Callable[[int], None] = lambda _: None,
) -> Path:
    """Draw and write a data set.

    Args:
        planned: The stills.
        folder: An empty folder.
        about: How the set was made, for `dataset.json`.
        regions: Write masks of the regions too: bits of `REGIONS`, one PNG file for each still.
        swapped: Write every still with a cue once more with the other cue, under swapped/.
        jobs: Processes that draw; the result does not depend on it.
        progress: Called with how many stills are done.

    Returns:
        The table: image, subject, label, stimulus, cue.

    Raises:
        DataError: A file cannot be written, or a process that draws was killed.
    """
    lines = []
    work = partial(_write_still, folder=folder, regions=regions, swapped=swapped)
    for line in _rendered(work, planned, jobs):
        lines.append(line)
        progress(len(lines))
    rows = [
        (item.name, item.still.subject, item.label.value, item.stimulus, item.still.setting.cue.value)
        for item in planned
    ]
    write_table(folder / TABLE_NAME, ("image", "subject", "label", "stimulus", "cue"), rows)
    _write_text(folder / TRUTH_NAME, "[\n" + ",\n".join(json.dumps(line) for line in lines) + "\n]\n")
    note = "Synthetic infants. They test software and say nothing about pain in infants."
    details = {"note": note, "version": __version__, "stills": len(lines), **about}
    if regions:
        details["region_bits"] = dict(REGIONS)
    _write_text(folder / "dataset.json", json.dumps(details, indent=2) + "\n")
    return folder / TABLE_NAME
