"""`nicu-trainer report`: everything about several runs on one page."""

from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress, TaskID

from monitor.cli_framework import examples
from trainer.commands.options import operating_options, operating_targets
from trainer.evaluation.bootstrap import RESAMPLES
from trainer.explanation import METHOD_NAMES
from trainer.reporting import DEFAULT_TITLE

__all__ = ["command"]


class _Bars:
    """One bar for each step.

    Args:
        progress: Where they are drawn.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def begin(self, title: str, pictures: int) -> None:
        """Finish the bar before, and start the next one."""
        self.finish()
        self._task = self._progress.add_task(title, total=pictures or None)

    def advance(self, done: int) -> None:
        """Move it."""
        if self._task is not None:
            self._progress.update(self._task, completed=done)

    def finish(self) -> None:
        """Fill the last bar."""
        if self._task is not None:
            self._progress.update(self._task, total=1, completed=1)


@click.command(name="report", epilog=examples("nicu-trainer report runs/ncnn runs/resnet50 --out runs/report"))
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of the report.")
@click.option("--title", default=DEFAULT_TITLE, show_default=True)
@click.option("--reference", help="Model that the others are paired with.  [default: ncnn, else the first]")
@click.option("--resamples", type=click.IntRange(100, 100_000), default=RESAMPLES, show_default=True)
@operating_options
@click.option(
    "--clips",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder that `nicu-trainer evaluate-clips` wrote; may be repeated.",
)
@click.option("--explain/--no-explain", "with_maps", default=True, help="Heat maps and interventions: the slow part.")
@click.option("--pictures", type=click.IntRange(1, 40), default=4, show_default=True, help="Rows of each figure.")
@click.option("--scored", type=click.IntRange(0), default=24, show_default=True, help="Pictures whose maps are scored.")
@click.option("--intervened", type=click.IntRange(0), default=200, show_default=True, help="Pictures that are changed.")
@click.option(
    "--probed", type=click.IntRange(0), default=400, show_default=True, help="Pictures whose features are tried."
)
@click.option(
    "--method",
    "methods",
    multiple=True,
    type=click.Choice(METHOD_NAMES),
    default=("grad-cam", "integrated-gradients"),
    show_default=True,
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Decides which pictures.")
def command(
    *,
    runs: tuple[Path, ...],
    out: Path,
    title: str,
    reference: str | None,
    resamples: int,
    with_maps: bool,
    pictures: int,
    scored: int,
    intervened: int,
    probed: int,
    methods: tuple[str, ...],
    seed: int,
    sensitivity: tuple[float, ...],
    false_alarm_rate: tuple[float, ...],
    prevalence: float | None,
    groups: tuple[str, ...],
    clips: tuple[Path, ...],
) -> None:
    """Write report.html, one page that needs nothing else, and report.md about RUNS.

    Of each model and data set one run is explained, the strict one where there is one; what was explained before into
    the same folder is taken as it is.
    """
    from trainer.reporting import ExplanationSettings, ReportSettings, write_report

    explanation = ExplanationSettings(pictures, scored, intervened, probed, methods, seed) if with_maps else None
    settings = ReportSettings(
        title,
        reference,
        resamples,
        operating_targets(sensitivity, false_alarm_rate),
        prevalence,
        groups,
        clips,
        explanation,
    )
    with Progress(console=Console(stderr=True)) as progress:
        bars = _Bars(progress)
        written = write_report(runs, out, settings, bars)
        bars.finish()
    for path in written:
        click.echo(f"Report: {path}")
