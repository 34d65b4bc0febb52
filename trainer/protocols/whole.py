"""All infants for the final model: nothing is tested, one part stops and calibrates."""

import numpy as np

from trainer.crops import Study
from trainer.protocols.folds import Fold, FoldMap
from trainer.protocols.settings import ProtocolSettings
from trainer.protocols.strict import check_classes, inner_splits

__all__ = ["whole_study"]


def whole_study(study: Study, settings: ProtocolSettings, members: int = 1) -> FoldMap:
    """Divide all infants into those to learn from and those to stop and calibrate on.

    Args:
        study: The pictures; those without a face, and confusers, are left out.
        settings: `inner_folds` and `seed` count.
        members: How many divisions, one for each network of an ensemble.

    Raises:
        DataError: A class is missing, or the infants cannot be divided.
    """
    usable = np.flatnonzero(study.has_face & study.is_main)
    check_classes(study.labels[usable])
    none = np.zeros(0, np.int64)
    fold = Fold(0, inner_splits(study, usable, settings, 0, members), none, none)
    return FoldMap({"name": "whole", "inner_folds": settings.inner_folds, "seed": settings.seed}, (fold,))
