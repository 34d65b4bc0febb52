"""A finished (or half finished) run's folder, read back."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer.crops import Study, open_study
from trainer.errors import CheckpointError, DataError
from trainer.evaluation.results import PredictionTable
from trainer.experiments.config import ExperimentConfig
from trainer.experiments.files import FOLDS_NAME, INNER_NAME, METRICS_NAME, NETWORKS_NAME, PREDICTIONS_NAME, RUN_NAME
from trainer.protocols import FoldMap, read_fold_map
from trainer.training import EpochReport

if TYPE_CHECKING:
    from trainer.networks import PainNetwork

__all__ = ["EXTERNAL", "FoldNetworks", "Run", "open_run"]

EXTERNAL = "external"
"""Protocol of a run that `nicu-trainer evaluate` left: a finished model on pictures that it did not learn from."""


@dataclass(frozen=True, slots=True)
class FoldNetworks:
    """One fold's trained networks, in evaluation mode.

    Attributes:
        networks: One, or the members of an ensemble.
        temperature: By which their logits are divided.
    """

    networks: "list[PainNetwork]"
    temperature: float


@dataclass(frozen=True, slots=True)
class Run:
    """A run's folder.

    Attributes:
        folder: Where it is.
        record: The content of run.json.
    """

    folder: Path
    record: dict[str, Any]

    @property
    def config(self) -> ExperimentConfig:
        """The configuration that it ran with."""
        return ExperimentConfig.model_validate(self.record["config"])

    @property
    def protocol(self) -> str:
        """Name of the protocol: `strict`, `dissertation`, or `external` where a finished model was evaluated."""
        return str(self.record.get("protocol") or self.record["config"]["protocol"]["name"])

    @property
    def is_external(self) -> bool:
        """Whether a finished model was evaluated and nothing was trained."""
        return self.protocol == EXTERNAL

    @property
    def title(self) -> str:
        """The model's title in tables."""
        return str(self.record["title"])

    def metrics(self) -> dict[str, Any]:
        """Return the content of metrics.json.

        Raises:
            DataError: The run is not finished.
        """
        path = self.folder / METRICS_NAME
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise DataError(f"the run {self.folder} is not finished; start the same command again to go on") from None
        except (OSError, ValueError) as error:
            raise DataError(f"{path} cannot be read: {error}") from error
        return content

    def predictions(self) -> PredictionTable:
        """Return all answers.

        Raises:
            DataError: The run is not finished, or its file is damaged.
        """
        return PredictionTable.read(self.folder / PREDICTIONS_NAME)

    def inner(self) -> PredictionTable | None:
        """Return the answers for inner infants; None in runs of the dissertation protocol or of earlier versions.

        Raises:
            DataError: The file is damaged.
        """
        path = self.folder / INNER_NAME
        return PredictionTable.read(path) if path.exists() else None

    def study(self, crops: Path | None = None) -> Study:
        """Return the pictures that it ran on.

        Args:
            crops: Where the same crops lie now, if not where they were.

        Raises:
            DataError: They are gone, or other crops than the run's are cut from them now.
        """
        study = open_study(self.config.manifest, crops or self.config.crops)
        if self.record.get("crops_sha256", study.crops_sha256) != study.crops_sha256:
            raise DataError(
                f"the faces in {study.folder} are others now than when the run {self.folder} was made; "
                "keep other faces in a folder of their own with `nicu-trainer crop --out`"
            )
        return study

    def folds(self, study: Study) -> FoldMap:
        """Return the fold map.

        Raises:
            DataError: It is gone, or the pictures are others now.
        """
        return read_fold_map(self.folder / FOLDS_NAME, study)

    def fold_networks(self, fold: int) -> FoldNetworks:
        """Return the networks of one fold.

        Raises:
            CheckpointError: The run has none (a baseline), or the fold is not finished.
        """
        from trainer.networks import architectures
        from trainer.training import read_checkpoint

        if "network" not in self.record:
            what = "evaluated a finished model" if self.is_external else "is of a baseline"
            raise CheckpointError(f"the run {self.folder} {what} and has no network of its own")
        content = read_checkpoint(self.folder / f"fold{fold}" / NETWORKS_NAME)
        given = self.record["network"]
        networks = []
        for state in content["states"]:
            network = architectures()[given["architecture"]].create(given["settings"])
            try:
                network.load_state_dict(state)
            except RuntimeError as error:
                raise CheckpointError(f"the weights of fold {fold + 1} of {self.folder} do not fit: {error}") from error
            network.eval()
            networks.append(network)
        return FoldNetworks(networks, float(content["temperature"]))

    def networks_sha256(self, fold: int) -> str:
        """Return the digest of the file of one fold's networks.

        Raises:
            CheckpointError: The fold is not finished.
        """
        path = self.folder / f"fold{fold}" / NETWORKS_NAME
        try:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read: {error.strerror}; finish the run first") from error

    def all_networks_sha256(self) -> str:
        """Return one digest over the files of all folds' networks: it names what this very run has learnt.

        Raises:
            DataError: The run is not finished.
            CheckpointError: A fold's networks are gone.
        """
        folds = sorted({int(fold) for fold in self.predictions().fold})
        digests = (f"{fold} {self.networks_sha256(fold)}\n" for fold in folds)
        return hashlib.sha256("".join(digests).encode()).hexdigest()

    def balances_classes(self, fold: int) -> bool:
        """Return whether a fold's networks learnt with the classes weighted as if equally frequent.

        A search may have chosen so fold by fold. Their probabilities hold for a share of pain of a half then, whatever
        they learnt from.

        Raises:
            DataError: The run is not finished.
        """
        given = self.record["training"].get("balance_classes", False)
        tuned = {entry["fold"]: entry.get("tuned", {}) for entry in self.metrics()["training"]}
        return bool(tuned.get(fold, {}).get("training.balance_classes", given))

    def histories(self) -> list[tuple[int, int, list[EpochReport]]]:
        """Return (fold, member, epochs) of every network whose training checkpoint is still there, in order.

        Raises:
            CheckpointError: A checkpoint is damaged.
        """
        from trainer.training import read_checkpoint

        found = []
        for path in sorted(self.folder.glob("fold*/member*.pt")):
            fold, member = int(path.parent.name.removeprefix("fold")), int(path.stem.removeprefix("member"))
            epochs = [EpochReport(**report) for report in read_checkpoint(path)["history"]]
            found.append((fold, member, epochs))
        return sorted(found, key=lambda entry: entry[:2])


def open_run(folder: Path) -> Run:
    """Open a run's folder.

    Raises:
        DataError: It is none.
    """
    path = folder / RUN_NAME
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{folder} is no run: it has no {RUN_NAME}; `nicu-trainer cv` makes one") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if not isinstance(record, dict) or "config" not in record:
        raise DataError(f"{path} is damaged: it holds no record of a run")
    return Run(folder, record)
