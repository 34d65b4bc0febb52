"""Skin: colour, redness, texture, and how light falls on it."""

from dataclasses import dataclass

import cv2
import numpy as np

from monitor.synthetic.canvas import FloatImage, Grid, product, spread
from monitor.synthetic.identity import Identity
from monitor.synthetic.layout import FaceLayout
from monitor.synthetic.relief import Relief

__all__ = ["Light", "lit", "redness", "shade", "skin_texture"]


@dataclass(frozen=True, slots=True)
class Light:
    """A main light and the light from everywhere else.

    Attributes:
        x: Where the main light stands, to the right of the picture.
        y: Downwards; negative is above.
        z: Towards the viewer.
        strength: Share of the main light, 0..1.
        warmth: -1 bluish to 1 yellowish.
    """

    x: float = -0.35
    y: float = -0.45
    z: float = 0.82
    strength: float = 0.55
    warmth: float = 0.1

    def turned(self, degrees: float) -> "Light":
        """Return the light as seen after turning the picture clockwise by `degrees`."""
        angle = np.deg2rad(degrees)
        cosine, sine = float(np.cos(angle)), float(np.sin(angle))
        return Light(
            self.x * cosine - self.y * sine, self.x * sine + self.y * cosine, self.z, self.strength, self.warmth
        )

    @property
    def colour(self) -> FloatImage:
        """Gain of red, green and blue, shape (3,)."""
        return np.array([1.0 + 0.06 * self.warmth, 1.0, 1.0 - 0.1 * self.warmth], np.float32)


# Light enters skin and comes out red: red wraps further round an edge than green and blue do.
_WRAP = np.array([0.42, 0.22, 0.17], np.float32)


def shade(relief: Relief, light: Light) -> tuple[FloatImage, FloatImage]:
    """Return how much light a surface gives back.

    Returns:
        Diffuse gain per colour, shape (H, W, 3), about 1 where the surface faces the light; gloss, shape (H, W).
    """
    norm = float(np.sqrt(light.x**2 + light.y**2 + light.z**2))
    x, y, z = light.x / norm, light.y / norm, light.z / norm
    length = np.float32(1.0) / np.sqrt(np.float32(1.0) + relief.slope_x**2 + relief.slope_y**2)
    facing = (np.float32(z) - np.float32(x) * relief.slope_x - np.float32(y) * relief.slope_y) * length
    ambient = np.float32(1.0 - light.strength) * (np.float32(0.55) + np.float32(0.45) * length)
    planes = []
    for wrap, tint in zip(_WRAP, light.colour, strict=True):
        plane = np.maximum(facing + wrap, np.float32(0.0))
        plane *= np.float32(light.strength * 1.22 * tint / (1.0 + wrap))
        plane += ambient * tint
        planes.append(plane)
    # Half-way vector between light and viewer, for the faint sheen of moist skin.
    half = np.array([x, y, z + 1.0]) / np.sqrt(x * x + y * y + (z + 1.0) ** 2)
    mirror = (
        np.float32(half[2]) - np.float32(half[0]) * relief.slope_x - np.float32(half[1]) * relief.slope_y
    ) * length
    gloss = np.maximum(mirror, np.float32(0.0))
    for _ in range(4):
        gloss = gloss * gloss
    return np.asarray(cv2.merge(planes), np.float32), gloss


def redness(grid: Grid, layout: FaceLayout) -> FloatImage:
    """Return how red the skin is, shape (H, W): cheeks, nose, lids and chin, and all over when flushed."""
    spots = np.array(
        [
            (*layout.at(-0.7, 0.5, 0.2), 0.34, 0.28, 0.55),
            (*layout.at(0.7, 0.5, 0.2), 0.34, 0.28, 0.55),
            (float(layout.nose[0]), float(layout.nose[1]), 0.16, 0.12, 0.4),
            (*layout.at(-0.5, 0.02, 0.0), 0.24, 0.13, 0.4),
            (*layout.at(0.5, 0.02, 0.0), 0.24, 0.13, 0.4),
            (float(layout.chin[0]), float(layout.chin[1]) - 0.15, 0.25, 0.12, 0.3),
            (*layout.at(0.0, layout.identity.brow - 0.1, 0.1), 0.3, 0.2, 0.15),
        ],
        np.float32,
    )
    x, y, spread_x, spread_y, strength = (spots[:, index, None] for index in range(5))
    strength = strength * np.float32(1.0 if not layout.identity.is_adult else 0.5)
    bell_x = np.exp(-0.5 * ((grid.x[None] - x) / spread_x) ** 2)
    bell_y = np.exp(-0.5 * ((grid.y[None] - y) / spread_y) ** 2) * strength
    red = product(np.ascontiguousarray(bell_y.T), bell_x)
    flush = np.float32(layout.expression.flush)
    return red * (np.float32(1.0) + flush) + flush * np.float32(0.45)


def skin_texture(grid: Grid, identity: Identity) -> FloatImage:
    """Return small differences of brightness, shape (H, W), about 1: mottling, pores and a few spots."""
    rng = np.random.default_rng([identity.seed, 3])
    coarse = _noise(rng, grid, 0.35, 0.022)
    middle = _noise(rng, grid, 0.08, 0.014)
    fine = _noise(rng, grid, 0.02, 0.012)
    texture: FloatImage = np.float32(1.0) + coarse + middle + fine
    for _ in range(int(rng.integers(0, 9)) if not identity.is_adult else 3):
        x, y, size = rng.uniform(-0.9, 0.9), rng.uniform(-1.0, 1.1), rng.uniform(0.012, 0.022)
        bell = np.exp(-0.5 * ((grid.y - y) / size) ** 2)[:, None] * np.exp(-0.5 * ((grid.x - x) / size) ** 2)[None]
        texture += np.float32(rng.uniform(-0.1, 0.08)) * bell.astype(np.float32)
    return texture


def _noise(rng: np.random.Generator, grid: Grid, size: float, amplitude: float) -> FloatImage:
    """Return smooth noise with features of `size` face units."""
    rows = max(2, int(np.ceil(grid.height_px / grid.pixels_per_iod / size)) + 1)
    columns = max(2, int(np.ceil(grid.width_px / grid.pixels_per_iod / size)) + 1)
    coarse = rng.normal(0.0, amplitude, (rows, columns)).astype(np.float32)
    fine = cv2.resize(coarse, (grid.width_px, grid.height_px), interpolation=cv2.INTER_CUBIC)
    return np.asarray(fine, np.float32)


def lit(
    layout: FaceLayout, relief: Relief, red: FloatImage, texture: FloatImage, light: Light
) -> tuple[FloatImage, FloatImage]:
    """Light the skin.

    Returns:
        The skin, RGB 0..255, and the diffuse gain of the light as from `shade`; both of shape (H, W, 3).
    """
    diffuse, gloss = shade(relief, light)
    skin = np.asarray(layout.identity.skin, np.float32)
    # Blood takes away green and blue; on dark skin it shows less.
    weight = np.float32(0.35 + 0.65 * float(skin.mean()) / 210.0)
    blush = np.array([0.03, 0.22, 0.19], np.float32) * weight
    albedo = texture * (np.float32(1.0) - np.float32(0.3) * relief.crease)
    planes = [albedo * (channel - red * (channel * take)) for channel, take in zip(skin, blush, strict=True)]
    colour = np.asarray(cv2.merge(planes), np.float32)
    colour *= diffuse
    colour += spread(gloss * np.float32(26.0 * light.strength))
    return colour, diffuse
