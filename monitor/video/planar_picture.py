"""A decoded picture as its decoder leaves it: brightness in full, colours at half the width and height (4:2:0).

Nobody needs the colours of every pixel of every picture. A `PlanarPicture` takes half the memory of an RGB one, and
gives the RGB pixels of a part when they are asked for. The functions below take RGB arrays as well.
"""

import functools
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["Picture", "PlanarPicture", "YuvColours", "grey_means", "grey_part", "reduced_part"]

_Part: TypeAlias = tuple[slice, slice]

# ITU-R BT.601, of RGB: what the program calls grey, whatever the stream's own luma is.
_GREY_RED, _GREY_GREEN, _GREY_BLUE = 0.299, 0.587, 0.114
_MIDDLE = 128.0
_NEGLIGIBLE = 1e-6
_WELL_ABOVE = 4
"""Pixels a side of an area, at a quarter of the size: enough for what is rounded to cancel in their mean."""


@dataclass(frozen=True, slots=True)
class YuvColours:
    """How a stream's luma and chroma become RGB: formula and names of ITU-T H.273, 8.3.

    Attributes:
        red: Weight of red in luma, K_R.
        blue: Weight of blue in luma, K_B.
        is_full_range: Whether levels go from 0 to 255; otherwise luma from 16 to 235, chroma from 16 to 240.
    """

    red: float = 0.2126
    blue: float = 0.0722
    is_full_range: bool = False


