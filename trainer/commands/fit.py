"""`nicu-trainer fit`: the final model, and the bundle that the monitor loads."""

from pathlib import Path
from typing import Any

import click

from monitor.cli_framework import examples
from monitor.inference.manifest import Generation
from trainer.checkpoint import DEFAULT_LICENCE
from trainer.commands.options import cluster_option, config_from, experiment_options, open_cluster
from trainer.evaluation.clip_results import read_clip_results
from trainer.experiments import open_run
from trainer.training.determinism import pinned_threads

__all__ = ["command"]


@click.command(
    name="fit",
    epilog=examples("nicu-trainer fit stills.manifest.csv --model ncnn --judged-by runs/ncnn"),
)
@experiment_options
@cluster_option
@click.option("--judged-by", type=click.Path(path_type=Path), help="Strict run of the same model; gives its metrics.")
@click.option(
    "--ensemble-of", type=click.Path(path_type=Path), help="Run whose folds' networks become one; no training."
)
@click.option(
    "--clips", type=click.Path(path_type=Path), help="What `evaluate-clips` wrote of that run; goes into the card."
)
@click.option("--name", default=None, help="Of the bundle; default: the folder's name.")
@click.option("--generation", type=click.Choice(["clinical-research", "demo"]), default="clinical-research")
@click.option("--licence", default=DEFAULT_LICENCE, help="Of the weights.")
@click.option("--bundle/--no-bundle", "with_bundle", default=True, help="Make the monitor's bundle, too.")
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
    cluster: str | None,
    judged_by: Path | None,
    ensemble_of: Path | None,
    clips: Path | None,
    name: str | None,
    generation: Generation,
    licence: str,
    with_bundle: bool,
) -> None:
    """Train a model on all infants of MANIFEST, or join the networks of a cross-validation's folds.

    The folder gets model.pt and, unless --no-bundle is given, the folder `bundle` for `models.classifier`.
    """
    from trainer.commands.display import RunDisplay
    from trainer.experiments.fitting import FinalModel, ensemble_of_folds, fit_all, write_bundle
    from trainer.explanation import count_empty_maps

    videos = None if clips is None else read_clip_results(clips)
    if ensemble_of is not None:
        if cluster is not None:
            raise click.UsageError("--ensemble-of trains nothing: leave out --cluster")
        run = open_run(ensemble_of)
        folder = out or ensemble_of / "ensemble"
        source = run.config
        path = ensemble_of_folds(
            run, folder, FinalModel(name or f"{run.config.model}-folds", generation, licence), videos
        )
    else:
        training = {"epochs": epochs, "seed": seed, "device": device}
        given: dict[str, Any] = {"model": model, "protocol": {"seed": seed}, "training": training}
        experiment = source = config_from(manifest, config, given, settings)
        stem = experiment.manifest.stem.removesuffix(".manifest")
        folder = out or Path("runs") / f"{stem}-{experiment.model}-final"
        cross_validation = None if judged_by is None else open_run(judged_by)
        final = FinalModel(name or folder.name, generation, licence)
        with open_cluster(cluster) as found, RunDisplay() as display:
            if found is None:
                path = fit_all(experiment, folder, final, cross_validation, display, videos)
            else:
                path = found.fit(experiment, folder, final, cross_validation, display, videos)
    click.echo(f"Model: {path}")
    with pinned_threads(1):
        for sentence in count_empty_maps(path, source.manifest, source.crops):
            click.echo(sentence)
    if with_bundle:
        write_bundle(path, folder / "bundle")
        click.echo(
            f"Bundle: {folder / 'bundle'}. In the monitor's configuration: models.classifier: {folder / 'bundle'}"
        )
