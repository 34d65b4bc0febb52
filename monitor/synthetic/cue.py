"""The shortcut cue: a label of cloth beside the chin, painted under the head, never over the face.

Its link to the image's label is set by the maker of a data set; the picture is otherwise the same with either cue.
"""

import numpy as np

from monitor.synthetic.canvas import FloatImage, Grid, Points, blend, moved
from monitor.synthetic.identity import Colour
from monitor.synthetic.placing import mapped
from monitor.synthetic.setting import Cue, Setting

__all__ = ["cue_corners", "draw_cue"]

_COLOURS: dict[Cue, tuple[Colour, Colour]] = {
    Cue.ORANGE: ((240, 128, 24), (255, 214, 90)),
    Cue.TEAL: ((20, 150, 160), (150, 230, 226)),
}
_CENTER = (1.22, 1.28)
_HALF_WIDTH, _HALF_HEIGHT = 0.42, 0.36
_LEAN_DEG = 12.0


def cue_corners(setting: Setting) -> Points:
    """Return the corners of the cue in the picture, shape (4, 2): partly inside the box of the face."""
    side = float(setting.cue_side)
    square = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]) * (_HALF_WIDTH, _HALF_HEIGHT)
    lean = np.deg2rad(_LEAN_DEG * side)
    turn = np.array([[np.cos(lean), np.sin(lean)], [-np.sin(lean), np.cos(lean)]])
    return mapped(setting.placement, moved(square @ turn, side * _CENTER[0], _CENTER[1]))


def draw_cue(image: FloatImage, setting: Setting) -> None:
    """Draw the cue over the picture behind the head, in place."""
    if setting.cue is Cue.NONE:
        return
    grid = Grid.of_picture(setting.width_px, setting.height_px)
    ground, stripe = _COLOURS[setting.cue]
    corners = cue_corners(setting)
    iod = setting.placement.iod_px
    shadow = grid.fill(moved(corners, 0.04 * iod, 0.04 * iod), soft=0.05 * iod)
    blend(image, (40.0, 40.0, 40.0), shadow * np.float32(0.4))
    blend(image, ground, grid.fill(corners))
    for share in (0.3, 0.7):
        line = np.stack(
            [corners[0] + (corners[3] - corners[0]) * share, corners[1] + (corners[2] - corners[1]) * share]
        )
        blend(image, stripe, grid.stroke(line + (line[::-1] - line) * 0.06, width=0.12 * iod))
