"""Where a person's features lie for one expression and one turn of the head.

Everything is in face units (inter-ocular distances from the point between the eyes). A small turn out of the picture's
plane moves each feature sideways by its depth: the tip of the nose by the whole offset, the skull the other way.
"""

from dataclasses import dataclass, replace

import numpy as np

from monitor.synthetic.canvas import Points, smooth_closed
from monitor.synthetic.expression import Expression
from monitor.synthetic.identity import Identity

__all__ = ["FaceLayout", "Turn", "lay_out"]

_NOSE_DEPTH = 1.0
_MOUTH_DEPTH = 0.6
_CHIN_DEPTH = 0.45
_CHEEK_DEPTH = -0.35
_SKULL_DEPTH = -1.5
_JAW_DROP = 0.44
_CHIN_SHARE_OF_JAW = 0.68
_STRETCH = 0.115


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of the head out of the picture's plane.

    Attributes:
        sideways: Offset of the nose's tip to the picture's right, in IOD; 0.3 is about 30 degrees.
        downwards: Offset of the nose's tip downwards, in IOD.
    """

    sideways: float = 0.0
    downwards: float = 0.0


@dataclass(frozen=True, slots=True)
class FaceLayout:
    """Positions of the features, in face units, as (x, y).

    Attributes:
        identity: Whose face.
        expression: What it does.
        turn: How the head is turned.
        eyes: Shape (2, 2): the eye on the left, the eye on the right.
        nose: Tip of the nose.
        mouth_left: Corner on the left.
        mouth_right: Corner on the right.
        lip_top: Middle of the upper lip's inner edge.
        lip_bottom: Middle of the lower lip's inner edge.
        chin: Lowest point of the chin.
        skull: Centre of the head's ball.
        outline: Closed outline of head and jaw, shape (N, 2).
    """

    identity: Identity
    expression: Expression
    turn: Turn
    eyes: Points
    nose: Points
    mouth_left: Points
    mouth_right: Points
    lip_top: Points
    lip_bottom: Points
    chin: Points
    skull: Points
    outline: Points

    @property
    def five_points(self) -> Points:
        """The five points in RetinaFace's order, shape (5, 2)."""
        return np.stack([*self.eyes, self.nose, self.mouth_left, self.mouth_right])

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The face box (left, top, right, bottom), from the middle of the forehead to the chin."""
        person = self.identity
        middle = self.turn.sideways * _CHEEK_DEPTH
        top = -person.box_top * person.box_height + 0.5 * self.turn.downwards
        bottom = top + person.box_height + float(self.chin[1]) - person.chin
        return middle - person.box_width / 2, top, middle + person.box_width / 2, bottom

    def at(self, x: float, y: float, depth: float) -> tuple[float, float]:
        """Return where a point of the unturned face is seen; `depth` is 0 at the eyes and 1 at the nose's tip."""
        return x + self.turn.sideways * depth, y + self.turn.downwards * depth


def lay_out(identity: Identity, expression: Expression, turn: Turn, quiver: float = 0.0) -> FaceLayout:
    """Place the features.

    Args:
        identity: Whose face.
        expression: What it does; its `head_turn` is added to `turn`.
        turn: How the head lies.
        quiver: Displacement of the chin by its quiver, in face units.
    """
    turn = replace(turn, sideways=turn.sideways + 0.25 * expression.head_turn)
    yaw, pitch = turn.sideways, turn.downwards
    jaw = expression.vertical_stretch
    drop = _JAW_DROP * jaw
    width = identity.mouth_width + _STRETCH * expression.horizontal_stretch - 0.035 * jaw
    width += (0.56 - width) * expression.lip_purse
    corner_y = identity.mouth + 0.1 * drop - 0.015 * expression.horizontal_stretch
    gap = 0.07 * expression.open_lips + drop * expression.open_lips + 0.06 * expression.tongue_protrusion
    rise = 0.035 * expression.nasolabial_furrow + 0.06 * jaw * expression.open_lips
    chin_y = identity.chin + _CHIN_SHARE_OF_JAW * drop + quiver
    middle = yaw * _MOUTH_DEPTH
    down = pitch * _MOUTH_DEPTH
    shift = 0.5 * width * (1.0 - 0.15 * abs(yaw))
    return FaceLayout(
        identity=identity,
        expression=expression,
        turn=turn,
        eyes=np.array([(-0.5, 0.0), (0.5, 0.0)]),
        nose=np.array([yaw * _NOSE_DEPTH, identity.nose + pitch * _NOSE_DEPTH - 0.02 * expression.nasolabial_furrow]),
        mouth_left=np.array([middle - shift, corner_y + down]),
        mouth_right=np.array([middle + shift, corner_y + down]),
        lip_top=np.array([middle, identity.mouth - 0.015 - rise + down]),
        lip_bottom=np.array([middle, identity.mouth - 0.01 - rise + gap + down + quiver]),
        chin=np.array([yaw * _CHIN_DEPTH, chin_y + pitch * _CHIN_DEPTH]),
        skull=np.array([yaw * _SKULL_DEPTH, -0.35 + pitch * _SKULL_DEPTH]),
        outline=_outline(identity, yaw, pitch, chin_y, jaw),
    )


def _outline(identity: Identity, yaw: float, pitch: float, chin_y: float, jaw: float) -> Points:
    """Return the outline of skull, cheeks and jaw."""
    skull, cheek, top = identity.skull_half_width, identity.cheek_half_width, identity.skull_top
    lower = chin_y - identity.chin
    jaw_width = 0.62 if identity.is_adult else 0.66
    right = np.array(
        [
            (0.0, top, _SKULL_DEPTH),
            (0.52 * skull, 0.93 * top, _SKULL_DEPTH),
            (0.87 * skull, 0.68 * top, _SKULL_DEPTH),
            (skull, 0.32 * top, -1.2),
            (0.97 * skull, -0.05, -0.8),
            (1.03 * cheek, 0.36, -0.5),
            (0.99 * cheek - 0.04 * jaw, 0.5 * identity.chin + 0.1 * lower, -0.3),
            (0.84 * cheek - 0.05 * jaw, 0.73 * identity.chin + 0.42 * lower, -0.05),
            (jaw_width * 0.9 * cheek - 0.03 * jaw, 0.88 * identity.chin + 0.75 * lower, 0.15),
            (0.3 * cheek, 0.975 * identity.chin + 0.97 * lower, 0.35),
        ]
    )
    bottom = np.array([(0.0, identity.chin + lower, _CHIN_DEPTH)])
    left = right[:0:-1] * (-1.0, 1.0, 1.0)
    corners = np.concatenate([right, bottom, left])
    seen = corners[:, :2] + corners[:, 2:] * (yaw, pitch)
    return smooth_closed(seen)
