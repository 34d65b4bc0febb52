"""`nicu-trainer demo-model`: draw synthetic infants, cut their faces, train N-CNN on them."""

from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from monitor.cli_framework import NumberRange, examples
from trainer.commands.display import ConsoleListener
from trainer.detection import DEFAULT_DETECTOR

__all__ = ["command"]

# Far from the seeds with which demos and tests draw their beds, so that the demo's infants are never the model's.
_FIRST_SEED = 50_000


@click.command(name="demo-model", epilog=examples("nicu-trainer demo-model --out runs/demo --jobs 4"))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("runs/demo"), show_default=True)
@click.option("--infants", type=click.IntRange(6, 10_000), default=84, show_default=True, help="How many to draw.")
@click.option("--epochs", type=click.IntRange(1, 1_000), default=30, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--jobs", type=click.IntRange(1, 256), default=2, show_default=True, help="Processes that draw.")
@click.option("--margin", type=NumberRange(0.0, 1.0), default=0.0, show_default=True, help="Around the face's box.")
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16"]),
    default="float32",
    show_default=True,
    help="bfloat16 is more than twice as fast on a CPU that has it.",
)
@click.option("--detector", default=DEFAULT_DETECTOR, show_default=True, help="Bundle that finds the faces.")
def command(
    *, out: Path, infants: int, epochs: int, seed: int, jobs: int, margin: float, precision: str, detector: str
) -> None:
    """Train the demo model on synthetic infants; a second run goes on where the first was interrupted.

    The result is a model for `nicu-export classifier OUT`. It shows that the software works and says nothing about
    pain in infants.
    """
    from trainer.demo import collect, demo_settings, train_demo
    from trainer.networks import architectures

    contract = architectures()["ncnn"].contract.model_copy(update={"margin": margin})
    seeds = [_FIRST_SEED + number for number in range(infants)]
    console = Console(stderr=True)
    with Progress(console=console) as progress:
        task = progress.add_task("drawing infants", total=infants)
        dataset = collect(
            seeds,
            contract,
            folder=out / "material",
            detector_bundle=detector,
            jobs=jobs,
            progress=lambda done: progress.update(task, completed=done),
        )
    found = len(dataset.states)
    click.echo(f"{found} crops of {infants} infants; the face was not found in {dataset.missed} pictures.")
    fifth = max(1, infants // 6)
    splits = (seeds[: -2 * fifth], seeds[-2 * fifth : -fifth], seeds[-fifth:])
    with ConsoleListener("training N-CNN", epochs, console) as listener:
        outcome = train_demo(dataset, splits, out, demo_settings(epochs, seed, precision), listener)
    for metric in outcome.metrics:
        click.echo(f"{metric.name}: {metric.value:.3f} ({metric.samples} crops of {metric.subjects} unseen infants)")
    click.echo("mean score: " + ", ".join(f"{state} {mean:.2f}" for state, mean in outcome.mean_score.items()))
    click.echo(f"Model: {outcome.model}. Next: nicu-export classifier {out} --out {out / 'bundle'}")
