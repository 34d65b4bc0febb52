"""Logits of many crops."""

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.networks import InputContract, PainNetwork
from trainer.training.samples import Samples, batches

__all__ = ["predict_logits"]


def predict_logits(
    network: PainNetwork, samples: Samples, contract: InputContract, device: torch.device, batch_size: int = 64
) -> NDArray[np.float64]:
    """Return the uncalibrated logit of every sample, shape (n,), in the samples' order and as seen in epoch 0."""
    network.eval()
    parts: list[NDArray[np.float64]] = []
    with torch.inference_mode():
        for batch in batches(samples, size=batch_size, epoch=0, shuffle_seed=None):
            crops = network.prepare(torch.from_numpy(batch.crops).to(device), contract)
            parts.append(network(crops).double().cpu().numpy())
    return np.concatenate(parts) if parts else np.zeros(0)
