"""`nicu-trainer power`: what so many infants can show."""

import json
from pathlib import Path

import click

from monitor.cli_framework import NumberRange, examples
from trainer.errors import SettingsError
from trainer.evaluation.pairing import paired_answers
from trainer.evaluation.power import infant_deviation, infants_needed, observed_deviation, power
from trainer.experiments import open_run

__all__ = ["command"]

_DIFFERENCES = (1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 15.0)


@click.command(
    name="power",
    epilog=examples("nicu-trainer power --infants 26", "nicu-trainer power runs/ncnn runs/mimic --difference 3"),
)
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path))
@click.option("--infants", type=click.IntRange(5), default=26, show_default=True, help="That there are.")
@click.option("--difference", "differences", multiple=True, type=float, help="Of accuracy, in points; repeatable.")
@click.option("--power", "wanted", type=NumberRange(0.05, 0.999), default=0.8, show_default=True)
@click.option("--pictures", type=click.IntRange(1), default=4, show_default=True, help="Of an infant.")
@click.option(
    "--disagreement",
    type=NumberRange(0.0, 1.0),
    default=0.15,
    show_default=True,
    help="Share of pictures on which exactly one model is right; raised to the difference where that is larger.",
)
@click.option(
    "--correlation",
    type=NumberRange(0.0, 1.0),
    default=0.1,
    show_default=True,
    help="Of an infant's pictures.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    *,
    runs: tuple[Path, ...],
    infants: int,
    differences: tuple[float, ...],
    wanted: float,
    pictures: int,
    disagreement: float,
    correlation: float,
    as_json: bool,
) -> None:
    """Print how often a paired comparison of two models finds a difference, and how many infants it needs.

    With two RUNS on the same pictures and folds, how much infants differ is taken from them; without, from --pictures,
    --disagreement and --correlation.
    """
    if len(runs) not in {0, 2}:
        raise SettingsError("give two runs on the same pictures and folds, or none")
    observed = None
    if runs:
        observed = observed_deviation(*paired_answers(*(open_run(folder).predictions() for folder in runs)))
        if not observed > 0.0:
            raise SettingsError("the two runs answer every picture alike, or have one infant; nothing can be estimated")
    rows = []
    for points in differences or _DIFFERENCES:
        share = points / 100.0
        if not 0.0 < abs(share) < 1.0:
            raise SettingsError(f"--difference {points:g} must be between 0 and 100 points")
        deviation = observed or infant_deviation(share, pictures, max(disagreement, abs(share)), correlation)
        rows.append(
            {
                "difference_points": points,
                "deviation_of_an_infant": deviation,
                "power": power(share, deviation, infants),
                "infants_needed": infants_needed(share, deviation, wanted),
            }
        )
    if as_json:
        click.echo(json.dumps({"infants": infants, "wanted_power": wanted, "rows": rows}, indent=2))
        return
    click.echo(f"difference   power with {infants} infants   infants for a power of {wanted:g}")
    for row in rows:
        needed = row["infants_needed"]
        shown = "more than a million" if needed is None else f"{needed}"
        click.echo(f"{row['difference_points']:+7.1f}      {row['power']:.2f}                    {shown}")
