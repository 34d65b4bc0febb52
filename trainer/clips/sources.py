"""What scores the videos: a bundle as the station runs it, a trained model, or the folds of a run."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from monitor.config import StationConfig
from monitor.pipeline.models import ModelSet, WorkerModels
from trainer.checkpoint import MODEL_NAME, bare_name, read_model
from trainer.clips.labels import Clip
from trainer.clips.scores import FrameScores, NetworkScorer, detection_threads, score_video, with_network
from trainer.errors import DataError
from trainer.evaluation.clip_results import Evaluated
from trainer.experiments import Run, open_run
from trainer.networks import InputContract

__all__ = ["opened_source"]

_RUN_NAME = "run.json"


@contextmanager
def opened_source(
    source: Path, clips: Sequence[Clip], config: StationConfig, cache: Path
) -> Iterator[tuple[Callable[[Path, str], FrameScores], str, Evaluated]]:
    """Open what scores the videos.

    Args:
        source: A bundle's folder or name, `model.pt` or its folder, or a run's folder: each infant is then scored by
            the fold that tested it, so that no network has seen it.
        clips: For whose infants a run must have a fold.
        config: Of the station.
        cache: Where scores are stored.

    Yields:
        The function that scores a video of an infant, what it is in words, and what identifies it.

    Raises:
        DataError: An infant of the clips was not tested by the run.
        MonitorError: A bundle cannot be read or run.
        CheckpointError: The model cannot be read.
    """
    is_run, is_model = (source / _RUN_NAME).is_file(), source.suffix == ".pt" or (source / MODEL_NAME).is_file()
    if not (is_run or is_model):
        chosen = config.models.model_copy(update={"classifier": str(source)})
        config = config.model_copy(update={"models": chosen})
    models = ModelSet(config.models, config.faces)
    worker = models.open(threads=detection_threads())
    try:
        if is_run:
            yield _of_run(open_run(source), clips, config, worker, cache, models.detector.sha256)
        elif is_model:
            trained = read_model(source)
            record = trained.record
            scorer = NetworkScorer([trained.network], record.temperature, record.contract)
            own = with_network(worker, scorer, record.contract, record.training_prior)
            yield (
                lambda video, _: score_video(video, config, own, cache, models.detector.sha256 + trained.sha256),
                f"model {record.name}",
                Evaluated("model", record.name, trained.sha256),
            )
        else:
            key = models.detector.sha256 + models.classifier.sha256
            bundle = models.classifier
            own_name = Evaluated("bundle", bundle.name, bundle.sha256)
            yield lambda video, _: score_video(video, config, worker, cache, key), f"bundle {bundle.name}", own_name
    finally:
        worker.close()


def _of_run(
    run: Run, clips: Sequence[Clip], config: StationConfig, worker: WorkerModels, cache: Path, worker_key: str
) -> tuple[Callable[[Path, str], FrameScores], str, Evaluated]:
    fold_of = _folds_of(run)
    unknown = sorted({clip.infant for clip in clips} - set(fold_of))
    if unknown:
        raise DataError(
            f"the run {run.folder} tested no infant named {', '.join(unknown[:5])}; name the infants as its manifest "
            f"does, such as {next(iter(fold_of), '-')}, or evaluate a model instead"
        )
    contract = InputContract.model_validate(run.record["contract"])
    share = _share_of_pain(run)
    opened: dict[int, WorkerModels] = {}

    def score(video: Path, infant: str) -> FrameScores:
        fold = fold_of[infant]
        prior = 0.5 if run.balances_classes(fold) else share
        if fold not in opened:
            found = run.fold_networks(fold)
            scorer = NetworkScorer(found.networks, found.temperature, contract)
            opened[fold] = with_network(worker, scorer, contract, prior)
        # Networks that were trained again, or elsewhere, have other weights: these alone name the scores.
        key = f"{worker_key} {run.networks_sha256(fold)} {contract.model_dump_json()} {prior}"
        return score_video(video, config, opened[fold], cache, key)

    identity = Evaluated("run", run.folder.name, run.all_networks_sha256())
    return score, f"run {run.folder.name}, each infant by the fold that did not see it", identity


def _folds_of(run: Run) -> dict[str, int]:
    """Return the fold that tested each subject, also by its name without the data set where that names one alone.

    Raises:
        DataError: The run is of the dissertation protocol, whose folds share infants.
    """
    if run.protocol != "strict":
        raise DataError(f"every fold of the run {run.folder} has seen the infants; use a run of the strict protocol")
    table = run.predictions()
    found = {str(subject): int(fold) for subject, fold in zip(table.subjects, table.fold, strict=True)}
    # A folder of clips knows no data set, whose name a manifest puts before each infant's.
    bare = Counter(bare_name(subject) for subject in found)
    return {bare_name(subject): fold for subject, fold in found.items() if bare[bare_name(subject)] == 1} | found


def _share_of_pain(run: Run) -> float:
    table = run.predictions()
    return float(table.labels[table.is_main].mean())
