"""`nicu-trainer fit-detector`: teach the face detector tape, tubes and masks, on synthetic infants."""

from math import isnan
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from monitor.cli_framework import NumberRange, examples
from trainer.detection import DEFAULT_DETECTOR

__all__ = ["command"]


@click.command(
    name="fit-detector",
    epilog=examples(
        "nicu-trainer fit-detector --out runs/detector --minutes 30",
        "nicu-trainer fit-detector --out runs/detector --steps 5000 --share 0.15 --seed 1",
    ),
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("runs/detector"), show_default=True
)
@click.option("--detector", default=DEFAULT_DETECTOR, show_default=True, help="Bundle to begin with.")
@click.option("--steps", type=click.IntRange(1, 1_000_000), default=600, show_default=True, help="Of the whole plan.")
@click.option("--minutes", type=NumberRange(0.0, min_open=True), help="Stop after so long; a second run goes on.")
@click.option(
    "--learning-rate", type=NumberRange(0.0, 0.1, min_open=True), default=1e-4, show_default=True,
    help="At the beginning.",
)  # fmt: skip
@click.option(
    "--share",
    type=NumberRange(0.0, 1.0, min_open=True),
    default=1.0,
    show_default=True,
    help="How far from the original's weights to the fitted ones the result lies; may be changed afterwards.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@click.option(
    "--check", "infants", type=click.IntRange(4, 10_000), default=60, show_default=True,
    help="Unseen infants to measure on, before and after.",
)  # fmt: skip
def command(
    *,
    out: Path,
    detector: str,
    steps: int,
    minutes: float | None,
    learning_rate: float,
    share: float,
    seed: int,
    infants: int,
) -> None:
    """Fine-tune a face detector on synthetic infants with tape, tubes, masks and bandages.

    Writes OUT/detector.pt for `nicu-export detector --from OUT`. What it finds of synthetic infants says nothing about
    real ones: measure it with `nicu-trainer check-real` before it is used, and keep the old bundle.
    """
    from monitor.inference.bundle import read_bundle

    bundle = read_bundle(detector, kind="detector")  # what is refused is refused before torch is loaded
    from trainer.checkpoint import Provenance
    from trainer.detector.bundle_weights import read_pretrained
    from trainer.detector.fitted import DETECTOR_NAME, write_fitted
    from trainer.detector_fitting.fitting import StepReport, fit_detector, part_of_the_way
    from trainer.detector_fitting.measuring import Finding, measure, metrics_of, unseen_views
    from trainer.detector_fitting.settings import FitSettings
    from trainer.training.determinism import pinned_threads

    start = read_pretrained(bundle)
    settings = FitSettings(steps=steps, learning_rate=learning_rate, seed=seed)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with pinned_threads(1), Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task("fitting the detector", total=steps)

        def show(report: StepReport) -> None:
            loss = f"face {report.classes:.2f}, box {report.boxes:.2f}, points {report.landmarks:.2f}"
            bars.update(task, completed=report.step, description=f"fitting the detector ({loss})")

        outcome = fit_detector(
            start,
            settings,
            out,
            start_sha256=bundle.sha256,
            seconds=None if minutes is None else 60.0 * minutes,
            progress=show,
        )
        result = part_of_the_way(start, outcome.detector, share)
        drawing = bars.add_task("drawing unseen infants", total=infants)
        views = unseen_views(seed, infants, settings.size_px, lambda done: bars.update(drawing, completed=done))
        before, after = measure(start, views), measure(result, views)
    write_fitted(
        out / DETECTOR_NAME,
        result,
        architecture=f"{bundle.manifest.architecture}, fine-tuned",
        metrics=metrics_of(after),
        provenance=Provenance(
            source=f"{bundle.manifest.provenance.source}; fine-tuned on {outcome.steps * settings.infants_per_step} "
            f"synthetic infants with devices "
            f"(nicu-trainer fit-detector --steps {steps} --learning-rate {learning_rate:g} --share {share:g} "
            f"--seed {seed}, from {bundle.sha256[:12]})",
            licence=bundle.manifest.provenance.licence,
        ).completed(),
    )

    def row(name: str, finding: Finding) -> str:
        values = (finding.bare, finding.devices, finding.goggles, finding.beside)
        return f"| {name} | " + " | ".join("-" if isnan(value) else f"{value:.2f}" for value in values) + " |"

    click.echo(f"{outcome.steps} of {steps} steps; {infants} unseen synthetic infants, two views each:")
    click.echo("| | bare faces found | with devices | under goggles | false boxes |\n|---|---|---|---|---|")
    click.echo(row("before", before) + "\n" + row("after", after))
    if outcome.steps < steps:
        click.echo("The time was over before the plan was: give the same command again to go on.")
    click.echo(f"Detector: {out / DETECTOR_NAME}. Next: nicu-export detector --from {out} --out {out / 'bundle'}")
