"""`nicu-monitor tune`: the fastest verified engine of each model and number of workers for this machine."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click
import yaml

from monitor.bench.tuning import Candidate, tune
from monitor.bench.verifying import verify_bundles
from monitor.cli_framework import ConfigCommand, NumberRange, OutputFile, examples, refuse_overwriting
from monitor.config import FaceSettings, ModelSettings
from monitor.config.file import read_config
from monitor.config.settings_edit import write_settings
from monitor.inference.engine_factory import REDUCED_ENGINES
from monitor.inference.processor import describe_units
from monitor.pipeline.models import ModelSet

__all__ = ["command"]

_LOOK_FIRST = (
    "{} computes in fewer bits: it passed the gates on synthetic pictures, and may still miss a face here and there "
    "that fp32 finds (docs/engines.md)"
)


@click.command(
    cls=ConfigCommand,
    epilog=examples(
        "nicu-monitor tune",
        "nicu-monitor tune --config station.yaml --rounds 5 --verify --write",
        "nicu-monitor tune --out tuned.yaml",
    ),
)
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Whose models. Default: the built-in.")
@click.option("--rounds", type=click.IntRange(1, 50), default=3, show_default=True, help="The median counts.")
@click.option("--seconds", type=NumberRange(0.1, 60.0), default=2.0, show_default=True, help="A candidate a round.")
@click.option(
    "--verify",
    is_flag=True,
    help="First compare the bundles with the engines that are here and were not compared yet, and note the outcome in "
    "the bundles; takes minutes.",
)
@click.option(
    "--full-precision", is_flag=True, help="Leave out int8 and bf16, with which a face may be missed here and there."
)
@click.option("--out", type=OutputFile(), help="Write the settings there, too.")
@click.option("--write", is_flag=True, help="Put the settings into the file of --config; its comments stay.")
@click.option("--json", "as_json", is_flag=True, help="Print every measurement as JSON.")
def command(
    config_file: Path | None,
    rounds: int,
    seconds: float,
    out: Path | None,
    *,
    verify: bool,
    full_precision: bool,
    write: bool,
    as_json: bool,
) -> None:
    """Measure each model with every verified engine and precision, and print the settings for a configuration.

    What `nicu-export verify` did not pass with a model is left out, and named (--verify has it run); int8 and bf16 pay
    where the processor has units for them. What is faster by less than a tenth changes nothing. Stop a running station
    first: it would be measured along.
    """
    if write and config_file is None:
        raise click.UsageError("--write needs --config, the file to write")
    refuse_overwriting({"--out": out}, [config_file])
    models, faces = ModelSettings(), FaceSettings()
    if config_file is not None:
        config = read_config(config_file)
        models, faces = config.models, config.faces
    progress = partial(click.echo, err=True)
    if verify:
        opened = ModelSet(models, faces)
        verify_bundles([opened.detector, opened.classifier], progress=progress)
    found = tune(models, faces, rounds=rounds, seconds=seconds, full_precision=full_precision, progress=progress)
    best = found.best
    chosen = _settings(best, models)
    settings = yaml.safe_dump(chosen, sort_keys=False)
    if write and config_file is not None:
        write_settings(config_file, chosen)
        click.echo(f"{config_file} has them now; the file before is {config_file.name}.previous", err=True)
    if out is not None:
        out.write_text(settings, encoding="utf-8")
    if as_json:
        click.echo(
            json.dumps(
                {
                    "best": asdict(found.best),
                    "measured": _rows(found.candidates),
                    "models": _rows(found.pairs),
                    "passed_over": found.passed_over,
                    "processor": describe_units(),
                },
                indent=2,
            )
        )
        return
    for one, unit in [*((pair, "runs") for pair in found.pairs), *((each, "frames") for each in found.candidates)]:
        click.echo(f"{one.name}, {one.workers} workers: {one.rate:.1f} {unit}/s", err=True)
    for name, reason in found.passed_over.items():
        click.echo(f"{name}: not measured ({reason})", err=True)
    click.echo(describe_units(), err=True)
    if REDUCED_ENGINES.intersection(best.engines.values()) or best.cpu_precision != "fp32":
        click.echo(_LOOK_FIRST.format(best.name), err=True)
    click.echo(settings, nl=False)


def _rows(candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    return [{**asdict(one), "rate": one.rate} for one in candidates]


def _settings(best: Candidate, models: ModelSettings) -> dict[str, dict[str, str | int]]:
    """Return what to write into a configuration that has these models now."""
    chosen: dict[str, str | int] = {"engine": best.engines["detector"]}
    before = {"detector": models.detector_engine, "classifier": models.classifier_engine}
    for role, engine in best.engines.items():
        # An engine of its own that the file has already would override the new one.
        if engine != chosen["engine"] or before[role] is not None:
            chosen[f"{role}_engine"] = engine
    chosen["cpu_precision"] = best.cpu_precision
    return {"models": chosen, "analysis": {"workers": best.workers}}
