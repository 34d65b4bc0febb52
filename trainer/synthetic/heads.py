"""Where the head of a synthetic infant can be, whatever it does: the cover that leaves only the background.

The outline of the face itself shows the expression: the chin sinks when the mouth opens, and somebody who is shown a
picture with just the face cut out can read pain from the shape of the hole. A cover that depends on position, size and
angle of the head only, and not on what it does, shows nothing.
"""

from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.synthetic.canvas import Points
from monitor.synthetic.expression import Expression
from monitor.synthetic.identity import infant
from monitor.synthetic.layout import Turn, lay_out
from trainer.synthetic.regions import region_mask

__all__ = ["head_cover"]

# From one side to the other, with the chin up and down.
_TURNS = tuple(Turn(sideways, downwards) for sideways in np.linspace(-0.5, 0.5, 5) for downwards in (-0.08, 0.08))
_JAWS = (0.0, 0.5, 1.0)


def head_cover(bits: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
    """Return a cover of the head, shape (H, W), the same for every expression; None where an eye is out of the picture.

    Args:
        bits: Regions of a synthetic still as from `region_bits`, shape (H, W). Position, size and angle of the head
            follow from the eyes, which are rendered at the same position whatever the face does.
    """
    eyes = _centers(region_mask(bits, "eyes"), 2)
    nose = _centers(region_mask(bits, "nose"), 1)
    if eyes is None or nose is None:
        return None
    middle, across = eyes.mean(axis=0), eyes[1] - eyes[0]
    down = np.array([-across[1], across[0]])
    if down @ (nose[0] - middle) < 0.0:
        across, down = -across, -down
    cover = np.zeros(bits.shape, np.uint8)
    for outline in _outlines():
        corners = middle + outline[:, :1] * across + outline[:, 1:] * down
        cv2.fillPoly(cover, [np.rint(corners).astype(np.int32)], 1)
    return cover > 0


@lru_cache(maxsize=1)
def _outlines() -> tuple[Points, ...]:
    """Return the outlines of the largest head in face units, for every turn and every opening of the mouth."""
    # The largest that is rendered, its ears and hair included.
    largest = replace(infant(0), skull_half_width=1.55, skull_top=-2.2, cheek_half_width=1.3, chin=1.42)
    return tuple(lay_out(largest, Expression(vertical_stretch=jaw), turn).outline for jaw in _JAWS for turn in _TURNS)


def _centers(mask: NDArray[np.bool_], count: int) -> NDArray[np.float64] | None:
    """Return the centres (x, y) of the largest patches, shape (count, 2); None where there are fewer."""
    found, _, stats, centers = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if found - 1 < count:
        return None
    largest = 1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable")[:count]
    return np.asarray(centers[largest], np.float64)
