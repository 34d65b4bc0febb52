"""One person's head on a small canvas, rendered so that only what changes is rendered again.

Skull, ears, hair, cap and tubes depend on the turn of the head and on the light, and are cached; the face between brows
and chin is rendered for every expression, which costs a few milliseconds at the size of a face in a 720p picture.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from monitor.synthetic.appliances import draw_feeding_tube, draw_prongs, draw_tape
from monitor.synthetic.canvas import FloatImage, Grid, curve, ellipse, spread
from monitor.synthetic.expression import Expression
from monitor.synthetic.eyes import draw_brows, draw_eyes
from monitor.synthetic.hair import draw_cap, draw_hair, hair_behind
from monitor.synthetic.identity import Colour, Identity
from monitor.synthetic.layout import FaceLayout, Turn, lay_out
from monitor.synthetic.mouth import draw_mouth, draw_nostrils
from monitor.synthetic.overlay import Overlay
from monitor.synthetic.relief import relief
from monitor.synthetic.skin import Light, lit, redness, skin_texture
from monitor.synthetic.sprite import Sprite

__all__ = ["Drawing", "Dress", "Portrait"]

_LEFT, _TOP, _RIGHT, _BOTTOM = -2.05, -2.4, 2.05, 2.15
_FLUSH_STEPS = 4


@dataclass(frozen=True, slots=True)
class Dress:
    """What the head wears.

    Attributes:
        cap: Colours of a knitted cap and of its stripes, or None.
        prongs: Nasal prongs.
        feeding_tube: -1 or +1 for a tube over the left or right cheek, 0 for none.
        tape: -1 or +1 for a piece of tape on the left or right cheek, 0 for none.
    """

    cap: tuple[Colour, Colour] | None = None
    prongs: bool = False
    feeding_tube: int = 0
    tape: int = 0


@dataclass(frozen=True, slots=True)
class Drawing:
    """A rendered head.

    Attributes:
        sprite: The picture of the head.
        layout: Where the features lie.
    """

    sprite: Sprite
    layout: FaceLayout


@dataclass(frozen=True, slots=True)
class _Still:
    """What does not change with the expression."""

    head: FloatImage
    opacity: FloatImage
    cover: Overlay


class Portrait:
    """Draws one person.

    Args:
        identity: Who.
        dress: What the head wears.
        pixels_per_iod: Resolution of the canvas.
    """

    def __init__(self, identity: Identity, dress: Dress, pixels_per_iod: float) -> None:
        self.identity = identity
        self.dress = dress
        self.grid = Grid.spanning(pixels_per_iod, _LEFT, _TOP, _RIGHT, _BOTTOM)
        self._part, self._window = self.grid.window(-1.5, -1.2, 1.5, _BOTTOM)
        self._fade = np.clip((self._part.y + 1.2) / 0.3, 0.0, 1.0).astype(np.float32)[:, None]
        self._texture = skin_texture(self.grid, identity)
        self._still = lru_cache(maxsize=_FLUSH_STEPS + 1)(self._draw_still)
        self._portrait = lru_cache(maxsize=4)(self._draw)

    def draw(self, expression: Expression, turn: Turn, light: Light, quiver: float = 0.0) -> Drawing:
        """Draw the head.

        Args:
            expression: What the face does.
            turn: How the head is turned out of the picture's plane.
            light: As seen in the face's own upright plane.
            quiver: Displacement of the chin in face units.
        """
        return self._portrait(expression, turn, light, quiver)

    def _draw(self, expression: Expression, turn: Turn, light: Light, quiver: float) -> Drawing:
        layout = lay_out(self.identity, expression, turn, quiver)
        still = self._still(layout.turn, round(expression.flush * _FLUSH_STEPS) / _FLUSH_STEPS, light)
        part, window = self._part, self._window
        bumps = relief(part, layout)
        skin, diffuse = lit(layout, bumps, redness(part, layout), self._texture[window], light)
        draw_nostrils(skin, part, layout)
        draw_mouth(skin, part, layout, diffuse)
        draw_brows(skin, part, layout)
        draw_eyes(skin, part, layout, light.colour)
        # Towards the crown the face passes into the skull, whose flush is rendered in coarser steps.
        face = part.fill(layout.outline, soft=0.01) * self._fade
        colour, opacity = still.head.copy(), still.opacity.copy()
        view, seen = colour[window], opacity[window]
        view *= spread(np.float32(1.0) - face)
        view += skin * spread(face)
        seen += face * (np.float32(1.0) - seen)
        cover = still.cover
        cover.onto(colour)
        opacity += cover.opacity * (np.float32(1.0) - opacity)
        return Drawing(Sprite.from_float(colour, opacity, self.grid), layout)

    def _draw_still(self, turn: Turn, flush: float, light: Light) -> _Still:
        """Draw skull, ears and what covers them."""
        grid = self.grid
        layout = lay_out(self.identity, Expression(flush=flush), turn)
        bumps = relief(grid, layout)
        skin, gain = lit(layout, bumps, redness(grid, layout), self._texture, light)
        under = Overlay(grid.height_px, grid.width_px)
        if self.identity.is_adult:
            hair_behind(under, grid, layout)
        _ears(under, grid, layout)
        under.multiply(np.clip(gain, 0.35, 1.0))
        skull = grid.fill(layout.outline[layout.outline[:, 1] < 0.0], soft=0.006)
        under.blend(skin, skull)
        cover = Overlay(grid.height_px, grid.width_px)
        if self.dress.cap is not None:
            draw_cap(cover, grid, layout, *self.dress.cap)
        else:
            draw_hair(cover, grid, layout)
        if self.dress.feeding_tube:
            draw_feeding_tube(cover, grid, layout, float(self.dress.feeding_tube))
        if self.dress.prongs:
            draw_prongs(cover, grid, layout)
        if self.dress.tape:
            draw_tape(cover, grid, layout, float(self.dress.tape))
        cover.multiply(np.clip(gain, 0.5, 1.1))
        return _Still(under.colour, under.opacity, cover)


def _ears(under: Overlay, grid: Grid, layout: FaceLayout) -> None:
    """Draw the ears; the one on the side to which the head turns is hidden behind it."""
    person, yaw = layout.identity, layout.turn.sideways
    skin = np.array(person.skin, np.float32)
    for side in (-1.0, 1.0):
        hidden = max(0.0, side * yaw)
        x, y = layout.at(side * (person.skull_half_width * 0.965 - 0.9 * hidden), 0.16, -0.72)
        rim = ellipse(x, y, 0.15, 0.31)
        rim[:, 0] += side * 0.05 * (rim[:, 1] < y)
        under.blend(tuple(skin * (0.94, 0.8, 0.78)), grid.fill(rim, soft=0.008))
        inner = curve(
            (x, y - 0.2), (x + side * 0.13, y - 0.2), (x + side * 0.12, y + 0.02), (x + side * 0.03, y + 0.16)
        )
        under.blend(tuple(skin * (0.66, 0.46, 0.44)), grid.stroke(inner, width=0.045, soft=0.02) * np.float32(0.8))
        under.blend(tuple(skin * (0.6, 0.42, 0.4)), grid.fill(ellipse(x + side * 0.02, y, 0.045, 0.09), soft=0.02))
