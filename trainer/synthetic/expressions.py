"""A stand-in for public two-class sets of expressions: small, grey, tight pictures of faces that smile or do not.

Such sets hold thousands of pictures of 64 x 64 pixels, cut out tightly, of people who mostly appear once. A smile pulls
the corners of the mouth outwards, mostly opens the lips, deepens the furrows beside the nose and lifts the cheeks. In
the hard variant only the corners differ, by about two pixels: lips and eyes move alike in both classes.
"""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.faces.crop import CropSpec, crop_face
from monitor.faces.geometry import OrientedBox
from monitor.synthetic.expression import Expression, State
from trainer.errors import DataError
from trainer.synthetic.plan import SessionView, session_still
from trainer.synthetic.still import Still, render_still

__all__ = ["Difficulty", "ExpressionPicture", "draw_expression", "plan_expressions"]

Difficulty = Literal["plain", "hard"]

_VIEW = SessionView(width_px=160, height_px=160, face_px=(72.0, 92.0), orientation="upright", seed=0)
_SIDE_PX = 64
_FIRST_PERSON = 70_000
_SMILE: dict[Difficulty, dict[str, tuple[float, float]]] = {
    "plain": {
        "horizontal_stretch": (0.5, 1.0),
        "open_lips": (0.2, 0.9),
        "vertical_stretch": (0.0, 0.4),
        "nasolabial_furrow": (0.3, 0.9),
        "eye_squeeze": (0.1, 0.7),
    },
    "hard": {
        "horizontal_stretch": (0.5, 1.0),
        "open_lips": (0.0, 0.7),
        "vertical_stretch": (0.0, 0.3),
        "nasolabial_furrow": (0.1, 0.6),
        "eye_squeeze": (0.0, 0.5),
    },
}
_NEUTRAL: dict[Difficulty, dict[str, tuple[float, float]]] = {
    "plain": {
        "horizontal_stretch": (0.0, 0.25),
        "open_lips": (0.0, 0.35),
        "vertical_stretch": (0.0, 0.1),
        "nasolabial_furrow": (0.0, 0.4),
        "eye_squeeze": (0.0, 0.4),
        "lip_purse": (0.0, 0.3),
    },
    "hard": {
        "horizontal_stretch": (0.0, 0.15),
        "open_lips": (0.0, 0.7),
        "vertical_stretch": (0.0, 0.3),
        "nasolabial_furrow": (0.0, 0.4),
        "eye_squeeze": (0.0, 0.5),
        "lip_purse": (0.0, 0.3),
    },
}
_NOISE: dict[Difficulty, float] = {"plain": 4.0, "hard": 8.0}


@dataclass(frozen=True, slots=True)
class ExpressionPicture:
    """One picture of the set.

    Attributes:
        name: File name.
        subject: Who it is; every person appears once.
        is_smile: The label.
        still: What is rendered.
        difficulty: How far apart the classes are, and how noisy the picture is.
    """

    name: str
    subject: str
    is_smile: bool
    still: Still
    difficulty: Difficulty


def plan_expressions(count: int, difficulty: Difficulty, seed: int) -> list[ExpressionPicture]:
    """Return `count` pictures, half of them smiling, in a random order."""
    rng = np.random.default_rng([seed, 401])
    smiles = rng.permutation(np.arange(count) % 2 == 0)
    planned = []
    for index, is_smile in enumerate(smiles.tolist()):
        person = _FIRST_PERSON + seed * 100_003 + index
        ranges = (_SMILE if is_smile else _NEUTRAL)[difficulty]
        sampled = {item: float(rng.uniform(low, high)) for item, (low, high) in ranges.items()}
        expression = Expression(brow_bulge=float(rng.uniform(0.0, 0.5)), **sampled)
        still = session_still(_VIEW, person, 0, f"P{index:05d}", State.REST, expression)
        name = f"faces/{index:05d}.png"
        planned.append(ExpressionPicture(name, still.subject, is_smile, still, difficulty))
    return planned


def draw_expression(picture: ExpressionPicture) -> NDArray[np.uint8]:
    """Draw one picture: grey, shape (64, 64), cut out as loosely as people and detectors do.

    Raises:
        DataError: The still shows no face.
    """
    rng = np.random.default_rng([picture.still.noise_seed, 402])
    rendered = render_still(picture.still)
    face = rendered.truth.face
    if face is None:
        raise DataError(f"{picture.name} was rendered without a face")
    box = face.box
    jitter = rng.normal(0.0, 0.04, 4)
    loose = OrientedBox(
        box.center_x_px + jitter[0] * box.width_px,
        box.center_y_px + jitter[1] * box.height_px,
        box.width_px * (1.0 + jitter[2]),
        box.height_px * (1.0 + jitter[3]),
        0.0,
    )
    crop = crop_face(rendered.image, loose, CropSpec(size_px=_SIDE_PX, margin=0.0))
    grey = np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.float64)
    blurred = np.asarray(cv2.GaussianBlur(grey, (0, 0), float(rng.uniform(0.3, 1.0))), np.float64)
    light = float(rng.uniform(0.7, 1.2)) * blurred + float(rng.uniform(-20.0, 20.0))
    noise = rng.standard_normal(grey.shape) * rng.uniform(0.0, _NOISE[picture.difficulty])
    return np.asarray(np.clip(light + noise, 0.0, 255.0), np.uint8)
