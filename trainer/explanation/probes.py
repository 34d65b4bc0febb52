"""Linear probes: how well a straight line through features separates infants, or data sets.

Alain and Bengio, "Understanding intermediate layers using linear classifier probes", 2016. The chance level that a
probe is compared with is measured, too, by shuffling the classes: that takes care of small sets, and of what the label
alone gives away.

Neither result proves a shortcut, and neither is harmless: a network that keeps infants apart has what the
dissertation's protocol rewards, and one that keeps data sets apart can answer by the clinic. An untrained network
stands beside each value, because it shows what the pictures give away by themselves.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from trainer.data import near_duplicates
from trainer.explanation.faithfulness import randomised
from trainer.explanation.inputs import ExplanationInput, Part
from trainer.explanation.methods import members_of
from trainer.networks import PainNetwork

__all__ = ["SHUFFLES", "Probe", "ProbedPart", "last_features", "probe", "probe_features"]

SHUFFLES = 199
_SIDES = 3
_PENALTY = 10.0
_BATCH = 32
_EVERY_LAYER = 10_000


@dataclass(frozen=True, slots=True)
class ProbedPart:
    """Pictures that one network saw, and what is to be predicted of them.

    Attributes:
        features: Shape (k, d).
        classes: Shape (k,): what the probe predicts.
        strata: Shape (k,): classes are shuffled among pictures of one stratum only.
        groups: Shape (k,): pictures of one group are never on both sides of the probe's own division.
    """

    features: NDArray[np.float64]
    classes: NDArray[np.str_]
    strata: NDArray[np.str_]
    groups: NDArray[np.int64]

    def divisible(self) -> "ProbedPart":
        """Return the part without classes that have too few groups to be on every side of a division."""
        names = [
            name for name in np.unique(self.classes) if len(np.unique(self.groups[self.classes == name])) >= _SIDES
        ]
        selected = np.isin(self.classes, names)
        return ProbedPart(self.features[selected], self.classes[selected], self.strata[selected], self.groups[selected])


@dataclass(frozen=True, slots=True)
class Probe:
    """What a probe found.

    Attributes:
        items: How many it was tried on.
        classes: Mean number of classes of a part.
        accuracy: On items that the probe did not learn from.
        chance: Mean of the same with shuffled classes.
        p: How often shuffled classes were predicted as well, in (0, 1].
    """

    items: int
    classes: float
    accuracy: float
    chance: float
    p: float


def probe(parts: Sequence[ProbedPart], seed: int = 0, shuffles: int = SHUFFLES) -> Probe | None:
    """Try to predict classes by ridge regression on features, part by part.

    Args:
        parts: Features of different networks do not compare, so each part is probed by itself.
        seed: Of the division and the shuffles.
        shuffles: How many.

    Returns:
        Means over the parts, weighted by their items; None where no part has two classes that can be divided.
    """
    known = [divided for part in parts if len(np.unique((divided := part.divisible()).classes)) > 1]
    if not known:
        return None
    sizes = [len(part.classes) for part in known]
    shares = np.average([_shares_right(part, seed, shuffles) for part in known], axis=0, weights=sizes)
    accuracy, chance = float(shares[0]), shares[1:]
    p = (1.0 + float((chance >= accuracy - 1e-12).sum())) / (1.0 + shuffles)
    return Probe(
        sum(sizes), float(np.mean([len(np.unique(part.classes)) for part in known])), accuracy, float(chance.mean()), p
    )


def _shares_right(part: ProbedPart, seed: int, shuffles: int) -> NDArray[np.float64]:
    """Return the share of items that is predicted correctly: first of the true classes, then of each shuffle."""
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.preprocessing import StandardScaler

    random = np.random.default_rng(seed)
    splitter = StratifiedGroupKFold(_SIDES, shuffle=True, random_state=seed)
    splits = list(splitter.split(part.features, part.classes, part.groups))
    names, indices = np.unique(part.classes, return_inverse=True)
    classes = np.tile(indices, (1 + shuffles, 1))
    for _, held in splits:
        # Shuffled within each side of the division, so that every class keeps its number of items on it.
        for stratum in np.unique(part.strata[held]):
            cell = held[part.strata[held] == stratum]
            classes[1:, cell] = random.permuted(classes[1:, cell], axis=1)
    features = StandardScaler().fit_transform(part.features)
    right = np.zeros(1 + shuffles)
    for learnt, held in splits:
        # All shuffles at once: one regression with a column for each shuffle and class.
        targets = np.eye(len(names))[classes].transpose(1, 0, 2)
        model = Ridge(alpha=_PENALTY).fit(features[learnt], targets[learnt].reshape(len(learnt), -1))
        answers = model.predict(features[held]).reshape(len(held), 1 + shuffles, len(names)).argmax(axis=2)
        right += (answers == classes[:, held].T).sum(axis=0)
    return right / len(indices)


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


def probe_features(
    explained: ExplanationInput,
    pictures: int,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, Any]:
    """Try to predict infants, and data sets, from the features of each fold's networks.

    Args:
        explained: Pictures and networks; each picture is looked at by networks that did not learn from it where the
            material knows.
        pictures: At most about so many, whole infants with most pictures first.
        seed: Of the probes' divisions and shuffles.
        progress: Called with the sets of features done, and their number.

    Returns:
        Plain values: `infant` and `data_set`, each with what was found for the networks and for `untrained` ones; None
        where there is nothing to distinguish.
    """
    parts = [_whole_infants(explained, part, pictures // max(1, len(explained.parts))) for part in explained.parts]
    parts = [part for part in parts if len(part.rows)]
    features: list[NDArray[np.float64]] = []
    strangers: list[NDArray[np.float64]] = []
    for part in parts:
        for known, networks in ((features, part.networks), (strangers, _untrained(part, seed))):
            known.append(last_features(networks, explained.inputs(part.rows)))
            progress(len(features) + len(strangers), 2 * len(parts))
    found: dict[str, Any] = {}
    for name, make in (("infant", _by_infant), ("data_set", _by_data_set)):
        own, other = (
            probe([make(explained, part.rows, known) for part, known in zip(parts, each, strict=True)], seed)
            for each in (features, strangers)
        )
        found[name] = None if own is None or other is None else asdict(own) | {"untrained": asdict(other)}
    return found


def _untrained(part: Part, seed: int) -> list[PainNetwork]:
    return [randomised(network, _EVERY_LAYER, seed + index) for index, network in enumerate(part.networks)]


def _whole_infants(explained: ExplanationInput, part: Part, most: int) -> Part:
    """Return a part with fewer pictures: whole infants, those with most pictures first."""
    subjects = explained.study.subjects[part.rows]
    names, counts = np.unique(subjects, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    selected = names[order[: max(2, int((np.cumsum(counts[order]) <= most).sum()))]]
    return part.keeping(part.rows[np.isin(subjects, selected)])


def _by_infant(explained: ExplanationInput, rows: NDArray[np.int64], features: NDArray[np.float64]) -> ProbedPart:
    """Return pictures to be distinguished by infant; those that look alike stay together, they prove nothing."""
    study = explained.study
    groups = np.arange(len(rows))
    for first, second in near_duplicates([study.records[row].perceptual_hash for row in rows]):
        groups[groups == groups[second]] = groups[first]
    return ProbedPart(features, study.subjects[rows], study.labels[rows].astype(str), groups)


def _by_data_set(explained: ExplanationInput, rows: NDArray[np.int64], features: NDArray[np.float64]) -> ProbedPart:
    """Return infants, each as the mean of its pictures, to be distinguished by data set."""
    subjects, sets = explained.study.subjects[rows], np.array([explained.study.records[row].data_set for row in rows])
    names, firsts, indices = np.unique(subjects, return_index=True, return_inverse=True)
    means = np.stack([features[indices == index].mean(axis=0) for index in range(len(names))])
    return ProbedPart(means, sets[firsts], np.full(len(names), "all"), np.arange(len(names)))
