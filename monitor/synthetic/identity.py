"""Who is rendered: the shape, skin and hair of one person, sampled from a seed.

Lengths are in units of the inter-ocular distance (IOD), from the point midway between the eyes, x to the right and y
down. The means and spreads of the infants' proportions were measured on RetinaFace's boxes and points of photographs
of newborns; the adults' are a rough sketch that only has to be taken for another person's face.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Colour", "Identity", "adult", "infant"]

Colour = tuple[float, float, float]
"""RGB, each 0..255."""

# From very light to very dark skin, in daylight.
_SKIN = np.array(
    [(240, 201, 184), (229, 181, 158), (211, 160, 132), (186, 132, 103), (150, 101, 76), (112, 75, 58), (84, 57, 47)],
    dtype=np.float64,
)
_HAIR = np.array([(32, 24, 22), (52, 36, 28), (84, 58, 40), (126, 92, 60), (172, 138, 96)], dtype=np.float64)
_IRIS = np.array([(74, 84, 104), (58, 66, 80), (62, 46, 38), (44, 32, 28)], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Identity:
    """One person.

    Attributes:
        seed: Seeds the texture of skin and hair.
        is_adult: A carer, not a patient.
        skin: Colour of the skin in daylight.
        lip: Colour of the lips.
        iris: Colour of the iris.
        hair: Colour of hair and brows.
        hair_amount: 0 is bald, 1 a full head of hair.
        skull_half_width: Half of the head's greatest width.
        skull_top: y of the crown (negative).
        cheek_half_width: Half of the face's width at the cheeks.
        chin: y of the chin with the mouth closed.
        eye_half_width: Half of the lid gap's length.
        eye_height: Height of the open lid gap.
        eye_tilt: Rise of the outer corner over the inner one.
        brow: y of the brows.
        brow_darkness: Opacity of the brows, 0..1.
        nose: y of the tip of the nose.
        nose_half_width: From the middle to the outer edge of a wing.
        mouth: y of the mouth's corners.
        mouth_width: From corner to corner at rest.
        lip_thickness: Height of the lower lip at rest.
        cheek_fullness: Height of the cheeks.
        box_width: Width of the face box at rest.
        box_height: Height of the face box at rest.
        box_top: Share of the box above the eyes.
    """

    seed: int
    is_adult: bool
    skin: Colour
    lip: Colour
    iris: Colour
    hair: Colour
    hair_amount: float
    skull_half_width: float
    skull_top: float
    cheek_half_width: float
    chin: float
    eye_half_width: float
    eye_height: float
    eye_tilt: float
    brow: float
    brow_darkness: float
    nose: float
    nose_half_width: float
    mouth: float
    mouth_width: float
    lip_thickness: float
    cheek_fullness: float
    box_width: float
    box_height: float
    box_top: float


def _along(colours: NDArray[np.float64], position: float) -> NDArray[np.float64]:
    """Interpolate in a row of colours at `position` in [0, 1]."""
    position = position * (len(colours) - 1)
    index = min(int(position), len(colours) - 2)
    between: NDArray[np.float64] = colours[index] + (colours[index + 1] - colours[index]) * (position - index)
    return between


def _colour(value: NDArray[np.float64]) -> Colour:
    red, green, blue = np.clip(value, 0.0, 255.0)
    return float(red), float(green), float(blue)


def infant(seed: int) -> Identity:
    """Draw a newborn: large forehead and eyes, small nose, full cheeks, faint brows.

    Args:
        seed: Any non-negative number; the same seed is the same infant.
    """
    rng = np.random.default_rng([seed, 1])
    tone = float(rng.random())
    skin = _along(_SKIN, tone) + rng.normal(0.0, 5.0, 3)
    lip = skin * (0.86, 0.62, 0.64) + (16.0, 4.0, 8.0)
    return Identity(
        seed=seed,
        is_adult=False,
        skin=_colour(skin),
        lip=_colour(lip + rng.normal(0.0, 5.0, 3)),
        iris=_colour(_along(_IRIS, float(np.clip(0.25 + 0.75 * tone + rng.normal(0, 0.15), 0, 1)))),
        hair=_colour(_along(_HAIR, float(np.clip(rng.random() * (1.0 - tone), 0, 1)))),
        hair_amount=float(np.clip(rng.normal(0.45, 0.3), 0.0, 1.0)),
        skull_half_width=float(np.clip(rng.normal(1.36, 0.05), 1.24, 1.5)),
        skull_top=-float(np.clip(rng.normal(1.95, 0.08), 1.75, 2.15)),
        cheek_half_width=float(np.clip(rng.normal(1.17, 0.05), 1.05, 1.3)),
        chin=float(np.clip(rng.normal(1.32, 0.04), 1.22, 1.42)),
        eye_half_width=float(np.clip(rng.normal(0.225, 0.015), 0.19, 0.26)),
        eye_height=float(np.clip(rng.normal(0.155, 0.018), 0.12, 0.2)),
        eye_tilt=float(rng.normal(0.015, 0.015)),
        brow=-float(np.clip(rng.normal(0.36, 0.025), 0.3, 0.42)),
        brow_darkness=float(np.clip(rng.normal(0.3 + 0.15 * tone, 0.1), 0.1, 0.6)),
        nose=float(np.clip(rng.normal(0.37, 0.02), 0.32, 0.42)),
        nose_half_width=float(np.clip(rng.normal(0.205 + 0.03 * tone, 0.015), 0.17, 0.27)),
        mouth=float(np.clip(rng.normal(0.86, 0.025), 0.8, 0.92)),
        mouth_width=float(np.clip(rng.normal(0.76, 0.045), 0.66, 0.86)),
        lip_thickness=float(np.clip(rng.normal(0.085 + 0.02 * tone, 0.012), 0.06, 0.13)),
        cheek_fullness=float(np.clip(rng.normal(0.15, 0.025), 0.09, 0.21)),
        box_width=2.34,
        box_height=2.66,
        box_top=0.5,
    )


def adult(seed: int) -> Identity:
    """Draw a carer: longer face, smaller eyes, marked brows, full hair.

    Args:
        seed: Any non-negative number; the same seed is the same person.
    """
    rng = np.random.default_rng([seed, 2])
    tone = float(rng.random())
    skin = _along(_SKIN, tone) + rng.normal(0.0, 5.0, 3) - 6.0
    return Identity(
        seed=seed,
        is_adult=True,
        skin=_colour(skin),
        lip=_colour(skin * (0.84, 0.6, 0.62) + (10.0, 0.0, 4.0)),
        iris=_colour(_along(_IRIS, float(rng.random()))),
        hair=_colour(_along(_HAIR, float(rng.random() * (1.0 - 0.8 * tone)))),
        hair_amount=1.0,
        skull_half_width=float(rng.normal(1.22, 0.03)),
        skull_top=-float(rng.normal(1.72, 0.05)),
        cheek_half_width=float(rng.normal(1.08, 0.04)),
        chin=float(rng.normal(1.78, 0.05)),
        eye_half_width=float(rng.normal(0.2, 0.012)),
        eye_height=float(rng.normal(0.12, 0.012)),
        eye_tilt=float(rng.normal(0.02, 0.015)),
        brow=-float(rng.normal(0.32, 0.02)),
        brow_darkness=float(rng.uniform(0.6, 0.9)),
        nose=float(rng.normal(0.6, 0.03)),
        nose_half_width=float(rng.normal(0.25 + 0.03 * tone, 0.015)),
        mouth=float(rng.normal(1.07, 0.03)),
        mouth_width=float(rng.normal(0.8, 0.04)),
        lip_thickness=float(rng.normal(0.11 + 0.02 * tone, 0.012)),
        cheek_fullness=float(rng.normal(0.06, 0.015)),
        box_width=2.18,
        box_height=2.96,
        box_top=0.425,
    )
