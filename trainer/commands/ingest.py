"""`nicu-trainer ingest`: a data set's folder or table becomes a manifest, with a report of what was refused."""

from collections.abc import Callable, Sequence
from pathlib import Path

import click
from rich.progress import track

from monitor.cli_framework import NumberRange, examples
from trainer.atomic_file import write_atomically
from trainer.data import (
    PAIN_WORD,
    Candidate,
    ParsedName,
    SoftLabels,
    clip_candidates,
    cope_candidates,
    find_labels,
    find_scores,
    ingest,
    is_manifest,
    read_table,
    unifesp_candidates,
    write_manifest,
)
from trainer.data.ingest import printable
from trainer.errors import DataError

__all__ = ["command"]

_OUT = click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="The manifest to write; default <folder or table>.manifest.csv beside the data.",
)
_SOFT = click.option(
    "--soft-labels",
    is_flag=True,
    help="Learn from the column nfcs as shares of pain; results are still counted by the label.",
)
_MAXIMUM = click.option(
    "--nfcs-maximum",
    type=NumberRange(1, 10),
    default=5,
    show_default=True,
    help="Highest score that there is, for soft labels.",
)
_FOLDER = click.argument("folder", type=click.Path(path_type=Path))


@click.group(name="ingest", epilog=examples("nicu-trainer ingest table pictures.csv --out pictures.manifest.csv"))
def command() -> None:
    """Take a data set in: check every file and write a manifest.

    The report of what was refused, and why, is printed and written beside the manifest as <manifest>.report.json.
    """


def _finish(
    candidates: list[Candidate],
    data_set: str,
    out: Path,
    is_main: Callable[[ParsedName], bool] = lambda _: True,
    notes: Sequence[str] = (),
    positive: str = PAIN_WORD,
    soft: SoftLabels | None = None,
) -> None:
    if out.is_file() and not is_manifest(out):
        raise DataError(f"{printable(str(out))} is no manifest and would be lost; name another file with --out")
    shown = track(candidates, description=f"reading {data_set}", transient=True)
    report = ingest(shown, data_set, out.parent, is_main=is_main, positive=positive, soft=soft)
    report.warnings[:0] = notes
    write_atomically(out.with_suffix(".report.json"), report.as_json().encode())
    if report.records:
        write_manifest(out, report.records)
    for line in report.lines():
        click.echo(line)
    if not report.records:
        written = printable(str(out.with_suffix(".report.json")))
        raise DataError(f"no picture was taken; {written} says why each was refused")
    click.echo(f"Manifest: {printable(str(out))}")


def _default_out(source: Path, out: Path | None) -> Path:
    return out or source.absolute().with_name(f"{source.absolute().stem}.manifest.csv")


@command.command(epilog=examples("nicu-trainer ingest cope data/iCOPE --out icope.manifest.csv"))
@_FOLDER
@_OUT
@click.option(
    "--main",
    default="pain,rest",
    show_default=True,
    help="Stimuli that are trained and tested on, or `all`; the others are tested to see what is mistaken for pain.",
)
def cope(folder: Path, out: Path | None, main: str) -> None:
    """COPE: S<nn>_<M|F>_<stimulus>[_n].jpg."""
    wanted = {word.strip() for word in main.split(",")}
    _finish(
        list(cope_candidates(folder)),
        "cope",
        _default_out(folder, out),
        lambda named: "all" in wanted or named.stimulus in wanted,
    )


@command.command(
    epilog=examples("nicu-trainer ingest unifesp data/UNIFESP --labels labels.csv --out unifesp.manifest.csv")
)
@_FOLDER
@_OUT
@click.option(
    "--labels",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="CSV table with the columns image and label; default: all such tables in the folder, else folder names.",
)
@click.option(
    "--nfcs-threshold",
    type=NumberRange(0, 10),
    help="Label by the table's column nfcs: pain from this score on. The label column is then left aside.",
)
@_SOFT
@_MAXIMUM
def unifesp(
    folder: Path,
    out: Path | None,
    labels: Path | None,
    nfcs_threshold: float | None,
    soft_labels: bool,
    nfcs_maximum: float,
) -> None:
    """UNIFESP: <subject>_<hhmmss>[_k].bmp."""
    soft = _soft(nfcs_threshold, nfcs_maximum) if soft_labels else None
    scores = find_scores(folder, labels) if soft else {}
    _finish(
        list(unifesp_candidates(folder, find_labels(folder, labels, nfcs_threshold), scores)),
        "unifesp",
        _default_out(folder, out),
        soft=soft,
    )


def _soft(threshold: float | None, maximum: float) -> SoftLabels:
    return SoftLabels(maximum=maximum) if threshold is None else SoftLabels(threshold, maximum)


@command.command(
    epilog=examples("nicu-trainer ingest icopevid data/iCOPEvid --out icopevid.manifest.csv --frames-per-clip 5")
)
@_FOLDER
@_OUT
@click.option("--frames-per-clip", type=click.IntRange(1, 500), default=5, show_default=True)
def icopevid(folder: Path, out: Path | None, frames_per_clip: int) -> None:
    """iCOPEvid: S<nnn>_<Stimulus>_<n>_[<k>]_20s.avi; stills are written beside the manifest."""
    path = _default_out(folder, out)
    frames = path.with_name(f"{path.stem}.frames")
    candidates = list(track(list(clip_candidates(folder, frames, frames_per_clip)), "cutting stills", transient=True))
    _finish(candidates, "icopevid", path, lambda named: named.stimulus in {"pain", "rest"})


@command.command(epilog=examples("nicu-trainer ingest table pictures.csv --name trial --out pictures.manifest.csv"))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_OUT
@click.option("--name", default=None, help="Name of the data set; default: the table's name.")
@click.option("--positive", default=None, help="Label of the class to recognise; all others are the other class.")
@click.option(
    "--group",
    "groups",
    multiple=True,
    help="Column by which results are grouped, too, besides sex, skin_tone, gestation and device.",
)
@_SOFT
@_MAXIMUM
@click.option(
    "--nfcs-threshold",
    type=NumberRange(0, 10),
    help="Score from which on pain is meant, for soft labels.  [default: 3]",
)
def table(
    file: Path,
    out: Path | None,
    name: str | None,
    positive: str | None,
    groups: tuple[str, ...],
    soft_labels: bool,
    nfcs_maximum: float,
    nfcs_threshold: float | None,
) -> None:
    """Any two-class picture set: a CSV table with the columns image, label and, if known, subject and stimulus.

    Labels may be pain and no_pain, 1 and 0, or any two words. Paths are absolute, or relative to the table. Without a
    subject every picture counts as a person of its own.
    """
    soft = _soft(nfcs_threshold, nfcs_maximum) if soft_labels else None
    content = read_table(file, positive, groups, with_scores=soft_labels)
    _finish(
        content.candidates,
        name or file.stem,
        _default_out(file, out),
        notes=content.notes,
        positive=content.positive,
        soft=soft,
    )
