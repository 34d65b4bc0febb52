"""How well a straight line through features tells classes that it should not be able to tell.

Alain and Bengio, "Understanding intermediate layers using linear classifier probes", 2016. The chance that a probe is
compared with is measured, too, by shuffling the classes: that takes care of small sets, and of what the label alone
gives away.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.preprocessing import StandardScaler

__all__ = ["SHUFFLES", "Probe", "ProbedPart", "probe"]

SHUFFLES = 199
_SIDES = 3
_PENALTY = 10.0


@dataclass(frozen=True, slots=True)
class ProbedPart:
    """Pictures that one network saw, and what is to be told of them.

    Attributes:
        features: Shape (k, d).
        classes: Shape (k,): what the probe is to tell.
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
        kept = np.isin(self.classes, names)
        return ProbedPart(self.features[kept], self.classes[kept], self.strata[kept], self.groups[kept])


@dataclass(frozen=True, slots=True)
class Probe:
    """What a probe found.

    Attributes:
        items: How many it was tried on.
        classes: Mean number of classes of a part.
        accuracy: On items that the probe did not learn from.
        chance: Mean of the same with shuffled classes.
        p: How often shuffled classes were told as well, in (0, 1].
    """

    items: int
    classes: float
    accuracy: float
    chance: float
    p: float


def probe(parts: Sequence[ProbedPart], seed: int = 0, shuffles: int = SHUFFLES) -> Probe | None:
    """Try to tell classes by ridge regression on features, part by part.

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
    told = np.average([_told_rightly(part, seed, shuffles) for part in known], axis=0, weights=sizes)
    accuracy, chance = float(told[0]), told[1:]
    p = (1.0 + float((chance >= accuracy - 1e-12).sum())) / (1.0 + shuffles)
    return Probe(
        sum(sizes), float(np.mean([len(np.unique(part.classes)) for part in known])), accuracy, float(chance.mean()), p
    )


def _told_rightly(part: ProbedPart, seed: int, shuffles: int) -> NDArray[np.float64]:
    """Return the share of items that is told rightly: first of the true classes, then of each shuffle."""
    random = np.random.default_rng(seed)
    splitter = StratifiedGroupKFold(_SIDES, shuffle=True, random_state=seed)
    splits = list(splitter.split(part.features, part.classes, part.groups))
    names, places = np.unique(part.classes, return_inverse=True)
    classes = np.tile(places, (1 + shuffles, 1))
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
    return right / len(places)
