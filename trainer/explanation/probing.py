"""Whether a network's last features tell whose face it is, or from which data set it comes.

Neither proves a shortcut, and neither is harmless: a network that keeps infants apart has what the dissertation's
protocol rewards, and one that keeps data sets apart can answer by the clinic. An untrained network stands beside each
figure, because it tells what the pictures give away by themselves.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from trainer.data import near_duplicates
from trainer.explanation.faithfulness import randomised
from trainer.explanation.inputs import ExplanationInput, Part
from trainer.explanation.methods import members_of
from trainer.explanation.probes import ProbedPart, probe
from trainer.networks import PainNetwork

__all__ = ["last_features", "probe_material"]

_BATCH = 32
_EVERY_LAYER = 10_000


def last_features(networks: Sequence[PainNetwork], inputs: torch.Tensor) -> NDArray[np.float64]:
    """Return what the last layer with weights sees, shape (N, d); of several networks one after the other.

    Args:
        networks: In evaluation mode.
        inputs: Shape (N, 3, S, S), prepared as the input contract says.
    """
    columns = []
    for network in (single for whole in networks for single in members_of(whole)):
        seen: list[torch.Tensor] = []
        hooks = [
            module.register_forward_pre_hook(lambda _module, given, seen=seen: seen.append(given[0]))
            for module in network.modules()
            if isinstance(module, nn.Linear | nn.Conv2d)
        ]
        batches = []
        try:
            with torch.inference_mode():
                for start in range(0, len(inputs), _BATCH):
                    logits = network(inputs[start : start + _BATCH])
                    last = seen[-1] if seen else logits.unsqueeze(1)
                    last = last.flatten(2).mean(dim=2) if last.ndim > 2 else last
                    batches.append(last.double().cpu().numpy())
                    seen.clear()
        finally:
            for hook in hooks:
                hook.remove()
        columns.append(np.concatenate(batches))
    features: NDArray[np.float64] = np.concatenate(columns, axis=1)
    return features


def probe_material(material: ExplanationInput, pictures: int, seed: int = 0) -> dict[str, Any]:
    """Try to tell infants, and data sets, from the features of each fold's networks.

    Args:
        material: Pictures and networks; each picture is looked at by networks that did not learn from it where the
            material knows.
        pictures: At most about so many, whole infants with most pictures first.
        seed: Of the probes' divisions and shuffles.

    Returns:
        Plain values: `infant` and `data_set`, each with what was found for the networks and for `untrained` ones; None
        where there is nothing to tell apart.
    """
    parts = [_whole_infants(material, part, pictures // max(1, len(material.parts))) for part in material.parts]
    parts = [part for part in parts if len(part.rows)]
    features = [last_features(part.networks, material.inputs(part.rows)) for part in parts]
    strangers = [last_features(_untrained(part, seed), material.inputs(part.rows)) for part in parts]
    found: dict[str, Any] = {}
    for name, make in (("infant", _by_infant), ("data_set", _by_data_set)):
        own, other = (
            probe([make(material, part.rows, known) for part, known in zip(parts, each, strict=True)], seed)
            for each in (features, strangers)
        )
        found[name] = None if own is None or other is None else asdict(own) | {"untrained": asdict(other)}
    return found


def _untrained(part: Part, seed: int) -> list[PainNetwork]:
    return [randomised(network, _EVERY_LAYER, seed + index) for index, network in enumerate(part.networks)]


def _whole_infants(material: ExplanationInput, part: Part, most: int) -> Part:
    """Return a part with fewer pictures: whole infants, those with most pictures first."""
    subjects = material.study.subjects[part.rows]
    names, counts = np.unique(subjects, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    kept = names[order[: max(2, int((np.cumsum(counts[order]) <= most).sum()))]]
    return part.keeping(part.rows[np.isin(subjects, kept)])


def _by_infant(material: ExplanationInput, rows: NDArray[np.int64], features: NDArray[np.float64]) -> ProbedPart:
    """Return pictures to be told apart by infant; those that look alike stay together, they prove nothing."""
    study = material.study
    groups = np.arange(len(rows))
    for first, second in near_duplicates([study.records[row].perceptual_hash for row in rows]):
        groups[groups == groups[second]] = groups[first]
    return ProbedPart(features, study.subjects[rows], study.labels[rows].astype(str), groups)


def _by_data_set(material: ExplanationInput, rows: NDArray[np.int64], features: NDArray[np.float64]) -> ProbedPart:
    """Return infants, each as the mean of its pictures, to be told apart by data set."""
    subjects, sets = material.study.subjects[rows], np.array([material.study.records[row].data_set for row in rows])
    names, firsts, places = np.unique(subjects, return_index=True, return_inverse=True)
    means = np.stack([features[places == place].mean(axis=0) for place in range(len(names))])
    return ProbedPart(means, sets[firsts], np.full(len(names), "all"), np.arange(len(names)))
