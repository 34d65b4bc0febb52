"""`nicu-trainer merge`: several data sets as one."""

from collections import Counter
from pathlib import Path

import click

from monitor.cli_framework import examples, refuse_overwriting
from trainer.data.merging import merge_manifests
from trainer.data.naming import Label
from trainer.errors import SettingsError

__all__ = ["command"]


@click.command(
    name="merge", epilog=examples("nicu-trainer merge cope.manifest.csv unifesp.manifest.csv --out both.manifest.csv")
)
@click.argument("manifests", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The new manifest.")
@click.option(
    "--same-infants",
    is_flag=True,
    help="Infants of one name, up to its spelling, are one infant in all tables, as in two tables of one study.",
)
def command(*, manifests: tuple[Path, ...], out: Path, same_infants: bool) -> None:
    """Write one manifest of the pictures of MANIFESTS; each picture keeps its data set.

    A picture that is in two of them is refused. Infants of two data sets are two infants, also where they have one
    name, which is said; --same-infants makes one of them. Run `nicu-trainer crop` on the new manifest next.
    """
    refuse_overwriting({"--out": out}, manifests)
    if len(manifests) < 2:
        raise SettingsError("give at least two manifests")
    merged, warnings = merge_manifests(manifests, out, same_infants=same_infants)
    counts = Counter((record.data_set, record.label) for record in merged.records)
    for data_set in sorted({name for name, _ in counts}):
        infants = len({record.subject for record in merged.records if record.data_set == data_set})
        pain, calm = counts[data_set, Label.PAIN], counts[data_set, Label.NO_PAIN]
        click.echo(f"{data_set}: {infants} infants, {pain} pictures of pain, {calm} of no pain")
    if same_infants:
        click.echo(f"{len({record.subject for record in merged.records})} infants in all")
    for warning in warnings:
        click.echo(f"Warning: {warning}")
    click.echo(f"Manifest: {out}. Next: nicu-trainer crop {out}")
