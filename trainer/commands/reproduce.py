"""`nicu-trainer reproduce`: the dissertation's Table 1 and Figure 2 from the two data sets' folders, in one command."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from monitor.cli_framework import examples
from trainer.commands.compare import command as compare
from trainer.commands.crop import command as crop
from trainer.commands.cv import command as cv
from trainer.commands.explain import command as explain
from trainer.commands.ingest import command as ingest
from trainer.commands.report import command as report
from trainer.explanation import METHOD_NAMES
from trainer.models import RECIPES

__all__ = ["command"]

_MODELS = ("ncnn", "resnet50-zamzmi", "resnet50-proposed")
_PROTOCOLS = ("dissertation", "strict")
_COMMANDS = {"ingest": ingest, "crop": crop, "cv": cv, "compare": compare, "explain": explain, "report": report}


@click.command(
    name="reproduce",
    epilog=examples("nicu-trainer reproduce --cope data/COPE --unifesp data/UNIFESP --out reproduced"),
)
@click.option("--cope", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--unifesp", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of everything.")
@click.option(
    "--labels", type=click.Path(path_type=Path, dir_okay=False), help="UNIFESP's table, if not in its folder."
)
@click.option(
    "--model",
    "models",
    multiple=True,
    type=click.Choice(list(RECIPES)),
    default=_MODELS,
    show_default=True,
    help="Rows of Table 1.",
)
@click.option("--test-half", type=click.Choice(["fixed", "redrawn"]), default="redrawn", show_default=True)
@click.option(
    "--weights", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Of the ResNet50s' trunk."
)
@click.option("--faces", type=click.Choice(["auto", "detect", "whole"]), default="auto", show_default=True)
@click.option("--epochs", type=click.IntRange(1), help="At most; each recipe's number if absent.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--jobs", type=click.IntRange(1, 256), help="Folds at the same time.")
@click.option("--pictures", type=click.IntRange(1, 40), default=4, show_default=True, help="Of each set, in Figure 2.")
@click.option("--method", type=click.Choice(METHOD_NAMES), default="grad-cam", show_default=True, help="Of Figure 2.")
@click.option("--set", "settings", multiple=True, metavar="FIELD=VALUE", help="Any field of every training.")
@click.option("--report/--no-report", "with_report", default=True, help="Write the report, too.")
@click.option("--scored", type=click.IntRange(0), help="Of the report: pictures of a run whose maps are scored.")
@click.option("--intervened", type=click.IntRange(0), help="Of the report: pictures of a run that are changed.")
@click.option("--probed", type=click.IntRange(0), help="Of the report: pictures whose features are probed.")
def command(
    *,
    cope: Path,
    unifesp: Path,
    out: Path,
    labels: Path | None,
    models: tuple[str, ...],
    test_half: str,
    weights: Path | None,
    faces: str,
    epochs: int | None,
    seed: int,
    jobs: int | None,
    pictures: int,
    method: str,
    settings: tuple[str, ...],
    with_report: bool,
    scored: int | None,
    intervened: int | None,
    probed: int | None,
) -> None:
    """Take in COPE and UNIFESP, train all models under both protocols, and write Table 1, Figure 2 and the report.

    Every step is one of this program's other commands and is printed before it runs. A run that was interrupted goes on
    where it stopped when the same command is given again. Figure 2 is of the first model that is a network.
    """
    manifests = {"cope": out / "cope.manifest.csv", "unifesp": out / "unifesp.manifest.csv"}
    _step("ingest", "cope", cope, "--out", manifests["cope"])
    _step("ingest", "unifesp", unifesp, "--out", manifests["unifesp"], *_given("--labels", labels))
    for manifest in manifests.values():
        _step("crop", manifest, "--faces", faces)
    runs = []
    for data_set, model, protocol in _experiments(models):
        folder = out / "runs" / f"{data_set}-{model}-{protocol}"
        options = ["--protocol", protocol, "--seed", seed, *_given("--epochs", epochs), *_given("--jobs", jobs)]
        options += ["--test-half", test_half] if protocol == "dissertation" else []
        options += _given(
            "--set", f"weights={weights.absolute()}" if weights and model.startswith("resnet50") else None
        )
        options += [part for setting in settings for part in ("--set", setting)]
        _step("cv", manifests[data_set], "--model", model, "--out", folder, *options)
        runs.append(folder)
    _step("compare", *runs, "--out", out / "tables")
    network = next((model for model in models if RECIPES[model].kind == "network"), None)
    if network is not None:
        shown = [out / "runs" / f"{data_set}-{network}-dissertation" for data_set in manifests]
        nothing_else = ["--scored", 0, "--intervened", 0, "--probed", 0]
        folder = out / "figure2"
        _step("explain", *shown, "--out", folder, "--pictures", pictures, "--method", method, *nothing_else)
    if with_report:
        amounts = [*_given("--scored", scored), *_given("--intervened", intervened), *_given("--probed", probed)]
        _step("report", *runs, "--out", out / "report", "--pictures", pictures, "--method", method, *amounts)
    click.echo(f"Table 1: {out / 'tables' / 'table-1.md'}")
    if network is not None:
        click.echo(f"Figure 2: {out / 'figure2' / f'figure2-databases-{method}.png'}")


def _experiments(models: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield data set, model and protocol of each run; the published protocol comes first."""
    for protocol in _PROTOCOLS:
        for model in models:
            for data_set in ("cope", "unifesp"):
                yield data_set, model, protocol


def _given(option: str, value: object) -> list[object]:
    return [] if value is None else [option, value]


def _step(name: str, *arguments: object) -> None:
    """Run one of this program's commands; its errors are this command's."""
    words = [str(argument) for argument in arguments]
    click.echo(f"\n$ nicu-trainer {shlex.join([name, *words])}")
    _COMMANDS[name].main(words, prog_name=f"nicu-trainer {name}", standalone_mode=False)
