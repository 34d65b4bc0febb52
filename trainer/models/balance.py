"""Balanced sampling over data sets: in an epoch each data set gives as many pictures as the largest one."""

import numpy as np
from numpy.typing import NDArray

from trainer.protocols import Items
from trainer.training.determinism import generator

__all__ = ["balanced"]

_SALT = 0x4241


def balanced(items: Items, data_sets: NDArray[np.str_], seed: int) -> Items:
    """Return training pictures with those of smaller data sets repeated, so that every data set counts the same.

    Args:
        items: What is learnt from.
        data_sets: Shape (n,): the data set of each row of the study.
        seed: Decides which pictures are repeated once more than others.
    """
    owners = data_sets[items.rows]
    names, counts = np.unique(owners, return_counts=True)
    if len(names) < 2:
        return items
    chosen = []
    for number, name in enumerate(names):
        own = np.flatnonzero(owners == name)
        times, rest = divmod(int(counts.max()), len(own))
        more = generator(seed, number, _SALT).permutation(own)[:rest]
        chosen.append(np.concatenate([np.tile(own, times), more]))
    order = np.sort(np.concatenate(chosen))
    return Items(items.rows[order], items.variants[order])
