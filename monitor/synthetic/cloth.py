"""Crumpled cloth: the light on its folds, and printed patterns."""

import cv2
import numpy as np

from monitor.synthetic.canvas import FloatImage, Grid, spread
from monitor.synthetic.setting import Setting

__all__ = ["folds", "print_pattern"]


def _smooth_noise(rng: np.random.Generator, grid: Grid, size_px: float, stretch: float, lean: float) -> FloatImage:
    """Return noise with features of `size_px`, stretched by `stretch` along the direction `lean` (radians)."""
    side = int(np.ceil(1.5 * max(grid.width_px, grid.height_px) / size_px)) + 4
    coarse = rng.normal(0.0, 1.0, (side, max(4, int(side / stretch)))).astype(np.float32)
    cosine, sine = float(np.cos(lean)), float(np.sin(lean))
    across, down = coarse.shape[1] / 2.0, coarse.shape[0] / 2.0
    x, y = grid.width_px / 2.0, grid.height_px / 2.0
    along = np.array([cosine, sine]) / (size_px * stretch)
    aside = np.array([-sine, cosine]) / size_px
    matrix = np.array([(along[0], along[1], across - along @ (x, y)), (aside[0], aside[1], down - aside @ (x, y))])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    size = (grid.width_px, grid.height_px)
    return np.asarray(cv2.warpAffine(coarse, matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT), np.float32)


def folds(rng: np.random.Generator, grid: Grid, setting: Setting, size_px: float, depth: float) -> FloatImage:
    """Return the gain of light on crumpled cloth.

    Args:
        rng: Source of randomness.
        grid: The picture.
        setting: For the direction of the light.
        size_px: Width of a fold.
        depth: Height of a fold as a share of its width.

    Returns:
        Shape (H, W), about 1.
    """
    lean = float(rng.uniform(0.0, np.pi))
    height = _smooth_noise(rng, grid, size_px, 3.0, lean)
    height += np.float32(0.45) * _smooth_noise(rng, grid, 0.5 * size_px, 4.0, lean + float(rng.normal(0.0, 0.5)))
    height += np.float32(0.6) * _smooth_noise(rng, grid, 2.5 * size_px, 1.5, lean + 1.0)
    height = np.asarray(cv2.GaussianBlur(height, (0, 0), 0.12 * size_px), np.float32)
    scale = depth * size_px / 8.0
    slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=scale)
    slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=scale)
    light = setting.light
    gain = np.float32(-light.x) * slope_x + np.float32(-light.y) * slope_y
    return np.float32(1.0) + np.float32(0.2) * np.tanh(gain / np.float32(0.3))


def print_pattern(image: FloatImage, setting: Setting) -> None:
    """Print the sheet's stripes or dots, in place."""
    size = max(14.0, 0.5 * setting.placement.iod_px)
    columns = np.arange(image.shape[1], dtype=np.float32)[None] * np.float32(2.0 * np.pi / size)
    rows = np.arange(image.shape[0], dtype=np.float32)[:, None] * np.float32(2.0 * np.pi / size)
    if setting.sheet_pattern == "stripes":
        wave = np.sin(columns * np.float32(0.94) + rows * np.float32(0.34))
        gain = np.float32(0.97) - np.float32(0.06) * np.clip(wave * np.float32(3.0), -1.0, 1.0)
    elif setting.sheet_pattern == "dots":
        wave = np.cos(columns) + np.cos(rows)
        gain = np.float32(1.0) - np.float32(0.14) * np.clip((wave - np.float32(1.45)) * np.float32(6.0), 0.0, 1.0)
    else:
        return
    image *= spread(np.asarray(gain, np.float32))
