"""The fine-tuning: steps over synthetic infants, a checkpoint every few of them, weights that stay near the start."""

import copy
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainer.detector.bundle_weights import PretrainedDetector
from trainer.detector.graph import AnchorSpec, Normalisation, anchors_px
from trainer.detector.network import RetinaFace
from trainer.detector_fitting.loss import agreement_loss, distance_loss, multibox_loss
from trainer.detector_fitting.pictures import Scene, draw_views
from trainer.detector_fitting.settings import FitSettings
from trainer.detector_fitting.targets import Targets, match_anchors
from trainer.errors import SettingsError, TrainingError
from trainer.training.optimisation import WeightAverage
from trainer.training.storage import read_checkpoint, write_checkpoint

__all__ = ["CHECKPOINT_NAME", "FitOutcome", "StepReport", "fit_detector", "input_of", "part_of_the_way", "targets_of"]

CHECKPOINT_NAME = "last.pt"
# A step takes seconds: a kill loses less than a minute or two.
_STEPS_BETWEEN_CHECKPOINTS = 10
_WARMUP_STEPS = 20
_FINAL_SHARE = 0.05
_GRADIENT_CLIP = 5.0
# The first layers see edges and colours, which no device changes.
_FROZEN = (
    "backbone.stem.", "backbone.stage1.",
    "backbone.blocks.0.", "backbone.blocks.1.", "backbone.blocks.2.",
    "backbone.blocks.3.", "backbone.blocks.4.", "backbone.blocks.5.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step.

    Attributes:
        step: How many steps are done.
        classes: Loss of face or background.
        boxes: Loss of the boxes.
        landmarks: Loss of the five points.
        agreement: How far the answers to bare pictures are from the original's.
    """

    step: int
    classes: float
    boxes: float
    landmarks: float
    agreement: float


@dataclass(frozen=True, slots=True)
class FitOutcome:
    """What a fine-tuning came to.

    Attributes:
        detector: With the averaged weights.
        steps: How many steps were done in all; fewer than planned where the time was over.
        reports: Of the steps of this call.
    """

    detector: PretrainedDetector
    steps: int
    reports: tuple[StepReport, ...]


def input_of(scenes: list[Scene], normalisation: Normalisation) -> Tensor:
    """Return the network's input (N, 3, S, S), as the exported graph makes it of the same pixels."""
    pixels = torch.from_numpy(np.stack([scene.image for scene in scenes])).float().permute(0, 3, 1, 2)
    scaled = (pixels - torch.tensor(normalisation.mean).reshape(3, 1, 1)) / torch.tensor(normalisation.std).reshape(
        3, 1, 1
    )
    return scaled.flip(1) if normalisation.colour_order == "BGR" else scaled


def targets_of(scene: Scene, anchors: Tensor, spec: AnchorSpec) -> Targets:
    """Return what the network should answer to a picture."""
    boxes, points = torch.from_numpy(scene.boxes), torch.from_numpy(scene.points)
    return match_anchors(boxes, points, torch.from_numpy(scene.is_certain), anchors, spec)


def part_of_the_way(start: PretrainedDetector, fitted: PretrainedDetector, share: float) -> PretrainedDetector:
    """Return a detector whose weights lie between two others' (Wortsman et al. 2022, arXiv 2109.01903).

    Args:
        start: The original.
        fitted: The same after a fine-tuning.
        share: How far from the original to the other, in [0, 1].
    """
    network = copy.deepcopy(start.network)
    ends = start.network.state_dict(), fitted.network.state_dict()
    network.load_state_dict({name: torch.lerp(tensor, ends[1][name], share) for name, tensor in ends[0].items()})
    return replace(start, network=network)


def fit_detector(
    start: PretrainedDetector,
    settings: FitSettings,
    folder: Path,
    *,
    start_sha256: str,
    seconds: float | None = None,
    progress: Callable[[StepReport], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> FitOutcome:
    """Fine-tune a detector, or go on where an earlier call stopped; the steps are the same either way.

    Args:
        start: The detector to begin with.
        settings: The plan.
        folder: Where the checkpoint is written.
        start_sha256: Identity of the bundle to begin with.
        seconds: Stop after the step that passes this time; None to do all steps.
        progress: Called after each step.
        clock: Monotonic seconds.

    Raises:
        SettingsError: The folder holds a training with other settings or of another detector, or cannot be made or
            written; both are said before the first step.
        CheckpointError: The checkpoint cannot be read or written.
        TrainingError: The loss is no number.
    """
    run = _Run(
        start, settings, folder / CHECKPOINT_NAME, {"settings": settings.model_dump_json(), "start": start_sha256}
    )
    run.resume()
    _check_folder(folder)
    end = None if seconds is None else clock() + seconds
    reports = []
    while run.step < settings.steps and (end is None or clock() < end):
        reports.append(run.do_step())
        progress(reports[-1])
        if run.step % _STEPS_BETWEEN_CHECKPOINTS == 0:
            run.store()
    if reports:
        run.store()
    return FitOutcome(replace(start, network=run.averaged()), run.step, tuple(reports))


def _check_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"the folder {folder} cannot be made ({error.strerror}); give another --out") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SettingsError(f"the folder {folder} cannot be written; give another --out")


class _Run:
    """A training's state between two steps."""

    def __init__(self, start: PretrainedDetector, settings: FitSettings, path: Path, identity: dict[str, str]) -> None:
        self.step = 0
        self._start, self._settings, self._path, self._identity = start, settings, path, identity
        self._original = _channels_last(copy.deepcopy(start.network))
        self._network = _channels_last(copy.deepcopy(start.network))
        named = list(self._network.named_parameters())
        for name, parameter in named:
            parameter.requires_grad_(not name.startswith(_FROZEN))
        self._learning = [parameter for _, parameter in named if parameter.requires_grad]
        begun = dict(start.network.named_parameters())
        self._pairs = [(parameter, begun[name].detach()) for name, parameter in named if parameter.requires_grad]
        self._optimiser = torch.optim.Adam(self._learning, lr=settings.learning_rate)
        self._average = WeightAverage(self._network.state_dict(), settings.average_decay)
        self._anchors = torch.from_numpy(anchors_px(settings.size_px, start.anchors))

    def do_step(self) -> StepReport:
        """Draw some infants and learn from them."""
        settings, start = self._settings, self._start
        first = self.step * settings.infants_per_step
        views = [
            view
            for number in range(first, first + settings.infants_per_step)
            for view in draw_views(settings.seed, number, settings.views_per_infant, settings.size_px)
        ]
        scenes = [view.bare for view in views] + [view.covered for view in views]
        targets = [targets_of(scene, self._anchors, start.anchors) for scene in scenes]
        x = input_of(scenes, start.normalisation).contiguous(memory_format=torch.channels_last)
        bare = len(views)
        with torch.no_grad():
            original = self._original(x[:bare])
        raw = self._network(x)
        parts = multibox_loss(raw, targets)
        agreement = agreement_loss(type(raw)(*(part[:bare] for part in raw)), original, targets[:bare])
        loss = parts.total + settings.agreement * agreement + settings.distance * distance_loss(self._pairs)
        if not math.isfinite(loss.item()):
            raise TrainingError(
                f"the loss of step {self.step} is no number; choose a smaller --learning-rate, and another --out"
            )
        for group in self._optimiser.param_groups:
            group["lr"] = self._learning_rate()
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch gives it no types
        nn.utils.clip_grad_norm_(self._learning, _GRADIENT_CLIP)
        self._optimiser.step()
        self._average.update(self._network.state_dict().items())
        self.step += 1
        return StepReport(self.step, parts.classes.item(), parts.boxes.item(), parts.landmarks.item(), agreement.item())

    def averaged(self) -> RetinaFace:
        """Return the network with the averaged weights."""
        network = copy.deepcopy(self._start.network).eval()
        network.load_state_dict(self._average.state)
        return network

    def store(self) -> None:
        """Write the checkpoint."""
        content: dict[str, Any] = {
            **self._identity,
            "step": self.step,
            "network": self._network.state_dict(),
            "average": self._average.state,
            "optimiser": self._optimiser.state_dict(),
        }
        write_checkpoint(self._path, content)

    def resume(self) -> None:
        """Read the checkpoint if there is one."""
        if not self._path.exists():
            return
        content = read_checkpoint(self._path)
        if any(content.get(name) != value for name, value in self._identity.items()):
            raise SettingsError(
                f"{self._path.parent} holds a fine-tuning with other settings or of another detector; "
                "give its settings again, or another --out"
            )
        self.step = int(content["step"])
        self._network.load_state_dict(content["network"])
        self._optimiser.load_state_dict(content["optimiser"])
        self._average.steps = self.step
        self._average.state = content["average"]

    def _learning_rate(self) -> float:
        base, steps = self._settings.learning_rate, self._settings.steps
        warmup = min(_WARMUP_STEPS, steps // 10)
        if self.step < warmup:
            return base * (self.step + 1) / (warmup + 1)
        phase = (self.step - warmup) / (steps - warmup)
        return base * (_FINAL_SHARE + (1.0 - _FINAL_SHARE) * (1.0 + math.cos(math.pi * phase)) / 2.0)


def _channels_last(network: RetinaFace) -> RetinaFace:
    """Order the weights so that convolutions take a fifth less time on a CPU."""
    for parameter in network.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network
