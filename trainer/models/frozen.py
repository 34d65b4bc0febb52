"""Trains the dense layers of a network whose trunk is frozen: every crop passes the trunk once, not in every epoch.

What the trunk makes of a crop (2,048 numbers in ResNet50) never changes while the trunk does not. The features of all
variations of a picture are therefore computed once and stored in one small file, named after everything that they
depend on: the weights of the trunk, the input, the picture and how it is varied. Folds, heads and later runs share
them; the dense layers then train in seconds. The variations of a picture are sampled once, not in every epoch.
"""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.atomic_file import write_atomically
from trainer.crops import CropSet, VariedSamples
from trainer.crops.expansion import EXPANSIONS, ExpandedSamples
from trainer.errors import CheckpointError
from trainer.models.plan import NetworkPlan
from trainer.networks import Architecture, PainNetwork, TrunkHead, TrunkNetwork
from trainer.protocols import AS_IT_IS, Items
from trainer.training import Listener, Samples, resolve_device
from trainer.training.allocator import retain_freed_memory
from trainer.training.determinism import pinned_threads, seed_torch

__all__ = ["FEATURES_FOLDER", "FeatureSamples", "FrozenTrunk", "frozen_trunk"]

FEATURES_FOLDER = "features"
"""Name of the folder, beside the crops, where features are stored."""

Features = NDArray[np.float16] | NDArray[np.float32]

_BATCH = 16
_SETTLE_CROPS = 64


@dataclass(frozen=True, slots=True)
class FeatureSamples:
    """Features instead of crops.

    Attributes:
        features: Shape (n, d); float16, or float32 where some of them are larger than float16 holds.
        labels: Shape (n,).
    """

    features: Features
    labels: NDArray[np.float32]

    def crops(self, items: NDArray[np.int64], epoch: int) -> Features:
        """Return the chosen features; they are the same in every epoch."""
        del epoch
        return self.features[items]


