"""Crops of synthetic infants, found and cut exactly as the monitor finds and cuts faces."""

from collections.abc import Callable
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.config import FaceSettings
from monitor.faces import Face, PatientTracker, TrackedFace
from monitor.video.frame import Frame
from trainer.crops import CropSet, cut_wide, pad_px
from trainer.demo.moments import make_bed, pick_moments
from trainer.detection import open_detector
from trainer.errors import DataError
from trainer.networks import InputContract
from trainer.process_pool import open_process_pool

__all__ = ["DemoDataset", "collect"]

_PAIN = "pain"
_FRAME_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class DemoDataset:
    """All crops of some infants.

    Attributes:
        crops: With labels: 1 for pain, 0 for everything else.
        states: Shape (n,): what each infant went through.
        missed: Moments in which the detector did not find the infant's face.
    """

    crops: CropSet
    states: NDArray[np.str_]
    missed: int


@dataclass(frozen=True, slots=True)
class _Infant:
    """One infant's crops, as they cross from one process to another."""

    seed: int
    wide: NDArray[np.uint8]
    states: list[str]
    missed: int


def _infant_crops(seed: int, contract: InputContract, detector_bundle: str) -> _Infant:
    cv2.setNumThreads(1)
    detector = open_detector(detector_bundle)
    patient_tracker = PatientTracker(FaceSettings())
    bed = make_bed(seed)
    wide, states, missed = [], [], 0
    for index, moment in enumerate(pick_moments(bed)):
        image, truth = bed.frame(moment.seconds)
        # The moments follow each other as frames of a camera do: the tracker then keeps its track between them.
        frame_faces = patient_tracker.update(Frame(image, index * _FRAME_SECONDS, None, index), detector)
        face = _patient(frame_faces.faces, truth.face)
        if face is None:
            missed += 1
            continue
        wide.append(cut_wide(image, face.box, contract))
        states.append(moment.state)
    side = contract.size_px + 2 * pad_px(contract)
    return _Infant(seed, np.array(wide, np.uint8).reshape(-1, side, side, 3), states, missed)


def _patient(seen: tuple[TrackedFace, ...], truth: Face | None) -> Face | None:
    """Return the face that is the infant's."""
    if truth is None:
        return None
    near = (tracked.face for tracked in seen if tracked.face.box.distance_px(truth.box) < 0.5 * truth.box.size_px)
    return next(near, None)


def collect(
    seeds: list[int],
    contract: InputContract,
    *,
    folder: Path,
    detector_bundle: str,
    jobs: int,
    progress: Callable[[int], None] = lambda _: None,
) -> DemoDataset:
    """Draw infants and cut their faces; what was done before an interruption is not done again.

    Args:
        seeds: One infant each.
        contract: For which input.
        folder: Where each infant's crops are stored.
        detector_bundle: Which detector.
        jobs: Processes.
        progress: Called with the number of infants done.

    Raises:
        BundleError: There is no such detector.
        DataError: The detector found no face at all, or a process was killed.
    """
    open_detector(detector_bundle)  # a missing bundle is reported once, before any process starts
    folder.mkdir(parents=True, exist_ok=True)
    waiting = [seed for seed in seeds if not _file(folder, seed, contract).exists()]
    progress(len(seeds) - len(waiting))
    with open_process_pool(jobs, "start the same command again to go on, with fewer --jobs") as pool:
        futures = [pool.submit(_infant_crops, seed, contract, detector_bundle) for seed in waiting]
        for done, future in enumerate(as_completed(futures), start=len(seeds) - len(waiting) + 1):
            _store(folder, future.result(), contract)
            progress(done)
    return _assemble([_load(folder, seed, contract) for seed in seeds], contract)


def _file(folder: Path, seed: int, contract: InputContract) -> Path:
    return folder / f"infant{seed}_{contract.size_px}px_margin{contract.margin:g}.npz"


def _store(folder: Path, infant: _Infant, contract: InputContract) -> None:
    path = _file(folder, infant.seed, contract)
    part = path.with_suffix(".part")
    with part.open("wb") as stream:
        np.savez_compressed(stream, wide=infant.wide, states=np.array(infant.states, str), missed=infant.missed)
    part.replace(path)


def _load(folder: Path, seed: int, contract: InputContract) -> _Infant:
    with np.load(_file(folder, seed, contract)) as content:
        return _Infant(seed, content["wide"], content["states"].tolist(), int(content["missed"]))


def _assemble(infants: list[_Infant], contract: InputContract) -> DemoDataset:
    seen = [infant for infant in infants if infant.states]
    if not seen:
        raise DataError("the detector found no face of any synthetic infant; rebuild its bundle")
    states = np.array([state for infant in seen for state in infant.states])
    subjects = np.array([f"synthetic/{infant.seed}" for infant in seen for _ in infant.states])
    crops = CropSet(
        np.concatenate([infant.wide for infant in seen]), (states == _PAIN).astype(np.float32), subjects, contract
    )
    return DemoDataset(crops, states, sum(infant.missed for infant in infants))
