"""Pictures that look alike.

A perceptual hash (the signs of the low frequencies of a 32 x 32 picture) changes in few bits when a picture is
recompressed, resized or taken a second later. Near-duplicates are not removed, because bursts of one infant are part
of the data sets; they are reported, and no fold may have them on both sides.
"""

import numpy as np
from imagehash import phash
from numpy.typing import NDArray
from PIL import Image

__all__ = ["NEAR_BITS", "near_duplicates", "perceptual_hash"]

NEAR_BITS = 4
"""Pictures whose hashes differ in no more bits than this are near-duplicates."""


def perceptual_hash(image: NDArray[np.uint8]) -> str:
    """Return the hash of a picture (height, width, 3), 64 bits as 16 hexadecimal digits."""
    return str(phash(Image.fromarray(image)))


def near_duplicates(hashes: list[str], bits: int = NEAR_BITS) -> list[tuple[int, int]]:
    """Return all pairs (i, j), i < j, of hashes that differ in at most `bits` bits, sorted.

    Args:
        hashes: As `perceptual_hash` gives them.
        bits: Largest Hamming distance.
    """
    values = np.array([int(text, 16) for text in hashes], dtype=np.uint64)
    pairs: list[tuple[int, int]] = []
    for first in range(len(values) - 1):
        differing = (values[first + 1 :] ^ values[first]).view(np.uint8).reshape(-1, 8)
        distances = np.unpackbits(differing, axis=1).sum(axis=1)
        pairs.extend((first, first + 1 + int(offset)) for offset in np.flatnonzero(distances <= bits))
    return pairs
