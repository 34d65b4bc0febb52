"""Explains the networks of a run for a report, or takes what an earlier report measured of the very same run."""

import hashlib
import importlib.metadata
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import trainer.explanation
import trainer.networks
from trainer.atomic_file import write_atomically
from trainer.experiments.files import PREDICTIONS_NAME
from trainer.experiments.run import Run
from trainer.training.allocator import retain_freed_memory
from trainer.training.determinism import pinned_threads

__all__ = ["Explained", "ExplanationSettings", "Progress", "draw_beside", "explain_run"]

_RECORD_NAME = "explained.json"


class Progress(Protocol):
    """Is notified how far the slow part of a report, the explanations, has come."""

    def begin(self, title: str, pictures: int) -> None:
        """A step begins, on so many pictures; 0 where it reports nothing until it is done."""
        ...

    def advance(self, done: int) -> None:
        """So many of its pictures are done."""
        ...


@dataclass(frozen=True, slots=True)
class ExplanationSettings:
    """How much is explained.

    Attributes:
        pictures: Rows of each figure.
        scored: Pictures whose maps are scored; 0 for none.
        intervened: Pictures that are changed; 0 for none.
        probed: Pictures on which infants and data sets are distinguished; 0 for none.
        methods: Keys of `trainer.explanation.METHODS`.
        seed: Decides which pictures.
    """

    pictures: int = 4
    scored: int = 24
    intervened: int = 200
    probed: int = 400
    methods: tuple[str, ...] = ("grad-cam", "integrated-gradients")
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Explained:
    """What was found about one run.

    Attributes:
        figures: PNG file of each method.
        scores: From `score_maps`; None if nothing was scored.
        interventions: From `intervene`; None if nothing was changed.
        probes: From `probe_features`; None if nothing was probed.
    """

    figures: dict[str, Path]
    scores: dict[str, Any] | None
    interventions: dict[str, Any] | None
    probes: dict[str, Any] | None


def explain_run(run: Run, folder: Path, settings: ExplanationSettings, progress: Progress) -> Explained:
    """Draw and score where a run's networks look.

    Args:
        run: Of a network.
        folder: Where figures and numbers are stored; what lies there of the same run and settings is taken as it is.
        settings: How much.
        progress: Receives the steps.

    Raises:
        DataError: The pictures are gone.
        CheckpointError: The networks are gone, or a file cannot be written.
    """
    key = _key(run, settings)
    known = _known(folder / _RECORD_NAME, key)
    paths = {method: folder / f"figure2-{method}.png" for method in settings.methods}
    if known is not None and all(path.is_file() for path in paths.values()):
        return Explained(paths, known["scores"], known["interventions"], known["probes"])
    from trainer.explanation import draw_figures, intervene, open_explanation_input, probe_features, score_maps

    with pinned_threads(1), retain_freed_memory():
        explained = open_explanation_input(run.folder, None, None)
        progress.begin(f"{run.title}: drawing", 0)
        written = draw_figures(explained, explained.chosen(settings.pictures, settings.seed), settings.methods, folder)
        scores = interventions = probes = None
        if settings.scored:
            rows = explained.chosen(settings.scored, settings.seed)
            progress.begin(f"{run.title}: scoring maps", len(rows))
            scores = {
                "pictures": len(rows),
                **score_maps(explained, rows, settings.methods, settings.seed, progress.advance),
            }
        if settings.intervened:
            rows = explained.chosen(settings.intervened, settings.seed)
            progress.begin(f"{run.title}: changing {len(rows)} pictures", 0)
            interventions = intervene(explained, rows, settings.seed)
        if settings.probed:
            progress.begin(f"{run.title}: probing features", 0)
            probes = probe_features(explained, settings.probed, settings.seed)
    content = {"key": key, "scores": scores, "interventions": interventions, "probes": probes}
    write_atomically(folder / _RECORD_NAME, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())
    return Explained(dict(zip(settings.methods, written, strict=True)), scores, interventions, probes)


def draw_beside(runs: Sequence[Run], names: Sequence[str], folder: Path, settings: ExplanationSettings) -> Path:
    """Draw Figure 2 for several runs on the same pictures, by the first method that was asked for.

    Args:
        runs: Of networks, on the same pictures.
        names: What each is called where two have one title.
        folder: Where the figure is written.
        settings: How many pictures, and which.

    Raises:
        DataError: The pictures are gone, or none was tested in all runs.
        CheckpointError: The networks are gone, or the file cannot be written.
    """
    from trainer.explanation import draw_side_by_side, open_explanation_input

    with pinned_threads(1), retain_freed_memory():
        several_explained = [open_explanation_input(run.folder, None, None) for run in runs]
        return draw_side_by_side(
            several_explained, names, settings.pictures, settings.methods[0], folder, settings.seed
        )


def _key(run: Run, settings: ExplanationSettings) -> str:
    """Return a digest of the run's answers, of what is asked, and of the program that answers.

    Other answers mean other networks; another program may measure otherwise.
    """
    program = [importlib.metadata.version("nicu-pain-monitor"), _code_sha256()]
    digest = hashlib.sha256((run.folder / PREDICTIONS_NAME).read_bytes())
    digest.update(json.dumps([run.record["fold_map_sha256"], asdict(settings), program]).encode())
    return digest.hexdigest()


def _code_sha256() -> str:
    """Return a digest of the code that explains and of the networks, which say where their feature maps look.

    Between two releases the version stays the same.
    """
    digest = hashlib.sha256()
    for package in (trainer.explanation, trainer.networks):
        for path in sorted(Path(str(package.__file__)).parent.glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _known(path: Path, key: str) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and content.get("key") == key else None
