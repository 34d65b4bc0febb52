"""What a facial action is: a name, a value from 0 to 1, and how far the value is to be trusted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

__all__ = ["ACTIONS", "ActionName", "ActionValue", "FacialActions"]

ActionName = Literal[
    "mouth_opening",
    "vertical_stretch",
    "horizontal_stretch",
    "left_eye_closure",
    "right_eye_closure",
    "brow_lowering",
    "inner_brow_nearness",
    "nasolabial_depth",
    "lip_purse",
]
ACTIONS: tuple[ActionName, ...] = get_args(ActionName)


@dataclass(frozen=True, slots=True)
class ActionValue:
    """One action of one face.

    Attributes:
        raw: The measure itself: a ratio of lengths, or of grey levels, without a unit.
        value: In [0, 1]: 0 as on a calm face, 1 at the strongest that was seen.
        standard_error: Of `value`, in [0, 1]: what an error of the mesh's points does to it.
    """

    raw: float
    value: float
    standard_error: float


FacialActions = Mapping[ActionName, ActionValue]
"""All actions of one face, one each."""
