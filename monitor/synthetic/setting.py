"""What is around the infant, sampled from a seed: cot, blanket, light, camera, carer, and the shortcut cue."""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from monitor.synthetic.identity import Colour
from monitor.synthetic.layout import Turn
from monitor.synthetic.portrait import Dress
from monitor.synthetic.skin import Light

__all__ = ["Camera", "Cue", "Placement", "Setting", "sample_dress", "sample_setting"]


class Cue(StrEnum):
    """A mark beside the chin, never on the face: two kinds, so that its link to a label can be tuned and inverted."""

    NONE = "none"
    ORANGE = "orange"
    TEAL = "teal"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a face lies in the picture.

    Attributes:
        x_px: Of the point between the eyes.
        y_px: Of the point between the eyes.
        iod_px: Inter-ocular distance.
        orientation_deg: Clockwise turn of the picture that brings the face upright.
    """

    x_px: float
    y_px: float
    iod_px: float
    orientation_deg: float


@dataclass(frozen=True, slots=True)
class Camera:
    """What the camera adds.

    Attributes:
        exposure: Gain of the whole picture; 0.05 is a dark room.
        noise: Standard deviation of the sensor's noise, in grey levels.
        blur_px: Standard deviation of the lens's blur.
    """

    exposure: float = 1.0
    noise: float = 2.0
    blur_px: float = 0.0


@dataclass(frozen=True, slots=True)
class Setting:
    """Everything but the infant's identity and expression.

    Attributes:
        seed: Seeds folds, patterns and cables.
        width_px: Of the picture.
        height_px: Of the picture.
        placement: Where the face lies.
        turn: How the head lies out of the picture's plane.
        light: In the picture's plane.
        sheet: Colour of the sheet.
        sheet_pattern: "plain", "stripes" or "dots".
        blanket: Colour of the blanket.
        blanket_stripe: Colour of its pattern.
        has_rails: Whether the bars of the cot are seen.
        cables: How many cables lie about.
        has_fist: Whether the infant's fist lies beside the cheek.
        cue: The shortcut cue.
        cue_side: -1 or +1: beside the left or the right of the chin.
        camera: What the camera adds.
    """

    seed: int
    width_px: int
    height_px: int
    placement: Placement
    turn: Turn
    light: Light
    sheet: Colour
    sheet_pattern: str
    blanket: Colour
    blanket_stripe: Colour
    has_rails: bool
    cables: int
    has_fist: bool = False
    cue: Cue = Cue.NONE
    cue_side: int = 1
    camera: Camera = Camera()

    def with_cue(self, cue: Cue) -> "Setting":
        """Return the same setting with another cue; nothing else in the picture changes."""
        return replace(self, cue=cue)


_FIST_SHARE = 0.25
_SHEETS: tuple[Colour, ...] = (
    (236, 236, 232),
    (214, 226, 236),
    (238, 226, 214),
    (222, 234, 220),
    (226, 214, 228),
    (150, 178, 186),
)
_BLANKETS: tuple[tuple[Colour, Colour], ...] = (
    ((240, 238, 232), (206, 120, 140)),
    ((238, 240, 244), (104, 140, 196)),
    ((222, 196, 160), (250, 240, 220)),
    ((168, 206, 198), (240, 248, 244)),
    ((196, 176, 212), (236, 228, 244)),
    ((96, 122, 150), (190, 206, 222)),
    ((246, 214, 120), (255, 246, 214)),
)
_CAPS: tuple[tuple[Colour, Colour], ...] = (
    ((238, 232, 226), (204, 112, 134)),
    ((236, 238, 242), (96, 138, 200)),
    ((244, 214, 130), (230, 160, 80)),
    ((176, 208, 190), (110, 160, 138)),
    ((190, 170, 206), (140, 116, 168)),
)


def sample_setting(seed: int, width_px: int, height_px: int, placement: Placement) -> Setting:
    """Draw a setting.

    Args:
        seed: The same seed is the same setting.
        width_px: Of the picture.
        height_px: Of the picture.
        placement: Where the face lies.
    """
    rng = np.random.default_rng([seed, 11])
    angle = rng.uniform(0.0, 2.0 * np.pi)
    slant = rng.uniform(0.25, 0.8)
    blanket, stripe = _BLANKETS[int(rng.integers(len(_BLANKETS)))]
    return Setting(
        seed=seed,
        width_px=width_px,
        height_px=height_px,
        placement=placement,
        turn=Turn(
            float(np.clip(rng.normal(0.0, 0.1), -0.28, 0.28)), float(np.clip(rng.normal(0.0, 0.03), -0.07, 0.07))
        ),
        light=Light(
            x=float(slant * np.cos(angle)),
            y=float(slant * np.sin(angle)),
            z=1.0,
            strength=float(rng.uniform(0.35, 0.68)),
            warmth=float(rng.uniform(-0.8, 1.0)),
        ),
        sheet=_SHEETS[int(rng.integers(len(_SHEETS)))],
        sheet_pattern=str(rng.choice(["plain", "plain", "stripes", "dots"])),
        blanket=blanket,
        blanket_stripe=stripe,
        has_rails=bool(rng.random() < 0.6),
        cables=int(rng.integers(0, 4)),
        has_fist=bool(rng.random() < _FIST_SHARE),
        cue_side=int(rng.choice([-1, 1])),
        camera=Camera(
            exposure=float(np.clip(rng.normal(1.0, 0.09), 0.75, 1.15)),
            noise=float(rng.uniform(1.0, 4.5)),
            blur_px=float(max(0.0, rng.normal(0.3, 0.35))),
        ),
    )


def sample_dress(seed: int) -> Dress:
    """Draw what the head wears: most heads are bare, some wear a cap, prongs, a feeding tube or a plaster."""
    rng = np.random.default_rng([seed, 12])
    cap, device, side = rng.random(), rng.random(), int(rng.choice([-1, 1]))
    return Dress(
        cap=_CAPS[int(rng.integers(len(_CAPS)))] if cap < 0.3 else None,
        prongs=bool(device < 0.15),
        feeding_tube=side if 0.15 <= device < 0.3 else 0,
        tape=side if 0.3 <= device < 0.38 else 0,
    )
