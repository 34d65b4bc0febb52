"""Rows of an engine's input that do not exist yet: the engine has them made where it computes.

A picture that a model sees is cut out of a camera's picture. An engine on a GPU has it cut there, straight into its
input; every other engine, and every engine whose GPU cannot cut now, has it cut by the processor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.errors import EngineInputError

__all__ = ["Cutter", "LazyRows", "Rows", "Square", "as_array", "as_arrays", "join_rows", "pad_rows"]

_CHANNELS = 3


class Square(Protocol):
    """One square picture that is still to be cut."""

    def pixels(self) -> NDArray[np.uint8]:
        """Return it, cut by the processor unless it was cut already; shape (side, side, 3), RGB."""
        ...


class Cutter(Protocol):
    """Cuts squares on a device. Any thread may use it."""

    @property
    def device(self) -> str:
        """Where the addresses lie that it writes to: `cuda`, or `cpu` in tests."""
        ...

    @property
    def is_ready(self) -> bool:
        """Whether it is worth asking; where not, the processor cuts at once."""
        ...

    def cut(self, squares: Sequence[Square], address: int) -> bool:
        """Cut squares, one behind the other, into memory of the device, and wait for them.

        Returns:
            False where that cannot be done now: the processor must cut them. No error is raised.
        """
        ...


@dataclass(frozen=True, slots=True)
class LazyRows:
    """A batch of squares that are still to be cut; where an array stands as an engine's input, this may stand.

    Attributes:
        squares: All of one size.
        side_px: Their side.
        cutter: What can cut them on a device.
        fill: Rows behind them, whose content is of no account.
        dtype: Of the pixels.
    """

    squares: tuple[Square, ...]
    side_px: int
    cutter: Cutter
    fill: int = 0
    dtype: ClassVar[np.dtype[Any]] = np.dtype(np.uint8)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.squares) + self.fill

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Rows, height, width, channels."""
        return len(self), self.side_px, self.side_px, _CHANNELS

    @property
    def size(self) -> int:
        """Number of bytes."""
        return int(np.prod(self.shape))

    def __getitem__(self, part: slice) -> "LazyRows":
        """Return some of the rows."""
        return replace(self, squares=self.squares[part], fill=0)

    def array(self) -> NDArray[np.uint8]:
        """Have the processor cut them.

        Raises:
            EngineInputError: One of them cannot be cut, which is no failure of the engine that asks for it.
        """
        rows = np.zeros(self.shape, np.uint8)
        for row, square in zip(rows, self.squares, strict=False):
            try:
                row[...] = square.pixels()
            except Exception as error:
                raise EngineInputError(f"a part of a picture cannot be cut out of it: {error}") from error
        return rows

    def write(self, address: int) -> bool:
        """Have them cut into memory of the device; False where the processor must cut them."""
        return self.cutter.cut(self.squares, address)


Rows = NDArray[Any] | LazyRows


def as_array(rows: Rows) -> NDArray[Any]:
    """Return rows in the main memory."""
    return rows.array() if isinstance(rows, LazyRows) else rows


def as_arrays(inputs: Mapping[str, Rows]) -> dict[str, NDArray[Any]]:
    """Return all inputs in the main memory."""
    return {name: as_array(rows) for name, rows in inputs.items()}


def join_rows(parts: Sequence[Rows]) -> Rows:
    """Return several inputs of one kind as one, in their order."""
    first = parts[0]
    if len(parts) == 1:
        return first
    lazy = [part for part in parts if isinstance(part, LazyRows)]
    if isinstance(first, LazyRows) and len(lazy) == len(parts):
        return replace(first, squares=tuple(square for part in lazy for square in part.squares), fill=0)
    return np.concatenate([as_array(part) for part in parts])


def pad_rows(rows: Rows, count: int) -> Rows:
    """Return rows with further ones behind them, up to that many."""
    if isinstance(rows, LazyRows):
        return replace(rows, fill=count - len(rows.squares))
    padded = np.zeros((count, *rows.shape[1:]), rows.dtype)
    padded[: len(rows)] = rows
    return padded
