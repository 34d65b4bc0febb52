"""Pictures that look alike.

A perceptual hash (the signs of the low frequencies of a 32 x 32 picture) changes in few bits when a picture is
recompressed, resized or taken a second later. Near-duplicates are not removed, because bursts of one infant are part
of the data sets; they are reported, and no fold may have them on both sides.

The hash has two parts. The first, 64 bits of the lowest frequencies, finds candidates. Among thousands of tightly cut
faces it also finds strangers, who share the positions of eyes and mouth; so 256 bits that reach to higher frequencies
have the last word. On synthetic faces of 64 px, copies (JPEG quality 30 to 85, sizes from 0.6) differed in 0 to 20 of
these 256 bits, once in 36, and strangers whose first 64 bits agreed in 36 to 98.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from imagehash import phash
from numpy.typing import NDArray
from PIL import Image

__all__ = ["NEAR_BITS", "near_duplicates", "perceptual_hash"]

NEAR_BITS = 4
"""Pictures whose first 64 bits differ in no more than this may be near-duplicates."""
_NEAR_FINE_BITS = 32
_COARSE_DIGITS, _COARSE_BITS = 16, 64
_FINE_DIGITS = 64


def perceptual_hash(image: NDArray[np.uint8]) -> str:
    """Return the hash of a picture (height, width, 3): 64 and 256 bits as 16 and 64 hexadecimal digits in one word."""
    picture = Image.fromarray(image)
    return f"{phash(picture)}{phash(picture, hash_size=16, highfreq_factor=2)}"


def near_duplicates(hashes: list[str], bits: int = NEAR_BITS) -> list[tuple[int, int]]:
    """Return all pairs (i, j), i < j, of hashes that hardly differ, sorted.

    Args:
        hashes: As `perceptual_hash` gives them, or only their first 16 digits.
        bits: Largest Hamming distance of the first 64 bits.
    """
    coarse = np.array([int(text[:_COARSE_DIGITS], 16) for text in hashes], dtype=np.uint64)
    # Of `bits` + 1 bands at least one is equal in two hashes that differ in `bits` bits, so only pictures with an equal
    # band are compared: the time grows with the number of pictures, not with its square.
    edges = np.linspace(0, _COARSE_BITS, bits + 2).astype(np.uint64)
    found: set[tuple[int, int]] = set()
    for start, end in pairwise(edges):
        band = (coarse >> start) & np.uint64((1 << int(end - start)) - 1)
        order = np.argsort(band, kind="stable")
        for alike in np.split(order, np.flatnonzero(np.diff(band[order])) + 1):
            found.update(_near(coarse, alike, bits))
    return sorted(pair for pair in found if _fine_distance(*(hashes[index] for index in pair)) <= _NEAR_FINE_BITS)


def _near(coarse: NDArray[np.uint64], alike: NDArray[np.int64], bits: int) -> Iterator[tuple[int, int]]:
    """Yield the pairs among some pictures, given in ascending order, whose first bits differ little."""
    for index, first in enumerate(alike[:-1].tolist()):
        others = alike[index + 1 :]
        differing = (coarse[others] ^ coarse[first]).view(np.uint8).reshape(-1, 8)
        distances = np.unpackbits(differing, axis=1).sum(axis=1)
        yield from ((first, int(second)) for second in others[distances <= bits])


def _fine_distance(first: str, second: str) -> int:
    """Return in how many of the last 256 bits two hashes differ; 0 where one has none."""
    if min(len(first), len(second)) < _COARSE_DIGITS + _FINE_DIGITS:
        return 0
    return (int(first[_COARSE_DIGITS:], 16) ^ int(second[_COARSE_DIGITS:], 16)).bit_count()
