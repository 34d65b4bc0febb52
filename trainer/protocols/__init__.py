"""Protocols: how pictures are divided into those to learn from and those to test on, and whether that holds."""

from trainer.crops import Study
from trainer.crops.expansion import EXPANSIONS
from trainer.protocols.audit import UNKNOWN_INFANTS, Overlap, audit, audit_lines, seen_in_training
from trainer.protocols.dissertation import dissertation_folds
from trainer.protocols.folds import AS_IT_IS, Fold, FoldMap, Items, read_fold_map
from trainer.protocols.grouping import groups_of
from trainer.protocols.settings import ProtocolSettings
from trainer.protocols.strict import check_classes, strict_folds
from trainer.protocols.whole import whole_study

__all__ = [
    "AS_IT_IS",
    "EXPANSION_NAMES",
    "UNKNOWN_INFANTS",
    "Fold",
    "FoldMap",
    "Items",
    "Overlap",
    "ProtocolSettings",
    "audit",
    "audit_lines",
    "check_classes",
    "groups_of",
    "make_folds",
    "read_fold_map",
    "seen_in_training",
    "whole_study",
]


EXPANSION_NAMES = tuple(EXPANSIONS)
"""The presets of fixed copies."""


def make_folds(study: Study, settings: ProtocolSettings, members: int = 1) -> FoldMap:
    """Divide a study as the settings say.

    Raises:
        DataError: The pictures cannot be divided so; the sentence says why.
    """
    divide = strict_folds if settings.name == "strict" else dissertation_folds
    return divide(study, settings, members)