class FrozenTrunk:
    """A frozen network's features of crops, stored on disk.

    Args:
        network: Whose trunk it is, in evaluation mode.
        architecture: Of this network.
        crops: The pictures.
        folder: Where features are stored.
        device: Where the trunk computes.
        progress: Called with the pictures done and their number.
    """

    def __init__(
        self,
        network: TrunkNetwork,
        architecture: Architecture,
        crops: CropSet,
        folder: Path,
        device: torch.device,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> None:
        self.network, self._architecture = network, architecture
        self._crops, self._device, self._progress = crops, device, progress
        weights = hashlib.sha256(crops.contract.model_dump_json().encode())
        for name, tensor in sorted(network.state_dict().items()):
            if not name.startswith("head."):
                weights.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
        self._folder = folder / weights.hexdigest()[:16]

    def samples(
        self, items: Items, plan: NetworkPlan, *, vary: bool, labels: NDArray[np.float32] | None = None
    ) -> FeatureSamples:
        """Return the features of pictures, varied as their protocol and the plan say.

        Args:
            items: Which pictures; copies of the dissertation protocol are distinguished by their variant.
            plan: Expansion preset, augmentation, copies and seed.
            vary: Whether pictures that are no fixed copies are varied.
            labels: Of all rows of the study, shape (n,); the pictures' own if None.

        Raises:
            CheckpointError: The features cannot be written, or are not finite.
        """
        known = self._crops.labels if labels is None else labels
        rows, positions = np.unique(items.rows, return_inverse=True)
        fixed = bool(len(items.variants)) and items.variants[0] != AS_IT_IS
        per_picture = []
        for done, row in enumerate(rows.tolist(), start=1):
            per_picture.append(self._of_picture(row, plan, fixed=fixed, vary=vary, pictures=len(rows)))
            self._progress(done, len(rows))
        if fixed:
            chosen = [
                per_picture[position][variant] for position, variant in zip(positions, items.variants, strict=True)
            ]
            return FeatureSamples(np.stack(chosen), known[items.rows])
        listed = [per_picture[position] for position in positions]
        counts = [len(features) for features in listed]
        return FeatureSamples(np.concatenate(listed), known[np.repeat(items.rows, counts)])

    def _of_picture(self, row: int, plan: NetworkPlan, *, fixed: bool, vary: bool, pictures: int) -> Features:
        """Return the features of all variations of one picture, shape (k, d)."""
        copies = plan.copies_of(pictures)
        one = np.array([row], np.int64)
        if fixed:
            variants = np.arange(len(EXPANSIONS[plan.expansion]))
            varied: Samples = ExpandedSamples(self._crops, np.repeat(one, len(variants)), variants, plan.expansion)
            how = f"fixed {plan.expansion}"
        elif vary:
            varied = VariedSamples(self._crops, one, plan.augmentation, plan.training.seed, copies)
            how = f"varied {plan.augmentation!r} {plan.training.seed} {copies} {row}"
        else:
            return self._stored(self._crops.exact(one), "exact")
        return self._stored(varied.crops(np.arange(len(varied.labels)), 0), how)

    def _stored(self, crops: NDArray[np.uint8], how: str) -> Features:
        key = hashlib.sha256(how.encode() + crops.tobytes()).hexdigest()[:32]
        path = self._folder / f"{key}.npy"
        if path.exists():
            stored: Features = np.load(path, allow_pickle=False)
            return stored
        features = self._computed(crops)
        content = io.BytesIO()
        np.save(content, features, allow_pickle=False)
        write_atomically(path, content.getvalue())
        return features

    def _computed(self, crops: NDArray[np.uint8]) -> Features:
        parts = []
        with torch.inference_mode(), pinned_threads(1), retain_freed_memory():
            for start in range(0, len(crops), _BATCH):
                batch = torch.from_numpy(crops[start : start + _BATCH]).to(self._device)
                parts.append(self.network.features(self.network.prepare(batch, self._crops.contract)).cpu().numpy())
        features: NDArray[np.float32] = np.concatenate(parts)
        if not np.isfinite(features).all():
            raise CheckpointError(
                "the frozen trunk gives features that are no numbers: its weights are damaged, or it has none; "
                "give pre-trained weights, or train the whole network"
            )
        with np.errstate(over="ignore"):
            short = features.astype(np.float16)
        return short if np.isfinite(short).all() else features

    def head_architecture(self) -> Architecture:
        """Return the dense layers as an architecture of their own, for the training loop."""
        whole = self._architecture

        def build(settings: Any) -> PainNetwork:  # noqa: ANN401 - an Architecture's builder
            network = whole.build(settings)
            if not isinstance(network, TrunkNetwork):
                raise TypeError(f"{whole.name} has no trunk")
            return TrunkHead(network)

        return Architecture(
            name=f"{whole.name}-head",
            summary="dense layers on frozen features",
            settings_type=whole.settings_type,
            build=build,
            contract=self._crops.contract,
        )

    def with_head(self, head: PainNetwork) -> PainNetwork:
        """Return the whole network, on the CPU, with trained dense layers."""
        TrunkHead(self.network).load_state_dict(head.state_dict())
        network: PainNetwork = self.network.to("cpu").to(  # type: ignore[call-overload]  # stub lacks it
            memory_format=torch.contiguous_format
        )
        network.eval()
        return network


def frozen_trunk(
    plan: NetworkPlan, crops: CropSet, learn: Items, folder: Path, listener: Listener
) -> FrozenTrunk | None:
    """Return the frozen trunk of a plan's network, or None where more than the dense layers is trained.

    A trunk without pre-trained weights is random. Its batch normalisation then takes the statistics of some training
    crops, so that its features are neither all zero nor endless, and the listener gets a note on what such features are
    worth.

    Args:
        plan: What is trained.
        crops: The pictures.
        learn: Which are learnt from.
        folder: Where features are stored.
        listener: Receives the progress.
    """
    device = resolve_device(plan.training.device)
    seed_torch(plan.training.seed)
    network = plan.architecture.create(plan.settings)
    if not isinstance(network, TrunkNetwork) or network.settings.train != "head":
        return None
    network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # stub lacks it
    if plan.initial_state is not None:
        network.load_state_dict(plan.initial_state)
    else:
        listener.note(
            "no pre-trained weights are given (--set weights=FILE), so the frozen trunk is random: expect little of it"
        )
        with pinned_threads(plan.training.threads):
            _settle(network, crops, learn)
    network.eval()
    return FrozenTrunk(
        network, plan.architecture, crops, folder, device, lambda done, total: listener.batch_done(0, done, total)
    )


def _settle(network: TrunkNetwork, crops: CropSet, learn: Items) -> None:
    """Give a random trunk's batch normalisation the statistics of some training crops."""
    rows = np.unique(learn.rows)
    some = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _SETTLE_CROPS)).astype(np.int64))]
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    with torch.no_grad():
        device = next(network.parameters()).device
        network.features(network.prepare(torch.from_numpy(crops.exact(some)).to(device), crops.contract))
    for norm in norms:
        norm.momentum = 0.1
