"""One video through detector, tracker, visibility and classifier, once; the scores are stored for every later try."""

import hashlib
import io
import itertools
import json
import math
import os
import time
import zipfile
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

import monitor
from monitor.config import StationConfig
from monitor.faces.crop import CropSpec
from monitor.inference.classifier import Classifier
from monitor.pain.vocabulary import Visibility
from monitor.pipeline.bed_pipeline import BedPipeline
from monitor.pipeline.models import WorkerModels
from monitor.video.freeze_dark_detector import FreezeDarkDetector
from monitor.video.reader import open_video
from trainer.atomic_file import write_atomically
from trainer.checkpoint import git_commit
from trainer.networks import InputContract, PainNetwork, are_silent
from trainer.training.determinism import pinned_threads

__all__ = ["FrameScores", "NetworkScorer", "detection_threads", "score_video", "with_network"]

_VISIBILITIES = tuple(Visibility)
_NO_FACE_ID = -1


@dataclass(frozen=True, slots=True)
class FrameScores:
    """What every analysed frame of a video says.

    Attributes:
        times: Shape (n,): media time in seconds.
        scores: Shape (n,): calibrated probability of pain; not a number where there is none.
        visibility: Shape (n,): index into the values of `Visibility`.
        frozen_since: Shape (n,): since when the picture has stood still; not a number where it has not.
        dark_since: Shape (n,): likewise for a dark picture.
        duration_seconds: Shape (): of the video.
        face_ids: Shape (n,): names the patient's face for as long as it is followed without a break; -1 for none.
    """

    times: NDArray[np.float64]
    scores: NDArray[np.float64]
    visibility: NDArray[np.int64]
    frozen_since: NDArray[np.float64]
    dark_since: NDArray[np.float64]
    duration_seconds: NDArray[np.float64]
    face_ids: NDArray[np.int64]

    @property
    def is_usable(self) -> NDArray[np.bool_]:
        """Shape (n,): whether the frame shows the patient's face well enough to be scored."""
        return np.asarray(self.visibility == _VISIBILITIES.index(Visibility.USABLE), np.bool_)

    def visibility_of(self, frame: int) -> Visibility:
        """Return what a frame shows."""
        return _VISIBILITIES[int(self.visibility[frame])]

    def face_id_of(self, frame: int) -> int | None:
        """Return what names the face that is followed in a frame; None where none is."""
        name = int(self.face_ids[frame])
        return None if name == _NO_FACE_ID else name


class NetworkScorer:
    """Trained networks instead of a bundle's classifier: the mean of their probabilities.

    Args:
        networks: In evaluation mode, on the CPU.
        temperature: By which each logit is divided.
        contract: The networks' input.
    """

    def __init__(self, networks: list[PainNetwork], temperature: float, contract: InputContract) -> None:
        self._networks, self._temperature, self._contract = networks, temperature, contract

    def scores(self, crops: NDArray[np.uint8]) -> list[float | None]:
        """Return the probability of pain of every crop; None where all networks are silent, as of a bundle."""
        with torch.inference_mode(), pinned_threads(1):
            batch = torch.from_numpy(np.ascontiguousarray(crops))
            logits = torch.stack(
                [
                    network(network.prepare(batch, self._contract)).double() / self._temperature
                    for network in self._networks
                ]
            )
            chances = torch.sigmoid(logits).mean(0).tolist()
        silent = are_silent(self._networks, [self._temperature] * len(self._networks), logits.numpy())
        return [
            None if is_silent or not np.isfinite(value) else float(value)
            for value, is_silent in zip(chances, silent, strict=True)
        ]


def with_network(
    models: WorkerModels, scorer: NetworkScorer, contract: InputContract, training_prior: float
) -> WorkerModels:
    """Return a worker's models with networks instead of the classifier."""
    crop = CropSpec(size_px=contract.size_px, margin=contract.margin)
    return replace(models, classifier=cast("Classifier", scorer), crop=crop, training_prior=training_prior)


def score_video(video: Path, config: StationConfig, models: WorkerModels, cache: Path, models_key: str) -> FrameScores:
    """Return the scores of every due frame; what was computed before is read.

    Detection, tracking and the classifier run as in a station; the alarm settings play no part.

    Args:
        video: The file.
        config: Its first bed says where the patient is searched for; faces and analysis as in a station.
        models: Detector and classifier.
        cache: Folder of the stored scores.
        models_key: Names the models; other models, engines, precisions and programs have other scores.

    Raises:
        VideoError: The file cannot be read as video.
        EngineError: The models cannot be run.
    """
    with video.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    what: list[object] = [
        digest,
        models_key,
        config.faces.model_dump(mode="json"),
        config.analysis.model_dump(mode="json"),
    ]
    what += [str(config.beds[0].region_of_interest), str(config.models.expected_prior)]
    # Whatever computes the numbers: another engine, precision or program rounds, crops or decides otherwise.
    what += [dict(models.engines), config.models.cpu_precision, models.cutter is not None, *_program()]
    key = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
    path = cache / f"{key[:32]}.npz"
    stored = _read(path)
    if stored is None:
        stored = _score(video, config, models)
        content = io.BytesIO()
        np.savez_compressed(content, **{field.name: getattr(stored, field.name) for field in fields(FrameScores)})
        write_atomically(path, content.getvalue())
    return stored


@cache
def _program() -> tuple[str, str | None]:
    return monitor.__version__, git_commit()


def _read(path: Path) -> FrameScores | None:
    try:
        with np.load(path, allow_pickle=False) as content:
            return FrameScores(**{field.name: content[field.name] for field in fields(FrameScores)})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _score(video: Path, config: StationConfig, models: WorkerModels) -> FrameScores:
    numbers = itertools.count()
    bed = BedPipeline(
        config.beds[0],
        config.faces,
        config.alarms,
        new_id=lambda: f"clip-{next(numbers)}",
        stopwatch=time.perf_counter,
        expected_prior=config.models.expected_prior,
    )
    checks = FreezeDarkDetector()
    rows: list[tuple[float, ...]] = []
    face: int | None = None
    with open_video(video, config.analysis.frames_per_second) as reader:
        for frame in reader:
            checks.update(frame.image, frame.time_seconds)
            result = bed.analyse(frame, models)
            seen = Visibility.NO_SCORE if result.frame_faces is None else result.frame_faces.visibility
            if result.frame_faces is not None:  # without an answer of the detector the face is the one before, as there
                face = result.frame_faces.face_id
            score = result.observation.score
            if score is None and seen in {Visibility.USABLE, Visibility.AMBIGUOUS}:
                seen = Visibility.NO_SCORE
            frozen, dark = checks.frozen_since_seconds, checks.dark_since_seconds
            times = (math.nan if since is None else since for since in (frozen, dark))
            shown = math.nan if score is None else score, _VISIBILITIES.index(seen)
            rows.append((frame.time_seconds, *shown, *times, _NO_FACE_ID if face is None else face))
        duration = reader.duration_seconds
    table = np.array(rows, np.float64).reshape(-1, 6)
    last = float(table[-1, 0]) if len(table) else 0.0
    return FrameScores(
        times=table[:, 0],
        scores=table[:, 1],
        visibility=table[:, 2].astype(np.int64),
        frozen_since=table[:, 3],
        dark_since=table[:, 4],
        duration_seconds=np.float64(max(last, duration or 0.0)) * np.ones(()),
        face_ids=table[:, 5].astype(np.int64),
    )


def detection_threads() -> int:
    """Return how many threads one detection pass may use: nothing else runs."""
    return len(os.sched_getaffinity(0))
