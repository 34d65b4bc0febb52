"""The published protocol, as written: half of the pictures tested, the other half made 37 times as many, divided 70/30.

It exists to reproduce the published values and to measure what they hide. Infants are on both sides of the test, and
copies of one picture are in training and validation, which is why validation metrics near 99 % are no success.

The text does not say whether the three experiments tested one half or three. With one half a model without chance, such
as a baseline, has no spread over the folds; three halves explain published spreads of up to 4.7 points. So the halves
are drawn for each fold, and `test_half: fixed` is the other reading.
"""

import numpy as np
from numpy.typing import NDArray

from trainer.crops import Study
from trainer.crops.expansion import EXPANSIONS
from trainer.errors import DataError
from trainer.protocols.folds import Fold, FoldMap, Items
from trainer.protocols.settings import ProtocolSettings

__all__ = ["dissertation_folds"]

_LEAST_PER_CLASS = 4
_HALF_SEED = 7919


def dissertation_folds(study: Study, settings: ProtocolSettings, members: int = 1) -> FoldMap:
    """Divide the pictures as the dissertation did.

    Args:
        study: The pictures; those without a face are in no fold.
        settings: Of the dissertation protocol.
        members: How many divisions each fold gets, one for each network of an ensemble.

    Raises:
        DataError: A class is missing or has too few pictures to be divided.
    """
    usable = np.flatnonzero(study.has_face & study.is_main)
    labels = study.labels[usable]
    from sklearn.model_selection import train_test_split

    pain = int(labels.sum())
    if min(pain, len(labels) - pain) < _LEAST_PER_CLASS:
        raise DataError(
            f"the dissertation protocol needs {_LEAST_PER_CLASS} pictures of each class; among the usable ones are "
            f"{pain} with pain and {len(labels) - pain} without"
        )
    if settings.folds == "infants":
        raise DataError("the dissertation protocol divides pictures, not infants")
    halves = [
        train_test_split(
            usable,
            test_size=settings.test_share,
            stratify=labels,
            random_state=settings.seed + (_HALF_SEED * index if settings.test_half == "redrawn" else 0),
        )
        for index in range(settings.folds)
    ]
    stress = np.flatnonzero(study.has_face & ~study.is_main)
    folds = tuple(
        Fold(
            index=index,
            splits=tuple(
                _split(study, np.sort(development), settings, settings.seed + 1 + index * members + member)
                for member in range(members)
            ),
            test=np.sort(test),
            stress=stress,
        )
        for index, (development, test) in enumerate(halves)
    )
    return FoldMap(settings.model_dump(exclude={"inner_folds"}), folds)


def _split(study: Study, rows: NDArray[np.int64], settings: ProtocolSettings, seed: int) -> tuple[Items, Items]:
    """Copy every picture, then divide the copies: the leak is part of the protocol."""
    from sklearn.model_selection import train_test_split

    copies = len(EXPANSIONS[settings.expansion])
    expanded = np.repeat(rows, copies)
    variants = np.tile(np.arange(copies), len(rows))
    train, held = train_test_split(
        np.arange(len(expanded)),
        test_size=settings.validation_share,
        stratify=study.labels[expanded],
        random_state=seed,
    )
    train, held = np.sort(train), np.sort(held)
    return Items(expanded[train], variants[train]), Items(expanded[held], variants[held])
