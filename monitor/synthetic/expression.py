"""What a face does: the NFCS items, the states that drive them, and how strong each item is in each state.

NFCS is the Neonatal Facial Coding System. The ranges follow the descriptions of newborns' responses to a heel lance,
to an air puff, to friction and of crying and yawning; the sizes are design assumptions. Crying is a deliberate
confuser: its mouth is as wide and as open as in pain, and only brow, eyes and furrow distinguish them.
"""

from dataclasses import astuple, dataclass, fields
from enum import StrEnum
from typing import Self

import numpy as np

__all__ = ["NFCS_ITEMS", "Expression", "State", "sample_expression"]


class State(StrEnum):
    """What the infant goes through; only PAIN is pain."""

    REST = "rest"
    PAIN = "pain"
    CRY = "cry"
    AIR = "air"
    FRICTION = "friction"
    YAWN = "yawn"
    SNEEZE = "sneeze"


@dataclass(frozen=True, slots=True)
class Expression:
    """Intensities in [0, 1] of the ten NFCS items, and three movements that the NFCS does not code.

    Attributes:
        brow_bulge: Inner brows lowered and drawn together, glabella bulging with vertical creases.
        eye_squeeze: Lids pressed together, radial creases, cheeks raised.
        nasolabial_furrow: Furrow from the wings of the nose to outside the mouth's corners.
        open_lips: Any separation of the lips.
        vertical_stretch: Jaw dropped, lips taut.
        horizontal_stretch: Mouth corners pulled outwards.
        lip_purse: Lips pushed out as in "oo".
        taut_tongue: Raised, cupped tongue with sharp edges.
        chin_quiver: Rapid up and down of the chin.
        tongue_protrusion: Tongue between or beyond the lips.
        eyes_closed: Lids closed without effort, as in sleep or in a yawn.
        head_turn: Signed turn to the picture's right, in [-1, 1].
        flush: Reddening of the skin.
    """

    brow_bulge: float = 0.0
    eye_squeeze: float = 0.0
    nasolabial_furrow: float = 0.0
    open_lips: float = 0.0
    vertical_stretch: float = 0.0
    horizontal_stretch: float = 0.0
    lip_purse: float = 0.0
    taut_tongue: float = 0.0
    chin_quiver: float = 0.0
    tongue_protrusion: float = 0.0
    eyes_closed: float = 0.0
    head_turn: float = 0.0
    flush: float = 0.0

    def intensities(self) -> dict[str, float]:
        """Return the ten NFCS items by name."""
        return {name: float(getattr(self, name)) for name in NFCS_ITEMS}

    def towards(self, other: Self, share: float) -> Self:
        """Return the expression `share` (0..1) of the way to `other`."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return type(self)(*(float(a + (b - a) * share) for a, b in pairs))

    def rounded(self, steps: int = 48) -> Self:
        """Return the nearest expression on a grid of `steps` per unit, so that equal pictures are rendered once."""
        return type(self)(*(round(value * steps) / steps for value in astuple(self)))


NFCS_ITEMS: tuple[str, ...] = tuple(field.name for field in fields(Expression))[:10]

_FAINT = (0.0, 0.1)
_RANGES: dict[State, dict[str, tuple[float, float]]] = {
    State.REST: dict.fromkeys(("brow_bulge", "nasolabial_furrow", "open_lips", "horizontal_stretch"), _FAINT),
    State.PAIN: {
        "brow_bulge": (0.7, 1.0),
        "eye_squeeze": (0.7, 1.0),
        "nasolabial_furrow": (0.6, 1.0),
        "open_lips": (0.7, 0.9),
        "vertical_stretch": (0.4, 0.8),
        "horizontal_stretch": (0.6, 1.0),
        "taut_tongue": (0.2, 0.6),
        "chin_quiver": (0.0, 0.6),
        "flush": (0.2, 0.9),
    },
    State.CRY: {
        "brow_bulge": (0.2, 0.6),
        "eye_squeeze": (0.4, 0.8),
        "nasolabial_furrow": (0.3, 0.6),
        "open_lips": (0.9, 1.0),
        "vertical_stretch": (0.8, 1.0),
        "horizontal_stretch": (0.5, 0.9),
        "taut_tongue": (0.0, 0.4),
        "chin_quiver": (0.0, 0.3),
        "flush": (0.2, 0.9),
    },
    State.AIR: {
        "brow_bulge": (0.2, 0.4),
        "eye_squeeze": (0.6, 1.0),
        "nasolabial_furrow": (0.0, 0.2),
        "open_lips": (0.0, 0.15),
        "horizontal_stretch": (0.0, 0.2),
        "lip_purse": (0.0, 0.2),
    },
    State.FRICTION: {
        "brow_bulge": (0.1, 0.3),
        "nasolabial_furrow": (0.0, 0.2),
        "open_lips": (0.1, 0.4),
        "vertical_stretch": (0.0, 0.15),
        "horizontal_stretch": (0.1, 0.45),
        "tongue_protrusion": (0.0, 0.3),
        "flush": (0.0, 0.3),
    },
    State.YAWN: {
        "brow_bulge": (0.15, 0.35),
        "eye_squeeze": (0.1, 0.35),
        "open_lips": (0.95, 1.0),
        "vertical_stretch": (0.9, 1.0),
        "nasolabial_furrow": (0.05, 0.25),
        "eyes_closed": (0.7, 1.0),
        "flush": (0.0, 0.2),
    },
    State.SNEEZE: {
        "brow_bulge": (0.2, 0.4),
        "eye_squeeze": (0.7, 1.0),
        "nasolabial_furrow": (0.4, 0.7),
        "open_lips": (0.3, 0.6),
        "vertical_stretch": (0.1, 0.3),
        "lip_purse": (0.1, 0.4),
    },
}
_ASLEEP_SHARE = 0.45


def sample_expression(state: State, rng: np.random.Generator) -> Expression:
    """Draw one expression at the height of `state`.

    Args:
        state: What the infant goes through.
        rng: Source of randomness; the same generator state gives the same expression.
    """
    values = {name: float(rng.uniform(low, high)) for name, (low, high) in _RANGES[state].items()}
    # Sampled in every state, so that one state's samples do not shift the next one's.
    asleep, drowsiness, turn = float(rng.random()), float(rng.random()), float(rng.uniform(-1.0, 1.0))
    if state is State.REST:
        values["eyes_closed"] = 1.0 if asleep < _ASLEEP_SHARE else 0.45 * drowsiness
        if drowsiness > 0.8:
            values["lip_purse"] = 0.5 * asleep
    elif state is State.FRICTION:
        values["eyes_closed"] = 0.3 * drowsiness
        values["head_turn"] = turn
    return Expression(**values)
