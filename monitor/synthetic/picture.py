"""Putting heads and hands into a picture, and what the camera adds."""

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.faces.geometry import Face, OrientedBox
from monitor.synthetic.layout import FaceLayout
from monitor.synthetic.placing import face_to_picture
from monitor.synthetic.setting import Camera, Placement
from monitor.synthetic.sprite import Sprite

__all__ = ["add_noise", "noise_tile", "paste", "place_face", "sprite_to_picture"]

Image = NDArray[np.uint8]


def sprite_to_picture(sprite: Sprite, placement: Placement) -> NDArray[np.float64]:
    """Return the affine map, shape (2, 3), from pixels of the sprite to pixels of the picture."""
    matrix = face_to_picture(placement)
    grid = sprite.grid
    linear = matrix[:, :2] / grid.pixels_per_iod
    origin = np.array([grid.left + 0.5 / grid.pixels_per_iod, grid.top + 0.5 / grid.pixels_per_iod])
    return np.concatenate([linear, (matrix[:, :2] @ origin + matrix[:, 2])[:, None]], axis=1)


def paste(picture: Image, sprite: Sprite, placement: Placement) -> None:
    """Lay a sprite over a picture, in place; parts outside the picture are cut off."""
    height, width = sprite.opacity.shape
    matrix = sprite_to_picture(sprite, placement)
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)]) @ matrix[:, :2].T + matrix[:, 2]
    x0, y0 = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, (picture.shape[1], picture.shape[0]))
    if x1 <= x0 or y1 <= y0:
        return
    matrix[:, 2] -= (x0, y0)
    size = (int(x1 - x0), int(y1 - y0))
    colour = cv2.warpAffine(sprite.image, matrix, size, flags=cv2.INTER_LINEAR)
    opacity = cv2.warpAffine(sprite.opacity, matrix, size, flags=cv2.INTER_LINEAR)
    view = picture[y0:y1, x0:x1]
    behind = cv2.multiply(view, cv2.cvtColor(cv2.bitwise_not(opacity), cv2.COLOR_GRAY2RGB), scale=1.0 / 255.0)
    cv2.add(behind, colour, dst=view)


def place_face(layout: FaceLayout, placement: Placement) -> Face:
    """Return a laid-out face as a detector would report it, in pixels of the picture."""
    matrix = face_to_picture(placement)
    left, top, right, bottom = layout.box
    center = matrix[:, :2] @ np.array([(left + right) / 2, (top + bottom) / 2]) + matrix[:, 2]
    iod = placement.iod_px
    box = OrientedBox(
        float(center[0]), float(center[1]), (right - left) * iod, (bottom - top) * iod, placement.orientation_deg
    )
    return Face(box, layout.five_points @ matrix[:, :2].T + matrix[:, 2], 1.0)


def noise_tile(seed: int, camera: Camera, width_px: int, height_px: int) -> Image:
    """Return sensor noise about the grey level 128, larger than the picture so that it can be shifted.

    Returns:
        Shape (height_px + 64, width_px + 64, 3), uint8.
    """
    rng = np.random.default_rng([seed, 21])
    rows, columns = 256, 256
    grain = rng.normal(0.0, camera.noise, (rows, columns, 3)).astype(np.float32)
    tile = np.clip(np.rint(grain + 128.0), 0, 255).astype(np.uint8)
    repeats = (-(-(height_px + 64) // rows), -(-(width_px + 64) // columns), 1)
    return np.ascontiguousarray(np.tile(tile, repeats)[: height_px + 64, : width_px + 64])


def add_noise(picture: Image, tile: Image, shift: tuple[int, int]) -> Image:
    """Return the picture with the noise of a tile, taken at `shift` (x, y), each in [0, 64)."""
    x, y = shift
    height, width = picture.shape[:2]
    return np.asarray(cv2.addWeighted(picture, 1.0, tile[y : y + height, x : x + width], 1.0, -128.0), np.uint8)
