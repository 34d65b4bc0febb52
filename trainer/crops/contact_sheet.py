"""A sheet of all crops, to look at: a wrong face or a wrong turn shows at a glance and in no number."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["SheetItem", "contact_sheet"]

_CAPTION_PX = 14
_COLUMNS = 16
_PAIN, _NO_PAIN, _MISSING = (200, 40, 40), (30, 90, 170), (90, 90, 90)


@dataclass(frozen=True, slots=True)
class SheetItem:
    """One picture on the sheet.

    Attributes:
        crop: Shape (S, S, 3), or None where no face was found.
        caption: A few characters.
        is_pain: Colours the caption.
    """

    crop: NDArray[np.uint8] | None
    caption: str
    is_pain: bool


def contact_sheet(items: list[SheetItem], side_px: int = 96) -> NDArray[np.uint8]:
    """Return all crops in rows of 16, shape (height, width, 3), RGB.

    Args:
        items: In the order in which they are shown; at least one.
        side_px: Side of each crop on the sheet.
    """
    rows = -(-len(items) // _COLUMNS)
    height_px = side_px + _CAPTION_PX
    sheet = np.full((rows * height_px, min(_COLUMNS, len(items)) * side_px, 3), 255, np.uint8)
    for index, item in enumerate(items):
        row, column = divmod(index, _COLUMNS)
        top, left = row * height_px, column * side_px
        if item.crop is None:
            sheet[top : top + side_px, left : left + side_px] = 215
            colour = _MISSING
            cv2.putText(sheet, "no face", (left + 4, top + side_px // 2), cv2.FONT_HERSHEY_SIMPLEX, 0.35, colour, 1)
        else:
            sheet[top : top + side_px, left : left + side_px] = cv2.resize(
                item.crop, (side_px, side_px), interpolation=cv2.INTER_AREA
            )
            colour = _PAIN if item.is_pain else _NO_PAIN
        origin = (left + 2, top + height_px - 4)
        cv2.putText(sheet, item.caption[: side_px // 6], origin, cv2.FONT_HERSHEY_SIMPLEX, 0.3, colour, 1, cv2.LINE_AA)
    return sheet
