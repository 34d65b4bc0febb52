"""What is explained: pictures, each with networks that did not learn from it wherever that can be known."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.checkpoint import find_model, read_model
from trainer.crops import CropSet, Study, open_study
from trainer.errors import DataError, SettingsError
from trainer.experiments import open_run
from trainer.explanation.methods import members_of
from trainer.networks import InputContract, PainNetwork, prepare_crops

__all__ = ["ExplanationInput", "Part", "open_explanation_input"]

_RUN_NAME = "run.json"


@dataclass(frozen=True, slots=True)
class Part:
    """Networks, and the pictures that they are explained on.

    Attributes:
        networks: At least one, in evaluation mode; their mean probability is the answer.
        temperatures: By which each network's logit is divided.
        rows: Shape (k,): rows of the study, each with a face.
    """

    networks: tuple[PainNetwork, ...]
    temperatures: tuple[float, ...]
    rows: NDArray[np.int64]

    def scores(self, inputs: torch.Tensor) -> NDArray[np.float64]:
        """Return the calibrated probability of pain, shape (N,).

        Args:
            inputs: Shape (N, 3, S, S), prepared as the input contract says.
        """
        with torch.inference_mode():
            each = [
                torch.sigmoid(network(inputs) / temperature)
                for network, temperature in zip(self.networks, self.temperatures, strict=True)
            ]
        mean: NDArray[np.float64] = torch.stack(each).mean(dim=0).double().cpu().numpy()
        return mean

    def keeping(self, rows: NDArray[np.int64]) -> "Part":
        """Return the same networks with those of their pictures that are among `rows`, in the order of `rows`."""
        return Part(self.networks, self.temperatures, rows[np.isin(rows, self.rows)])


@dataclass(frozen=True, slots=True)
class ExplanationInput:
    """Everything that an explanation works on.

    Attributes:
        title: The model, in words.
        study: The pictures.
        crops: Their crops.
        parts: One for each fold of a run, or the only one of a checkpoint. No picture lies in two.
        is_unseen: Whether no network learnt from the pictures it is explained on.
    """

    title: str
    study: Study
    crops: CropSet
    parts: tuple[Part, ...]
    is_unseen: bool

    @property
    def contract(self) -> InputContract:
        """The networks' input."""
        return self.crops.contract

    def exact(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the crops that the monitor would cut, shape (k, S, S, 3)."""
        return self.crops.exact(rows)

    def inputs(self, rows: NDArray[np.int64]) -> torch.Tensor:
        """Return the networks' input for some rows, shape (k, 3, S, S)."""
        return prepare_crops(torch.from_numpy(self.exact(rows)), self.contract)

    def rows_by_hash(self) -> dict[str, int]:
        """Return the row of every picture that is explained here, by the SHA-256 of its file."""
        return {self.study.records[row].sha256: int(row) for part in self.parts for row in part.rows}

    def chosen(self, count: int, seed: int = 0) -> NDArray[np.int64]:
        """Choose pictures: both labels in turn, and another subject each time as long as there are some.

        Args:
            count: At most so many.
            seed: Decides which.

        Returns:
            Rows of the study, shape (k,), the labels alternating.
        """
        rows = np.random.default_rng(seed).permutation(np.concatenate([part.rows for part in self.parts]))
        queues = [_by_turns(rows[self.study.labels[rows] == label], self.study.subjects) for label in (1.0, 0.0)]
        result: list[int] = []
        while any(queues) and len(result) < count:
            fuller = max(queues, key=len)
            queue = queues[len(result) % 2] or fuller
            result.append(queue.pop(0))
        return np.array(result, dtype=np.int64)


def _by_turns(rows: NDArray[np.int64], subjects: NDArray[np.str_]) -> list[int]:
    """Return the rows in rounds, in each of which a subject comes once at most."""
    taken: dict[str, int] = {}
    order = []
    for position, row in enumerate(rows):
        taken[str(subjects[row])] = taken.get(str(subjects[row]), 0) + 1
        order.append((taken[str(subjects[row])], position, int(row)))
    return [row for _, _, row in sorted(order)]


def open_explanation_input(source: Path, manifest: Path | None, crops: Path | None) -> ExplanationInput:
    """Open what is to be explained.

    Args:
        source: Folder of a cross-validation, whose every picture is explained by the networks of the fold that tested
            it; or a trained model (`model.pt` or its folder).
        manifest: The pictures, for a trained model. A cross-validation brings its own.
        crops: Where `nicu-trainer crop` wrote; beside the manifest if absent.

    Raises:
        SettingsError: A manifest is missing, or is given where it has no meaning.
        CheckpointError: The model, or a fold's networks, cannot be read.
        DataError: The pictures are missing, or none has a face.
    """
    if source.is_dir() and (source / _RUN_NAME).is_file():
        if manifest is not None:
            raise SettingsError(
                f"{source} is a cross-validation, which is explained on its own test pictures: leave --manifest away, "
                "or name a trained model (model.pt)"
            )
        return _from_run(source, crops)
    path = find_model(source)
    if manifest is None:
        raise SettingsError(f"{path} is a trained model; name the pictures to explain it on with --manifest")
    return _from_model(path, manifest, crops)


def _from_run(folder: Path, crops: Path | None) -> ExplanationInput:
    run = open_run(folder)
    study = run.study(crops)
    folds = run.folds(study).folds
    parts = []
    for fold, rows in zip(folds, _once_each([fold.test for fold in folds]), strict=True):
        trained = run.fold_networks(fold.index)
        networks = tuple(_laid_out(trained.networks))
        parts.append(Part(networks, (trained.temperature,) * len(networks), rows))
    contract = InputContract.model_validate(run.record["contract"])
    return ExplanationInput(run.title, study, study.crop_set(contract), tuple(parts), is_unseen=True)


def _once_each(tested: list[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """Return the tested rows of each fold so that every row is in one: the dissertation's folds all test the same."""
    rows, times = np.unique(np.concatenate(tested), return_counts=True)
    turn = dict(zip(rows.tolist(), (np.arange(len(rows)) % times).tolist(), strict=True))
    chosen_rows: list[NDArray[np.int64]] = []
    for own in tested:
        chosen_rows.append(np.array([row for row in own.tolist() if turn[row] == 0], np.int64))
        for row in own.tolist():
            turn[row] -= 1
    return chosen_rows


def _from_model(path: Path, manifest: Path, crops: Path | None) -> ExplanationInput:
    model = read_model(path)
    study = open_study(manifest, crops)
    rows = np.flatnonzero(study.is_main & study.has_face)
    if not len(rows):
        raise DataError(f"no picture of {manifest} has a face to explain")
    networks = tuple(_laid_out(members_of(model.network)))
    own = getattr(model.network, "temperatures", torch.ones(len(networks))).flatten().tolist()
    temperatures = tuple(float(value) * model.record.temperature for value in own)
    part = Part(networks, temperatures, rows)
    return ExplanationInput(model.record.name, study, study.crop_set(model.record.contract), (part,), is_unseen=False)


def _laid_out(networks: Iterable[PainNetwork]) -> list[PainNetwork]:
    """Return networks with weights in the memory layout of the crops, which is the quicker one on a CPU."""
    return [network.to(memory_format=torch.channels_last) for network in networks]  # type: ignore[call-overload]  # stub lacks it
