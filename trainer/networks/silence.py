"""Answers that are none: what networks say whatever the picture, because their last hidden units are silent."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.inference.classifier import are_constant
from trainer.networks.base import PainNetwork

__all__ = ["are_silent"]


def are_silent(
    networks: Sequence[PainNetwork], temperatures: Sequence[float], logits: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return for which pictures every network gave its constant, shape (N,): their mean is a constant, too.

    The rule is that of a bundle in the monitor, so that what is measured of a model is what a station makes of it.

    Args:
        networks: One or more.
        temperatures: By which each network's logit was divided.
        logits: Shape (networks, N), divided.
    """
    silent = np.zeros(logits.shape, np.bool_)
    for row, (network, temperature) in enumerate(zip(networks, temperatures, strict=True)):
        constant = network.constant_logit()
        if constant is not None:
            silent[row] = are_constant(logits[row], constant / temperature, "onnxruntime")
    return np.asarray(silent.all(axis=0), np.bool_)
