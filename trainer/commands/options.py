"""Options that several commands share, and how they become changes to a configuration."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import yaml

from monitor.cli_framework import NumberRange
from trainer.errors import SettingsError
from trainer.evaluation.operating import DEFAULT_TARGETS, OperatingTarget
from trainer.experiments.config import ExperimentConfig, deep_merge, read_config

if TYPE_CHECKING:
    from trainer.experiments.cluster import Cluster

__all__ = [
    "cluster_option",
    "config_from",
    "experiment_options",
    "open_cluster",
    "operating_options",
    "operating_targets",
]


Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS = (
    click.argument("manifest", type=click.Path(path_type=Path, dir_okay=False), required=False),
    click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="YAML file; options win over it."),
    click.option("--model", help="Recipe; `nicu-trainer models` lists them.  [default: ncnn]"),
    click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder of the run."),
    click.option("--epochs", type=click.IntRange(1), help="At most; the recipe's number if absent."),
    click.option("--seed", type=click.IntRange(0), help="Of the folds and of the training."),
    click.option("--device", type=click.Choice(["auto", "cpu", "cuda"])),
    click.option("--set", "settings", multiple=True, metavar="FIELD=VALUE", help="Any field: training.batch_size=32"),
)


def experiment_options(function: Function) -> Function:
    """Add the options that describe an experiment to a command."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def cluster_option(function: Function) -> Function:
    """Add the option that names a Ray cluster to a command."""
    return click.option(
        "--cluster",
        metavar="ADDRESS",
        help="Train on a Ray cluster: HOST:PORT of its head, or `auto`.  [default: on this machine]",
    )(function)


@contextmanager
def open_cluster(address: str | None, jobs: int | None = None) -> "Iterator[Cluster | None]":
    """Connect to a Ray cluster; None for none.

    Args:
        address: What `--cluster` says.
        jobs: What `--jobs` says.

    Raises:
        UsageError: Both are given.
        SettingsError: Ray is not installed, authentication is off, or the token is wrong.
        TrainingError: No cluster answers there.
    """
    if address is None:
        yield None
        return
    if jobs is not None:
        raise click.UsageError("a cluster decides itself how many folds it trains at the same time: leave out --jobs")
    from trainer.experiments.cluster import Cluster

    with Cluster(address) as cluster:
        yield cluster


_SHARE = NumberRange(0.0, 1.0, min_open=True, max_open=True)
_OPERATING = (
    click.option(
        "--sensitivity",
        multiple=True,
        type=_SHARE,
        help="Operating point: chosen on each fold's inner infants to reach it; may be repeated.  [default: 0.9]",
    ),
    click.option(
        "--false-alarm-rate",
        multiple=True,
        type=_SHARE,
        help="Likewise, for at most this share of the pictures without pain.  [default: 0.1]",
    ),
    click.option(
        "--group", "groups", multiple=True, help="Column of the manifests to group by; may be repeated.  [default: all]"
    ),
    click.option("--prevalence", type=_SHARE, help="Share of pain for the net benefit.  [default: the pictures']"),
)


def operating_options(function: Function) -> Function:
    """Add the options that choose operating points and the prevalence of the net benefit."""
    for option in reversed(_OPERATING):
        function = option(function)
    return function


def operating_targets(
    sensitivities: tuple[float, ...], false_alarm_rates: tuple[float, ...]
) -> tuple[OperatingTarget, ...]:
    """Return the operating points that are asked for; the default ones where none is."""
    wanted = tuple(OperatingTarget("sensitivity", value) for value in sensitivities)
    wanted += tuple(OperatingTarget("false-alarm rate", value) for value in false_alarm_rates)
    return wanted or DEFAULT_TARGETS


def config_from(
    manifest: Path | None, config: Path | None, given: dict[str, Any], settings: tuple[str, ...]
) -> ExperimentConfig:
    """Return the configuration that a command line describes.

    Args:
        manifest: Argument; wins over the file's.
        config: YAML file.
        given: Nested fields from options; None values are left out.
        settings: `path.to.field=value` entries, values read as YAML.

    Raises:
        SettingsError: Something is missing or wrong.
    """
    changes = _without_none(given)
    if manifest is not None:
        changes["manifest"] = str(manifest)
    if manifest is None and config is None:
        raise SettingsError("give a manifest, or a configuration that names one with --config")
    for entry in settings:
        changes = deep_merge(changes, _entry(entry))
    return read_config(config, changes)


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    present = {}
    for name, value in values.items():
        inner = _without_none(value) if isinstance(value, dict) else value
        if inner is not None and inner != {}:
            present[name] = inner
    return present


def _entry(text: str) -> dict[str, Any]:
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise SettingsError(f"--set {text!r} must look like training.epochs=5")
    try:
        content: Any = yaml.safe_load(value)
    except (ValueError, yaml.YAMLError) as error:
        raise SettingsError(f"--set {text!r}: the value is no YAML ({error})") from error
    for part in reversed(path.split(".")):
        content = {part: content}
    entry: dict[str, Any] = content
    return entry
