"""Folds by infant: tested infants were never seen, neither for training nor for stopping nor for calibration."""

import warnings

import numpy as np
from numpy.typing import NDArray

from trainer.crops import Study
from trainer.errors import DataError
from trainer.protocols.folds import Fold, FoldMap, Items
from trainer.protocols.grouping import groups_of
from trainer.protocols.settings import ProtocolSettings

__all__ = ["check_classes", "inner_splits", "strict_folds"]

_TRIES = 50


def strict_folds(study: Study, settings: ProtocolSettings, members: int = 1) -> FoldMap:
    """Divide the infants; every picture with a face is tested once, a confuser with its infant.

    Args:
        study: The pictures; those without a face are in no fold.
        settings: Of the strict protocol.
        members: How many inner divisions each fold gets, one for each network of an ensemble.

    Raises:
        DataError: There are fewer infants than folds, or a class is missing.
    """
    usable = np.flatnonzero(study.has_face & study.is_main)
    stress = np.flatnonzero(study.has_face & ~study.is_main)
    every = groups_of(study, np.concatenate([usable, stress]))
    labels, groups, of_stress = study.labels[usable], every[: len(usable)], every[len(usable) :]
    _check(labels, groups, settings)
    outer = _outer(labels, groups, settings)
    # Infants of whom there are confusers alone are learnt from nowhere, so any fold can test them: each in turn.
    alone = np.setdiff1d(of_stress, groups)
    folds = []
    for index, (rest, tested) in enumerate(outer):
        followers = np.concatenate([groups[tested], alone[index :: len(outer)]])
        folds.append(
            Fold(
                index=index,
                splits=inner_splits(study, usable[rest], settings, index, members),
                test=usable[tested],
                stress=stress[np.isin(of_stress, followers)],
            )
        )
    return FoldMap(
        settings.model_dump(exclude={"test_share", "validation_share", "expansion", "test_half"}), tuple(folds)
    )


def check_classes(labels: NDArray[np.float32]) -> None:
    """Check that there are pictures of both classes.

    Raises:
        DataError: One is missing.
    """
    if len(labels) == 0 or labels.min() == labels.max():
        pain = int(labels.sum())
        raise DataError(
            f"both classes are needed, but of {len(labels)} usable pictures {pain} show pain and {len(labels) - pain} "
            f"do not; look at the labels, and at what `nicu-trainer ingest` and `crop` left out"
        )


def _check(labels: NDArray[np.float32], groups: NDArray[np.int64], settings: ProtocolSettings) -> None:
    check_classes(labels)
    infants = len(np.unique(groups))
    least = 2 if settings.folds == "infants" else settings.folds
    if infants < least:
        raise DataError(
            f"{infants} infant{'s' if infants != 1 else ''} cannot be divided into {least} folds by infant; use fewer "
            f"folds, or more infants (infants whose pictures look alike count as one)"
        )
    if infants - (1 if settings.folds == "infants" else 0) < 2 or infants < 3:
        raise DataError(f"{infants} infants are too few: one part to test, one to learn, one to stop and calibrate")


def _outer(
    labels: NDArray[np.float32], groups: NDArray[np.int64], settings: ProtocolSettings
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    if settings.folds == "infants":
        from sklearn.model_selection import LeaveOneGroupOut

        return list(LeaveOneGroupOut().split(labels, labels, groups))
    return _grouped(labels, groups, settings.folds, settings.seed)


def _grouped(
    labels: NDArray[np.float32], groups: NDArray[np.int64], folds: int, seed: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class with fewer pictures than folds is no reason to stop; a fold without it is still tested.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        return list(splitter.split(labels, labels, groups))


def inner_splits(
    study: Study, rows: NDArray[np.int64], settings: ProtocolSettings, fold: int, members: int
) -> tuple[tuple[Items, Items], ...]:
    """Divide development infants into those to learn from and those to stop and calibrate on, `members` times.

    Args:
        study: The pictures.
        rows: Of the development pictures.
        settings: `inner_folds` and `seed` count.
        fold: From 0; folds are divided differently.
        members: How many divisions; the held-out parts do not overlap.

    Raises:
        DataError: They cannot be divided so that both classes are on both sides.
    """
    labels, groups = study.labels[rows], groups_of(study, rows)
    parts = min(max(settings.inner_folds, members), len(np.unique(groups)))
    if parts < 2:
        raise DataError(
            f"fold {fold + 1} leaves one infant to learn from, and none to stop and calibrate on; use more folds, or "
            "more infants (infants whose pictures look alike count as one)"
        )
    for attempt in range(_TRIES):
        splits = [
            (Items.as_they_are(rows[train]), Items.as_they_are(rows[held]))
            for train, held in _grouped(labels, groups, parts, settings.seed + 1000 * fold + attempt)
            if _both(labels[train]) and _both(labels[held])
        ]
        if len(splits) >= members:
            return tuple(splits[:members])
    fewer = f"inner folds (now {parts})" if members <= parts else f"networks in the ensemble (now {members})"
    raise DataError(
        f"the training infants of fold {fold + 1} cannot be divided so that both classes are on both sides; use fewer "
        f"{fewer} or more infants with both classes"
    )


def _both(labels: NDArray[np.float32]) -> bool:
    return bool(len(labels)) and labels.min() != labels.max()
