"""The light of a ward, put on pictures that were taken in another: how much of what a model can do depends on it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["LIGHTS", "under_light"]

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
# An infrared picture of skin is bright and flat: it shows hardly any red of lips and cheeks.
_INFRARED_GAIN, _INFRARED_OFFSET = 0.7, 60.0
# Daylight beside a phototherapy lamp leaves some red and green; the lamp alone hardly any.
_BLUE, _BLUE_ALONE = (0.35, 0.6, 1.3), (0.1, 0.25, 1.0)
_DARK = 0.25


def _grey(light: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.repeat((light @ np.asarray(_LUMA, np.float32))[..., None], 3, axis=2)


def _infrared(light: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.repeat(light[..., :1], 3, axis=2) * np.float32(_INFRARED_GAIN) + np.float32(_INFRARED_OFFSET)


LIGHTS: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
    "grey": _grey,
    "infrared": _infrared,
    "blue": lambda light: light * np.asarray(_BLUE, np.float32),
    "blue-alone": lambda light: light * np.asarray(_BLUE_ALONE, np.float32),
    "dark": lambda light: light * np.float32(_DARK),
}
"""What a light makes of a picture, shape (H, W, 3), RGB, 0 to 255."""


def under_light(image: NDArray[np.uint8], light: str | None) -> NDArray[np.uint8]:
    """Return a picture as a light of `LIGHTS` would show it; as it is for None.

    Args:
        image: Shape (H, W, 3), uint8, RGB.
        light: Its name.

    Raises:
        KeyError: There is no light of that name.
    """
    if light is None:
        return image
    return np.ascontiguousarray(np.clip(LIGHTS[light](image.astype(np.float32)), 0.0, 255.0).astype(np.uint8))
