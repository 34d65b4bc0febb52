"""`nicu-trainer explain`: draw where a network looks, and score the drawings."""

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

from monitor.cli_framework import NumberRange, examples
from trainer.atomic_file import write_atomically
from trainer.evaluation.tables import Table
from trainer.experiments.compare import run_names
from trainer.explanation import METHOD_NAMES, SEGMENT_AT
from trainer.training.allocator import retain_freed_memory
from trainer.training.determinism import pinned_threads

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

    from trainer.explanation import ExplanationInput

__all__ = ["command"]


@click.command(
    name="explain",
    epilog=examples(
        "nicu-trainer explain runs/ncnn --out runs/ncnn/explained",
        "nicu-trainer explain runs/ncnn runs/resnet50 --out figure-2",
    ),
)
@click.argument("sources", metavar="RUN|CHECKPOINT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--manifest", type=click.Path(path_type=Path, dir_okay=False), help="The pictures; a run brings its own.")
@click.option(
    "--crops",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where `nicu-trainer crop` wrote; beside the manifest if absent.",
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of the results.")
@click.option("--pictures", type=click.IntRange(1, 40), default=6, show_default=True, help="Rows of the figure.")
@click.option(
    "--method",
    "methods",
    multiple=True,
    type=click.Choice(METHOD_NAMES),
    default=("grad-cam", "integrated-gradients"),
    show_default=True,
)
@click.option(
    "--segment-at",
    type=NumberRange(0.0, 1.0, min_open=True),
    default=SEGMENT_AT,
    show_default=True,
    help="Share of a heat map's maximum from which on a position belongs to the segmentation.",
)
@click.option(
    "--scored", type=click.IntRange(0), default=24, show_default=True, help="Pictures whose maps are scored; 0: none."
)
@click.option(
    "--intervened",
    type=click.IntRange(0),
    default=200,
    show_default=True,
    help="Pictures that are changed to see whether the answer changes; 0: none.",
)
@click.option(
    "--probed",
    type=click.IntRange(0),
    default=400,
    show_default=True,
    help="Pictures on which probes try to predict infants and data sets from the network's features; 0: none.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Decides which pictures.")
def command(
    *,
    sources: tuple[Path, ...],
    manifest: Path | None,
    crops: Path | None,
    out: Path,
    pictures: int,
    methods: tuple[str, ...],
    segment_at: float,
    scored: int,
    intervened: int,
    probed: int,
    seed: int,
) -> None:
    """Draw the crop, its heat map and the overlay for both answers, as in the dissertation's Figure 2.

    A cross-validation's pictures are explained by the networks of the fold that tested them. A trained model
    (`model.pt`) is explained on the pictures of --manifest. Scores of the maps are printed and written as
    scores.json and scores.md; what happens to the answers when face or background are changed, as
    interventions.json and interventions.md; whether the features distinguish infants or data sets, as probes.json and
    probes.md.

    Of several runs, each gets a folder of its own. One figure shows pictures of pain and of no pain of every run in the
    columns of the dissertation's Figure 2, with the segmentation: the crop where the heat map passes a threshold. Where
    the runs share pictures, another one shows the runs side by side on them.
    """
    from trainer.explanation import draw_figure_two, draw_figures, draw_side_by_side, in_all, open_explanation_input

    with pinned_threads(1), retain_freed_memory():
        folders = list(dict.fromkeys(source.resolve() for source in sources))
        several_explained = [open_explanation_input(source, manifest, crops) for source in folders]
        names, several = run_names(folders), len(several_explained) > 1
        for method in methods if several else ():
            drawn = draw_figure_two(several_explained, pictures, method, out, seed, segment_at)
            click.echo(f"Figure: {drawn}")
            if in_all(several_explained):
                click.echo(f"Figure: {draw_side_by_side(several_explained, names, pictures, method, out, seed)}")
        for explained, name in zip(several_explained, names, strict=True):
            folder = out / name if several else out
            if several:
                click.echo(f"\n{explained.title} ({name})")
            rows = explained.chosen(pictures, seed)
            for path in draw_figures(explained, rows, methods, folder):
                click.echo(f"Figure: {path}")
            if scored:
                _score(explained, scored, methods, seed, folder)
            if intervened:
                _intervene(explained, intervened, seed, folder)
            if probed:
                _probe(explained, probed, seed, folder)
            if not explained.is_unseen:
                click.echo("Whether the model learnt from these pictures is not known here.")


class _Bar:
    """A progress bar whose length is known with the first step.

    Args:
        label: What is done.
    """

    def __init__(self, label: str) -> None:
        self._label, self._done, self._open = label, 0, ExitStack()
        self._bar: ProgressBar[int] | None = None

    def __call__(self, done: int, total: int) -> None:
        """So many steps are done, of so many."""
        if self._bar is None:
            bar = click.progressbar(length=total, label=self._label, file=sys.stderr)
            self._bar = self._open.enter_context(bar)
        self._bar.update(done - self._done)
        self._done = done

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()


def _score(explained: "ExplanationInput", count: int, methods: tuple[str, ...], seed: int, out: Path) -> None:
    """Print and write the scores of some pictures' maps."""
    from trainer.explanation import score_maps, score_tables

    rows = explained.chosen(count, seed)
    with click.progressbar(length=len(rows), label="scoring maps", file=sys.stderr) as bar:
        scores = score_maps(explained, rows, methods, seed, lambda _: bar.update(1))
    content = {"model": explained.title, "pictures": len(rows), "is_unseen": explained.is_unseen, **scores}
    _write_tables(content, score_tables(scores), out, "scores")


def _intervene(explained: "ExplanationInput", count: int, seed: int, out: Path) -> None:
    """Print and write what the answers hang on."""
    from trainer.explanation import intervene, intervention_tables

    with _Bar("changing pictures") as bar:
        results = intervene(explained, explained.chosen(count, seed), seed, bar)
    content = {"model": explained.title, "is_unseen": explained.is_unseen, **results}
    _write_tables(content, intervention_tables(results), out, "interventions")


def _probe(explained: "ExplanationInput", count: int, seed: int, out: Path) -> None:
    """Print and write what the features give away."""
    from trainer.explanation import probe_features, probe_table

    with _Bar("probing features") as bar:
        results = probe_features(explained, count, seed, bar)
    content = {"model": explained.title, "is_unseen": explained.is_unseen, **results}
    _write_tables(content, [probe_table(results)], out, "probes")


def _write_tables(content: dict[str, Any], tables: Sequence[Table], out: Path, stem: str) -> None:
    text = "\n".join(table.markdown() for table in tables)
    write_atomically(out / f"{stem}.json", (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())
    write_atomically(out / f"{stem}.md", text.encode())
    click.echo(text)
    click.echo(f"Written: {out / stem}.json, {out / stem}.md")
