"""The infant below the chin: neck, and a body in a striped blanket."""

import numpy as np

from monitor.synthetic.canvas import FloatImage, Grid, blend, ellipse, moved, smooth_closed, spread
from monitor.synthetic.cloth import folds
from monitor.synthetic.identity import Identity
from monitor.synthetic.placing import face_to_picture, mapped
from monitor.synthetic.setting import Setting

__all__ = ["draw_body", "head_shadow"]

_HALF_BODY = np.array([(0.95, 1.62), (1.75, 2.2), (1.95, 3.6), (1.8, 6.0), (1.2, 8.2)])
_HEM = np.array([(-0.95, 1.62), (-0.5, 1.86), (0.0, 1.93), (0.5, 1.86), (0.95, 1.62)])
_NECK = np.array([(-0.62, 0.6), (0.62, 0.6), (0.75, 2.4), (-0.75, 2.4)])
_BALL = np.array([(0.0, -2.0), (1.4, -0.5), (1.0, 1.1), (-1.0, 1.1), (-1.4, -0.5)])


def head_shadow(grid: Grid, setting: Setting) -> FloatImage:
    """Return the shadow of the head on the sheet, shape (H, W), in [0, 1]."""
    iod = setting.placement.iod_px
    ball = mapped(setting.placement, smooth_closed(_BALL))
    return grid.fill(moved(ball, -0.4 * iod * setting.light.x, -0.4 * iod * setting.light.y), soft=0.22 * iod)


def draw_body(image: FloatImage, grid: Grid, setting: Setting, identity: Identity, rng: np.random.Generator) -> None:
    """Draw neck and swaddled body over the sheet, in place."""
    placement, iod = setting.placement, setting.placement.iod_px
    skin = np.array(identity.skin, np.float32) * np.array([0.84, 0.74, 0.71], np.float32)
    neck = grid.fill(mapped(placement, _NECK), soft=0.04 * iod)
    blend(image, spread(_roundness(grid, setting, 0.85)) * skin, neck)
    under_chin = grid.fill(mapped(placement, ellipse(0.0, 1.4, 0.75, 0.3)), soft=0.14 * iod)
    blend(image, (44.0, 24.0, 20.0), under_chin * neck * np.float32(0.5))
    tilt = float(rng.normal(0.0, 0.2))
    body = np.concatenate([[(0.0, 1.9)], _HALF_BODY, _HALF_BODY[::-1] * (-1.0, 1.0)])
    body[:, 0] += tilt * np.maximum(0.0, body[:, 1] - 1.8)
    outline = mapped(placement, smooth_closed(body))
    mask = grid.fill(outline, soft=0.012 * iod)
    shadow = grid.fill(moved(outline, -0.25 * iod * setting.light.x, -0.25 * iod * setting.light.y), soft=0.14 * iod)
    blend(image, (44.0, 42.0, 46.0), shadow * (np.float32(1.0) - mask) * np.float32(0.45))
    cloth = np.empty_like(image)
    cloth[:] = setting.blanket
    bend = np.linspace(-2.0, 2.0, 12)
    stripes = [
        mapped(placement, np.stack([1.1 * bend + tilt * (y - 1.8), y + 0.1 * np.cos(bend)], axis=1))
        for y in np.arange(2.6, 8.0, 0.62)
    ]
    blend(cloth, setting.blanket_stripe, grid.stroke(*stripes, width=0.11 * iod) * np.float32(0.85))
    cloth *= spread(_roundness(grid, setting, 2.15) * folds(rng, grid, setting, max(12.0, 0.4 * iod), 0.16))
    crease = grid.stroke(mapped(placement, moved(_HEM, 0.0, 0.12)), width=0.05 * iod, soft=0.03 * iod)
    blend(cloth, (70.0, 62.0, 60.0), crease * np.float32(0.4))
    blend(image, cloth, mask)


def _roundness(grid: Grid, setting: Setting, radius: float) -> FloatImage:
    """Return the gain of light on a lying cylinder of a radius in face units, shape (H, W)."""
    matrix = face_to_picture(setting.placement)
    across = (grid.x[None] - matrix[0, 2]) * matrix[0, 0] + (grid.y[:, None] - matrix[1, 2]) * matrix[1, 0]
    share = across / (radius * setting.placement.iod_px**2)
    gain: FloatImage = np.sqrt(np.clip(1.0 - share * share, 0.12, 1.0)).astype(np.float32)
    return gain
