"""What runs a model: named tensors in, named tensors out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.inference.lazy_rows import Rows

__all__ = ["Engine", "TensorSpec"]


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Name, shape and type of one input or output.

    Attributes:
        name: As in the model file.
        shape: One entry an axis; None where the axis is dynamic (the batch).
        dtype: NumPy type.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: np.dtype[Any]


class Engine(Protocol):
    """A loaded model. One engine belongs to one thread."""

    @property
    def name(self) -> str:
        """Which implementation runs, one of `monitor.inference.manifest.EngineName`."""
        ...

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The tensors that `run` wants."""
        ...

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The tensors that `run` returns."""
        ...

    def run(self, inputs: Mapping[str, Rows]) -> dict[str, NDArray[Any]]:
        """Run the model once.

        Args:
            inputs: One array per input, of the declared shape and type, or pictures that the engine has cut where it
                computes.

        Returns:
            One array per output. The caller owns them.

        Raises:
            EngineError: A name, shape or type is wrong, or the engine failed.
        """
        ...

    def close(self) -> None:
        """Free what it holds; safe to call twice."""
        ...
