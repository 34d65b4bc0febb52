"""Reads still pictures of any common kind into one: RGB, 8 bits, the right way up.

Grey, palette, 16-bit, CMYK, transparent and EXIF-rotated files are converted; what cannot be converted faithfully is
refused with the reason. A file's declared size is checked before a pixel is decoded, so that a small file that unfolds
to gigabytes (a decompression bomb) does no harm.
"""

import hashlib
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from trainer.data.rejection import Reason, RejectedImageError

__all__ = ["PICTURE_SUFFIXES", "file_sha256", "guessed_bits", "read_picture"]

PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp", ".gif", ".ppm", ".pgm"})

_MAXIMUM_PIXELS = 100_000_000
_MINIMUM_SIDE_PX = 8
_DEPTHS = (8, 10, 12, 14, 16)
_LEAST_MAXIMUM = 16
"""Of a colour picture of 16 bits, as 8: a brightest value below shows that fewer bits count than the file holds."""
_BITS_PER_SAMPLE, _MAX_SAMPLE_VALUE = 258, 281


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a picture.

    Args:
        path: A file of any kind that Pillow reads.

    Returns:
        Shape (height, width, 3), uint8, RGB, turned as its EXIF orientation says.

    Raises:
        RejectedImageError: It is missing, empty, no picture, cut off, too large, or holds values that are no grey
            levels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of what is checked or refused here anyway
            with Image.open(path) as picture:
                _check_size(path, picture)
                is_deep = picture.mode.startswith("RGB") and ";16" in str(getattr(picture, "tile", ""))
                picture.load()
                bits = _significant_bits(picture)
                rgb = _to_rgb(path, ImageOps.exif_transpose(picture), bits)
                if is_deep and rgb.max() < _LEAST_MAXIMUM:
                    raise RejectedImageError(
                        Reason.UNREADABLE,
                        f"{path} has 16 bits a colour, but none above {_LEAST_MAXIMUM * 256}: fewer count, and nothing "
                        "says how many; scale it to 8 bits",
                    )
                return rgb
    except FileNotFoundError:
        raise RejectedImageError(Reason.MISSING, f"{path} does not exist") from None
    except Image.DecompressionBombError:
        raise RejectedImageError(Reason.TOO_LARGE, f"{path} unfolds to more than {_MAXIMUM_PIXELS:,} pixels") from None
    except UnidentifiedImageError:
        if path.stat().st_size == 0:
            raise RejectedImageError(Reason.TRUNCATED, f"{path} is empty") from None
        raise RejectedImageError(Reason.NOT_A_PICTURE, f"{path} is no picture of a known kind") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, IsADirectoryError | PermissionError):
            raise RejectedImageError(Reason.UNREADABLE, f"{path} cannot be read: {error.strerror}") from error
        message = str(error).lower()
        if (
            "truncated" in message
            or "broken" in message
            or "incomplete" in message
            or "end of file" in message
            or not message
        ):
            raise RejectedImageError(Reason.TRUNCATED, f"{path} is cut off or damaged ({error})") from error
        raise RejectedImageError(Reason.UNREADABLE, f"{path} cannot be decoded ({error})") from error


def guessed_bits(path: Path) -> int | None:
    """Return how many bits of a grey picture of more than 8 count, where only its brightest pixel says so.

    Args:
        path: A picture that `read_picture` reads.

    Returns:
        None where nothing is guessed: the picture has 8 bits, is in colour, or its file says how many count.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(path) as picture:
            if not picture.mode.startswith("I"):
                return None
            picture.load()
            high, bits = float(np.asarray(picture).max()), _significant_bits(picture)
    return None if _is_declared(bits, high) else _fitting_bits(high)


def _is_declared(bits: int | None, high: float) -> bool:
    return bits is not None and high < 2**bits


def _fitting_bits(high: float) -> int:
    return next((depth for depth in _DEPTHS if high < 2**depth), max(_DEPTHS))


def _check_size(path: Path, picture: Image.Image) -> None:
    width, height = picture.size
    if width * height > _MAXIMUM_PIXELS:
        raise RejectedImageError(
            Reason.TOO_LARGE, f"{path} unfolds to {width} x {height} pixels; the limit is {_MAXIMUM_PIXELS:,}"
        )
    if min(width, height) < _MINIMUM_SIDE_PX:
        raise RejectedImageError(Reason.TOO_SMALL, f"{path} has only {width} x {height} pixels")


def _significant_bits(picture: Image.Image) -> int | None:
    """Return how many bits of a deep TIFF picture count, where its tags say so: MaxSampleValue, else BitsPerSample."""
    tags = getattr(picture, "tag_v2", {})
    largest, depth = (np.atleast_1d(tags.get(tag, 0)).max() for tag in (_MAX_SAMPLE_VALUE, _BITS_PER_SAMPLE))
    if largest:
        return int(largest).bit_length()
    return int(depth) if depth in _DEPTHS and depth < max(_DEPTHS) else None


def _to_rgb(path: Path, picture: Image.Image, bits: int | None) -> NDArray[np.uint8]:
    if picture.mode == "F" or picture.mode.startswith("I"):
        grey = _deep_to_grey(path, np.asarray(picture), bits)
        return np.repeat(grey[:, :, np.newaxis], 3, axis=2)
    return np.ascontiguousarray(np.asarray(picture.convert("RGB"), dtype=np.uint8))


def _deep_to_grey(path: Path, values: NDArray[np.generic], bits: int | None) -> NDArray[np.uint8]:
    """Scale more than 8 bits to 8.

    Cameras store 10, 12 or 14 bits in 16. Where the file does not say how many count, the full scale of integers is the
    smallest of 8, 10, 12, 14 and 16 bits that holds all values (`ingest` refuses sets in which that differs); of floats
    it is 1 or 255.
    """
    numbers = values.astype(np.float64)
    if not np.isfinite(numbers).all():
        count = int((~np.isfinite(numbers)).sum())
        raise RejectedImageError(
            Reason.NOT_A_NUMBER, f"{path} has {count} pixels that are not finite numbers (NaN or infinite)"
        )
    low, high = float(numbers.min()), float(numbers.max())
    if np.issubdtype(values.dtype, np.floating):
        full = 1.0 if high <= 1.0 else 255.0
    else:
        full = 2.0 ** (bits if bits is not None and _is_declared(bits, high) else _fitting_bits(high)) - 1.0
    if low < 0.0 or high > full:
        raise RejectedImageError(
            Reason.UNREADABLE, f"{path} has values from {low:g} to {high:g}, which are no grey levels"
        )
    return np.rint(numbers * (255.0 / full)).astype(np.uint8)