class PlanarPicture:
    """Looks like a read-only array of shape (height, width, 3), uint8, RGB to those who cut parts out of it.

    Args:
        luma: Shape (height, width), uint8.
        blue_chroma: C_B, shape (height / 2, width / 2), rounded up, uint8.
        red_chroma: C_R, likewise.
        colours: What they mean.

    Raises:
        ValueError: The shapes do not fit each other.
    """

    dtype = np.dtype(np.uint8)
    ndim = 3

    def __init__(
        self,
        luma: NDArray[np.uint8],
        blue_chroma: NDArray[np.uint8],
        red_chroma: NDArray[np.uint8],
        colours: YuvColours,
    ) -> None:
        height, width = luma.shape
        if blue_chroma.shape != red_chroma.shape or blue_chroma.shape != (-(-height // 2), -(-width // 2)):
            raise ValueError(f"chroma of shape {blue_chroma.shape} does not belong to luma of shape {luma.shape}")
        self.planes = luma, blue_chroma, red_chroma
        self.colours = colours
        self.shape = (height, width, 3)

    @classmethod
    def of_bytes(cls, data: NDArray[np.uint8], size_px: tuple[int, int], colours: YuvColours) -> "PlanarPicture":
        """Return a picture whose planes lie one behind the other, without a copy; see `nbytes`.

        Args:
            data: Shape (nbytes,), uint8.
            size_px: (width, height).
            colours: What they mean.

        Raises:
            ValueError: The number of bytes is another one.
        """
        width, height = size_px
        half = -(-height // 2), -(-width // 2)
        if data.size != width * height + 2 * half[0] * half[1]:
            raise ValueError(f"{data.size} bytes hold no picture of {width} x {height} px")
        luma, blue, red = np.split(data, [width * height, width * height + half[0] * half[1]])
        return cls(luma.reshape(height, width), blue.reshape(half), red.reshape(half), colours)

    @property
    def nbytes(self) -> int:
        """How many bytes the planes have."""
        return sum(plane.size for plane in self.planes)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[np.uint8]:
        """Return the whole picture in RGB, always a new array."""
        del copy
        return np.asarray(self[:, :], dtype)

    def __getitem__(self, part: _Part) -> NDArray[np.uint8]:
        """Return a part in RGB, shape (rows, columns, 3).

        A part has the same pixels whatever is asked for beside it: chroma is interpolated linearly between its samples.
        Where only some rows or columns are asked for, each has the nearest sample.

        Args:
            part: Slices of rows and columns; steps are positive.
        """
        import cv2  # heavy, and not needed by those who only ask for a camera's address or status

        luma, *chroma = self.planes
        pixels = np.ascontiguousarray(luma[part])
        if not pixels.size:
            return np.zeros((*pixels.shape, 3), np.uint8)
        shown = _Shown(part, luma.shape)
        yuv = cv2.merge([pixels, *(shown.spread(shown.samples(plane)) for plane in chroma)])
        return np.asarray(cv2.transform(yuv, _rgb_matrix(self.colours)), np.uint8)

    def grey(self, part: _Part) -> NDArray[np.uint8]:
        """Return a part in shades of grey (luma of ITU-R BT.601), shape (rows, columns); for `part` see `[]`."""
        import cv2

        luma, blue, red = self.planes
        pixels = np.ascontiguousarray(luma[part])
        of_luma, of_blue, of_red, offset = _grey_weights(self.colours)
        if not pixels.size:
            return pixels
        if abs(of_blue) + abs(of_red) < _NEGLIGIBLE:  # the stream's luma has the weights that grey has
            return np.asarray(cv2.addWeighted(pixels, of_luma, pixels, 0.0, offset), np.uint8)
        # The chroma's share is small enough to be kept in 8 bits.
        shown, middle = _Shown(part, luma.shape), _MIDDLE * (1.0 - of_blue - of_red)
        share = cv2.addWeighted(shown.samples(blue), of_blue, shown.samples(red), of_red, middle)
        spread = shown.spread(np.asarray(share, np.uint8))
        return np.asarray(cv2.addWeighted(pixels, of_luma, spread, 1.0, offset - middle), np.uint8)

    def grey_means(self, rows: int, columns: int) -> NDArray[np.float32]:
        """Return the means of areas in shades of grey; see the function of this name."""
        import cv2

        reduced = (_halved(plane, rows, columns).astype(np.float32) for plane in self.planes)
        means = [cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_AREA) for plane in reduced]
        *weights, offset = _grey_weights(self.colours)
        grey = sum(weight * mean for weight, mean in zip(weights, means, strict=True)) + offset
        return np.clip(grey, 0.0, 255.0).astype(np.float32)

    def reduced(self, left: int, top: int, columns: int, rows: int, shrink: int) -> NDArray[np.uint8]:
        """Return a part in RGB, reduced; see `reduced_part`."""
        import cv2

        right, bottom = left + columns * shrink, top + rows * shrink
        luma, *chroma = self.planes
        parts = [luma[top:bottom, left:right]]
        parts += [plane[top // 2 : -(-bottom // 2), left // 2 : -(-right // 2)] for plane in chroma]
        means = [cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA) for part in parts]
        return np.asarray(cv2.transform(cv2.merge(means), _rgb_matrix(self.colours)), np.uint8)


class _Shown:
    """Which samples of the chroma the pixels of a part need.

    Args:
        part: Slices of rows and columns; it is not empty.
        shape: Of the luma.
    """

    def __init__(self, part: _Part, shape: tuple[int, ...]) -> None:
        self._rows, self._columns = (range(*axis.indices(length)) for axis, length in zip(part, shape, strict=True))
        self._is_whole = self._rows.step == self._columns.step == 1

    def samples(self, plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the samples: the nearest one of each pixel, or, of a part without gaps, all with one more around."""
        rows, columns = self._rows, self._columns
        if self._is_whole:
            return np.ascontiguousarray(plane[_around(rows), _around(columns)])
        nearest = np.empty((len(rows), len(columns)), np.uint8)
        # The samples of every second row or column are evenly spread: slices, many times as fast as lists.
        for first_row, first_column in ((0, 0), (0, 1), (1, 0), (1, 1)):
            down, across = _samples_of(rows[first_row::2]), _samples_of(columns[first_column::2])
            nearest[first_row::2, first_column::2] = plane[down, across]
        return nearest

    def spread(self, samples: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return one value for each pixel, in between the samples where there are fewer."""
        import cv2

        if not self._is_whole:
            return samples
        double = cv2.resize(samples, None, fx=2.0, fy=2.0, interpolation=cv2.INTER_LINEAR)
        rows, columns = (
            slice(axis.start - 2 * _around(axis).start, axis.stop - 2 * _around(axis).start)
            for axis in (self._rows, self._columns)
        )
        return np.asarray(double[rows, columns], np.uint8)


def _samples_of(axis: range) -> slice:
    """Return the nearest chroma sample of each row or column of a range whose step is even."""
    return slice(axis.start // 2, axis[-1] // 2 + 1 if axis else 0, axis.step // 2)


def _around(axis: range) -> slice:
    """Return the chroma samples of rows or columns without gaps, with one more on each side where there is one."""
    return slice(max(0, axis.start // 2 - 1), axis[-1] // 2 + 2)


Picture: TypeAlias = NDArray[np.uint8] | PlanarPicture
"""Shape (height, width, 3), uint8, RGB: an array, or what looks like one to those who cut parts out of it."""


def grey_part(picture: Picture, part: _Part) -> NDArray[np.uint8]:
    """Return a part of a picture in shades of grey (luma of ITU-R BT.601).

    Args:
        picture: The whole.
        part: Slices of rows and columns; steps are positive.

    Returns:
        Shape (rows, columns), uint8.
    """
    import cv2

    if isinstance(picture, PlanarPicture):
        return picture.grey(part)
    pixels = picture[part]
    if not pixels.size:
        return np.zeros(pixels.shape[:2], np.uint8)
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY), np.uint8)


def grey_means(picture: Picture, rows: int, columns: int) -> NDArray[np.float32]:
    """Return the means of a picture's areas in shades of grey, not rounded.

    Args:
        picture: The whole.
        rows: How many areas from top to bottom.
        columns: How many from left to right.

    Returns:
        Shape (rows, columns), levels in [0, 255].
    """
    import cv2

    if isinstance(picture, PlanarPicture):
        return picture.grey_means(rows, columns)
    grey = _halved(np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8), rows, columns)
    return np.asarray(cv2.resize(grey.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA), np.float32)


def reduced_part(picture: Picture, left: int, top: int, columns: int, rows: int, shrink: int) -> NDArray[np.uint8]:
    """Return a part of a picture in RGB, each pixel the mean of a square of `shrink` pixels a side.

    Args:
        picture: The whole.
        left: Of the part, in pixels of the picture.
        top: See `left`.
        columns: Of the reduced part; 1 or more.
        rows: See `columns`.
        shrink: 2 or more.

    Returns:
        Shape (rows, columns, 3), uint8.
    """
    import cv2

    if isinstance(picture, PlanarPicture):
        return picture.reduced(left, top, columns, rows, shrink)
    part = picture[top : top + rows * shrink, left : left + columns * shrink]
    return np.asarray(cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)


def _halved(plane: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """Return a plane at half or a quarter of its size, where that leaves enough for so many areas; else the plane.

    OpenCV halves whole numbers many times as fast as it averages areas; what that rounds cancels in their means.
    """
    import cv2

    for least in (1, _WELL_ABOVE):
        height, width = plane.shape[0] // 2, plane.shape[1] // 2
        if height < least * rows or width < least * columns:
            break
        even = plane[: 2 * height, : 2 * width]
        plane = np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return plane


@functools.lru_cache(maxsize=16)
def _rgb_matrix(colours: YuvColours) -> NDArray[np.float64]:
    """Return what makes (red, green, blue) of (luma, blue chroma, red chroma, 1), shape (3, 4)."""
    red, blue = colours.red, colours.blue
    green = 1.0 - red - blue
    luma, chroma, black = (1.0, 1.0, 0.0) if colours.is_full_range else (255.0 / 219.0, 255.0 / 224.0, 16.0)
    matrix = np.zeros((3, 4))
    matrix[:, 0] = luma
    matrix[0, 2] = chroma * 2.0 * (1.0 - red)
    matrix[1, 1] = -chroma * 2.0 * blue * (1.0 - blue) / green
    matrix[1, 2] = -chroma * 2.0 * red * (1.0 - red) / green
    matrix[2, 1] = chroma * 2.0 * (1.0 - blue)
    matrix[:, 3] = -luma * black - _MIDDLE * matrix[:, 1:3].sum(axis=1)
    return matrix


@functools.lru_cache(maxsize=16)
def _grey_weights(colours: YuvColours) -> tuple[float, float, float, float]:
    """Return the weights of luma, blue chroma, red chroma and 1 in grey."""
    weights = np.array([_GREY_RED, _GREY_GREEN, _GREY_BLUE]) @ _rgb_matrix(colours)
    return float(weights[0]), float(weights[1]), float(weights[2]), float(weights[3])
