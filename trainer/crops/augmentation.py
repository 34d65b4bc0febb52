"""Random variation of crops while training: geometry in one warp, then light, colour and camera.

The presets differ in purpose. `fei` repeats the later protocol of the FEI group (domain knowledge only, on the crop);
`camera` is for models that will look at a video: the box of a detector jitters, light and colour change, faces are far
away, out of focus, in infrared or behind a compressed stream, and a tube, a hand or a cot's edge hides a part.
"""

from typing import Annotated, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

__all__ = ["AUGMENTATION_PRESETS", "AugmentationSettings", "augment"]

Share = Annotated[float, Field(ge=0.0, le=1.0)]
NotNegative = Annotated[float, Field(ge=0.0)]


class AugmentationSettings(BaseModel):
    """How far a crop may be varied; all zero leaves it as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rotation_deg: Annotated[float, Field(ge=0.0, le=180.0)] = 0.0
    scale: tuple[Annotated[float, Field(gt=0.2, le=3.0)], Annotated[float, Field(gt=0.2, le=3.0)]] = (1.0, 1.0)
    stretch: Annotated[float, Field(ge=0.0, lt=0.5)] = Field(default=0.0, description="Change of the aspect ratio.")
    translation: Share = Field(default=0.0, description="Largest shift, as a share of the crop's side.")
    shear_deg: Annotated[float, Field(ge=0.0, le=45.0)] = 0.0
    flip_probability: Share = 0.0
    surroundings: Literal["picture", "replicate"] = Field(
        default="picture", description="What comes into view at the border: the picture, or the crop's border pixels."
    )
    brightness: Share = Field(default=0.0, description="Largest change, as a share of full scale.")
    contrast: Share = 0.0
    gamma: NotNegative = Field(default=0.0, description="Largest |log2| of the exponent.")
    colour: Share = Field(default=0.0, description="Largest change of each channel's gain.")
    light_probability: Share = Field(default=1.0, description="Of changing brightness, contrast, gamma and colour.")
    grey_probability: Share = Field(default=0.0, description="Of losing the colour, as in an infrared picture.")
    shade_probability: Share = Field(default=0.0, description="Of a gradual shadow across the face.")
    blur_probability: Share = 0.0
    far_probability: Share = Field(default=0.0, description="Of a face that had only a third of the pixels or more.")
    jpeg_probability: Share = 0.0
    noise: NotNegative = Field(default=0.0, description="Largest standard deviation, in grey levels.")
    hide_probability: Share = Field(default=0.0, description="Of a patch that hides a part of the crop.")


AUGMENTATION_PRESETS: dict[str, AugmentationSettings] = {
    "none": AugmentationSettings(),
    "light": AugmentationSettings(
        rotation_deg=10.0, scale=(0.95, 1.05), translation=0.04, flip_probability=0.5, brightness=0.1, contrast=0.1
    ),
    "moderate": AugmentationSettings(
        rotation_deg=15.0,
        scale=(0.85, 1.2),
        translation=0.08,
        flip_probability=0.5,
        brightness=0.2,
        contrast=0.2,
    ),
    "fei": AugmentationSettings(
        rotation_deg=30.0,
        scale=(0.7, 1.5),
        translation=0.2,
        shear_deg=10.0,
        flip_probability=0.5,
        surroundings="replicate",
        brightness=0.2,
        contrast=0.2,
        light_probability=0.5,
    ),
    "camera": AugmentationSettings(
        rotation_deg=14.0,
        scale=(0.88, 1.14),
        stretch=0.08,
        translation=0.06,
        shear_deg=4.0,
        flip_probability=0.5,
        brightness=0.15,
        contrast=0.25,
        gamma=0.5,
        colour=0.12,
        light_probability=0.9,
        grey_probability=0.2,
        shade_probability=0.3,
        blur_probability=0.25,
        far_probability=0.25,
        jpeg_probability=0.25,
        noise=6.0,
        hide_probability=0.25,
    ),
}


def augment(
    wide: NDArray[np.uint8], size_px: int, settings: AugmentationSettings, random: np.random.Generator
) -> NDArray[np.uint8]:
    """Return one random variation of a crop.

    Args:
        wide: Shape (W, W, 3), RGB: the crop in the middle, its surroundings around it.
        size_px: Side S of the crop, S <= W.
        settings: How far it may be varied.
        random: Decides; the same state gives the same picture.

    Returns:
        Shape (S, S, 3), RGB.
    """
    crop = _warp(wide, size_px, settings, random)
    if random.random() < settings.hide_probability:
        _hide(crop, random)
    if random.random() < settings.light_probability:
        crop = _relight(crop, settings, random)
    if random.random() < settings.shade_probability:
        crop = _shade(crop, random)
    if random.random() < settings.grey_probability:
        crop = _pixels(cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB))
    if random.random() < settings.far_probability:
        crop = _from_far(crop, random.uniform(1 / 3, 0.8))
    if random.random() < settings.blur_probability:
        crop = _pixels(cv2.GaussianBlur(crop, (0, 0), size_px / 120 * random.uniform(0.4, 1.6)))
    if settings.noise > 0.0:
        noise = random.standard_normal(crop.shape, dtype=np.float32) * np.float32(random.uniform(0.0, settings.noise))
        crop = np.clip(crop + noise, 0.0, 255.0).astype(np.uint8)
    if random.random() < settings.jpeg_probability:
        crop = _compressed(crop, int(random.integers(30, 90)))
    return np.ascontiguousarray(crop)


def _pixels(picture: object) -> NDArray[np.uint8]:
    """Give OpenCV's answer its type."""
    return np.asarray(picture, dtype=np.uint8)


