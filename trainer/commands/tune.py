"""`nicu-trainer tune`: search settings inside each fold, and test what was found on infants that took no part."""

from pathlib import Path
from typing import Any

import click

from monitor.cli_framework import examples
from trainer.commands.cv import cores, summary_lines
from trainer.commands.options import cluster_option, config_from, experiment_options, open_cluster
from trainer.errors import SettingsError

__all__ = ["command", "searched", "trial_lines"]


@click.command(
    name="tune",
    epilog=examples(
        "nicu-trainer tune cope.manifest.csv --model mimic --trials 30 --out runs/mimic-tuned",
        "nicu-trainer tune cope.manifest.csv --search training.mixup=0:0.4 --search copies=2,8",
    ),
)
@experiment_options
@click.option("--trials", type=click.IntRange(2, 10_000), help="Settings that are tried in each fold.  [default: 20]")
@click.option(
    "--search",
    "searches",
    multiple=True,
    metavar="FIELD=LOW:HIGH[:log|:whole]|A,B,...",
    help="Field of training, copies or augmentation; may be repeated.  [default: step, weight decay, smoothing]",
)
@click.option(
    "--jobs", type=click.IntRange(1, 256), help="Folds at the same time.  [default: one a core; one on a GPU]"
)
@cluster_option
def command(
    *,
    manifest: Path | None,
    config: Path | None,
    model: str | None,
    out: Path | None,
    epochs: int | None,
    seed: int | None,
    device: str | None,
    settings: tuple[str, ...],
    trials: int | None,
    searches: tuple[str, ...],
    jobs: int | None,
    cluster: str | None,
) -> None:
    """Search the best settings of a network in each fold of the strict protocol (nested cross-validation).

    The settings are chosen by the loss on the fold's inner infants; the tested infants take no part. The run is like
    one of `cv`, for all commands. A search that was interrupted goes on when the same command is given again. Needs the
    extra `tune`.
    """
    from trainer.commands.display import RunDisplay
    from trainer.experiments import cross_validate

    given: dict[str, Any] = {
        "model": model,
        "protocol": {"name": "strict", "seed": seed},
        "training": {"epochs": epochs, "seed": seed, "device": device},
        "tuning": {"trials": trials, "seed": seed or 0, "space": searched(searches) or None},
    }
    experiment = config_from(manifest, config, given, settings)
    folder = out or Path("runs") / f"{experiment.manifest.stem.removesuffix('.manifest')}-{experiment.model}-tuned"
    with open_cluster(cluster, jobs) as found, RunDisplay() as display:
        results = cross_validate(experiment, folder, display, jobs or cores(experiment), found)
    for line in (*summary_lines(results), *trial_lines(results)):
        click.echo(line)
    click.echo(f"Run: {folder}. Next: nicu-trainer compare RUN...")


def searched(entries: tuple[str, ...]) -> dict[str, Any]:
    """Return the fields that are searched, with their ranges or choices.

    Raises:
        SettingsError: An entry is not written like `copies=2,8` or `training.mixup=0:0.4`.
    """
    space: dict[str, Any] = {}
    for entry in entries:
        name, equals, text = entry.partition("=")
        low, *rest = text.split(":")
        try:
            if rest:
                high, *words = rest
                space[name] = {"low": float(low), "high": float(high), **dict.fromkeys(words, True)}
            else:
                space[name] = [_value(word) for word in text.split(",")]
        except ValueError:
            equals = ""
        if not (name and equals and text):
            raise SettingsError(f"--search {entry!r} must look like copies=2,8 or training.mixup=0:0.4 (:log, :whole)")
    return space


def _value(word: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word.strip()


def trial_lines(results: dict[str, Any]) -> list[str]:
    """Return what each fold chose, for people."""
    lines = []
    for fold in results["training"]:
        losses = [trial["inner_loss"] for trial in fold["trials"] if trial["inner_loss"] is not None]
        chosen = ", ".join(
            f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in fold["tuned"].items()
        )
        lines.append(
            f"fold {fold['fold'] + 1}: {chosen}; inner loss {min(losses):.3f}, from {max(losses):.3f} of the worst of "
            f"{len(fold['trials'])} trials"
        )
    return lines
