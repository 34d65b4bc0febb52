"""Who comes to the bed: a carer who leans in, a hand that covers the infant's face."""

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.faces.geometry import Face
from monitor.synthetic.expression import Expression
from monitor.synthetic.hand import GLOVE, draw_hand
from monitor.synthetic.identity import adult
from monitor.synthetic.layout import Turn
from monitor.synthetic.picture import paste, place_face, sprite_to_picture
from monitor.synthetic.portrait import Dress, Portrait
from monitor.synthetic.setting import Placement, Setting
from monitor.synthetic.sprite import Sprite

__all__ = ["CoveringHand", "VisitingCarer", "covered_share"]

_CYCLE_SECONDS = 24.0
_FIRST_SECONDS = 6.0
_STAY_SECONDS = 9.0
_MOVE_SECONDS = 1.8
_SAMPLES = 48


def _smooth(share: float) -> float:
    share = float(np.clip(share, 0.0, 1.0))
    return share * share * (3.0 - 2.0 * share)


class VisitingCarer:
    """A carer whose face comes in from an edge, stays a while, and goes.

    Args:
        seed: Who comes, and from where.
        setting: The bed.
    """

    def __init__(self, seed: int, setting: Setting) -> None:
        rng = np.random.default_rng([seed, 71])
        self._setting = setting
        self._identity = adult(seed + 500)
        width, height = setting.width_px, setting.height_px
        self._iod = float(rng.uniform(0.115, 0.14)) * min(width, height)
        self._portrait = Portrait(self._identity, Dress(), float(np.clip(round(self._iod), 12.0, 84.0)))
        self._side = -1.0 if setting.placement.x_px > width / 2 else 1.0
        self._orientation = float(rng.normal(0.0, 8.0)) + 16.0 * self._side
        self._scrubs = (52.0, 110.0, 128.0)

    def presence(self, time_seconds: float) -> float:
        """Return how far the carer has leaned in: 0 away, 1 there."""
        since = (time_seconds - _FIRST_SECONDS) % _CYCLE_SECONDS if time_seconds >= _FIRST_SECONDS else -1.0
        if since < 0.0:
            return 0.0
        return _smooth(since / _MOVE_SECONDS) * (1.0 - _smooth((since - _STAY_SECONDS) / _MOVE_SECONDS))

    def draw(self, picture: NDArray[np.uint8], time_seconds: float) -> Face | None:
        """Draw the carer over a picture, in place; returns the face, or None while no carer is there."""
        presence = self.presence(time_seconds)
        if presence <= 0.0:
            return None
        width, height = self._setting.width_px, self._setting.height_px
        near, away = 0.5 + 0.36 * self._side, 0.5 + 0.8 * self._side
        x = width * (away + (near - away) * presence)
        y = height * (0.3 + 0.02 * np.sin(0.9 * time_seconds))
        placement = Placement(x, y, self._iod, self._orientation + 3.0 * float(np.sin(0.7 * time_seconds)))
        self._shoulders(picture, placement)
        talk = max(0.0, float(np.sin(5.0 * time_seconds)) * float(np.sin(1.3 * time_seconds)))
        expression = Expression(open_lips=0.5 * talk, vertical_stretch=0.15 * talk, horizontal_stretch=0.15).rounded(16)
        light = self._setting.light.turned(self._orientation)
        drawing = self._portrait.draw(expression, Turn(-0.1 * self._side, 0.06), light)
        paste(picture, drawing.sprite, placement)
        face = place_face(drawing.layout, placement)
        in_view = 0.0 <= face.box.center_x_px < width and 0.0 <= face.box.center_y_px < height
        return face if in_view else None

    def _shoulders(self, picture: NDArray[np.uint8], placement: Placement) -> None:
        """Draw neck and scrubs below the carer's head."""
        angle = -np.deg2rad(placement.orientation_deg)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * placement.iod_px
        origin = (placement.x_px, placement.y_px)
        neck = np.array([(-0.6, 1.0), (0.6, 1.0), (0.75, 2.6), (-0.75, 2.6)])
        trunk = np.array([(-0.8, 2.1), (0.8, 2.1), (2.3, 2.8), (2.7, 9.0), (-2.7, 9.0), (-2.3, 2.8)])
        skin = 0.72 * np.array(self._identity.skin)
        for shape, colour in ((neck, skin), (trunk, np.array(self._scrubs))):
            points = np.rint((shape @ turn + origin) * 16).astype(np.int32)
            cv2.fillPoly(picture, [points], [float(value) for value in colour], cv2.LINE_AA, 4)


class CoveringHand:
    """A carer's hand that is laid over the infant's face and stays there.

    Args:
        seed: Whose hand.
        setting: The bed.
    """

    def __init__(self, seed: int, setting: Setting) -> None:
        rng = np.random.default_rng([seed, 72])
        self._start = 6.0
        self._orientation = setting.placement.orientation_deg + float(rng.uniform(110.0, 160.0)) * float(
            rng.choice([-1, 1])
        )
        colour = GLOVE if rng.random() < 0.5 else adult(seed + 500).skin
        iod = setting.placement.iod_px
        light = setting.light.turned(self._orientation)
        self._sprite = draw_hand(colour, (52.0, 110.0, 128.0), light, float(np.clip(round(iod), 12.0, 84.0)))
        self._iod = iod

    def draw(self, picture: NDArray[np.uint8], time_seconds: float, face: Face) -> float:
        """Draw the hand over a picture, in place; returns the covered share of the face in [0, 1]."""
        share = _smooth((time_seconds - self._start) / _MOVE_SECONDS)
        if share <= 0.0:
            return 0.0
        angle = -np.deg2rad(self._orientation)
        down = np.array([-np.sin(angle), np.cos(angle)]) * self._iod * 7.0 * (1.0 - share)
        target = face.landmarks.mean(axis=0) + down
        placement = Placement(float(target[0]), float(target[1]), 1.15 * self._iod, self._orientation)
        paste(picture, self._sprite, placement)
        return covered_share(self._sprite, placement, face)


def covered_share(sprite: Sprite, placement: Placement, face: Face) -> float:
    """Return the share in [0, 1] of the ellipse in a face's box that a sprite covers.

    Args:
        sprite: What covers.
        placement: Where it lies in the picture.
        face: What is covered, in pixels of the picture.
    """
    corners = face.box.corners()
    steps = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
    across, down = (axis.ravel() for axis in np.meshgrid(steps, steps))
    inside = (across - 0.5) ** 2 + (down - 0.5) ** 2 <= 0.25
    across, down = across[inside, None], down[inside, None]
    points = corners[0] + (corners[1] - corners[0]) * across + (corners[3] - corners[0]) * down
    inverse = cv2.invertAffineTransform(sprite_to_picture(sprite, placement))
    columns, rows = np.rint(points @ inverse[:, :2].T + inverse[:, 2]).astype(int).T
    height, width = sprite.opacity.shape
    known = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    return float(np.count_nonzero(sprite.opacity[rows[known], columns[known]] > 127) / len(points))