def _from_far(crop: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    size = crop.shape[0]
    small = cv2.resize(crop, (int(size * share), int(size * share)), interpolation=cv2.INTER_AREA)
    return _pixels(cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC))


def _compressed(crop: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    _, code = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return _pixels(cv2.imdecode(code, cv2.IMREAD_COLOR))


def _warp(
    wide: NDArray[np.uint8], size_px: int, settings: AugmentationSettings, random: np.random.Generator
) -> NDArray[np.uint8]:
    pad = (wide.shape[0] - size_px) // 2
    if settings.surroundings == "replicate":
        source, center = np.ascontiguousarray(wide[pad : pad + size_px, pad : pad + size_px]), (size_px - 1) / 2
    else:
        source, center = wide, pad + (size_px - 1) / 2
    angle = np.deg2rad(random.uniform(-settings.rotation_deg, settings.rotation_deg))
    scale = np.exp(random.uniform(*np.log(settings.scale)))
    stretch = random.uniform(-settings.stretch, settings.stretch)
    shear = np.tan(np.deg2rad(random.uniform(-settings.shear_deg, settings.shear_deg)))
    shift = random.uniform(-settings.translation, settings.translation, 2) * size_px
    flip = -1.0 if random.random() < settings.flip_probability else 1.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    # From the new crop to the source: a larger scale means that a source pixel covers more of the crop.
    shape = np.diag([flip * (1.0 + stretch), 1.0 - stretch]) / scale
    matrix = turn @ np.array([[1.0, shear], [0.0, 1.0]]) @ shape
    middle = np.full(2, (size_px - 1) / 2)
    origin = np.full(2, center) + shift - matrix @ middle
    warped = cv2.warpAffine(
        source,
        np.column_stack([matrix, origin]),
        (size_px, size_px),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return _pixels(warped)


def _relight(crop: NDArray[np.uint8], settings: AugmentationSettings, random: np.random.Generator) -> NDArray[np.uint8]:
    """Change exposure through one table per channel: a table costs nothing beside a float image."""
    levels = np.arange(256, dtype=np.float64) / 255.0
    levels = levels ** (2.0 ** random.uniform(-settings.gamma, settings.gamma))
    levels = 0.5 + (levels - 0.5) * (1.0 + random.uniform(-settings.contrast, settings.contrast))
    levels = levels + random.uniform(-settings.brightness, settings.brightness)
    gains = 1.0 + random.uniform(-settings.colour, settings.colour, 3)
    table = np.clip(levels[:, None] * gains * 255.0 + 0.5, 0.0, 255.0).astype(np.uint8)
    return _pixels(cv2.LUT(crop, table[:, None, :]))


def _shade(crop: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    side = crop.shape[0]
    angle, depth = random.uniform(0.0, 2.0 * np.pi), random.uniform(0.1, 0.5)
    ramp = np.linspace(-1.0, 1.0, side, dtype=np.float32)
    along = np.cos(angle) * ramp[None, :] + np.sin(angle) * ramp[:, None] + random.uniform(-0.8, 0.8)
    light = 1.0 - depth / (1.0 + np.exp(-4.0 * along))
    return _pixels(crop * light[:, :, None])


def _hide(crop: NDArray[np.uint8], random: np.random.Generator) -> None:
    """Cover a rectangle with one colour, mostly near the border, where hands, tubes and blankets come in."""
    side = crop.shape[0]
    height, width = (random.uniform(0.1, 0.32, 2) * side).astype(int)
    top, left = (random.beta(0.6, 0.6, 2) * (side - np.array([height, width]))).astype(int)
    colour = crop[random.integers(side), random.integers(side)] if random.random() < 0.5 else random.integers(0, 256, 3)
    crop[top : top + height, left : left + width] = colour
