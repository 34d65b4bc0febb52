"""Checks on named tensors that every engine shares."""

from collections.abc import Mapping, Sequence

from monitor.errors import EngineInputError
from monitor.inference.engine import TensorSpec
from monitor.inference.lazy_rows import Rows

__all__ = ["check_inputs", "first_line"]


def check_inputs(label: str, specs: Sequence[TensorSpec], inputs: Mapping[str, Rows]) -> None:
    """Refuse inputs that are not what the model declares, before they reach native code.

    Raises:
        EngineInputError: A tensor is missing, unknown, or of another type or shape.
    """
    expected = {spec.name: spec for spec in specs}
    if set(inputs) != set(expected):
        raise EngineInputError(f"{label} wants the inputs {sorted(expected)}, got {sorted(inputs)}")
    for name, array in inputs.items():
        spec = expected[name]
        fits = len(array.shape) == len(spec.shape) and all(
            declared is None or declared == size for declared, size in zip(spec.shape, array.shape, strict=True)
        )
        if array.dtype != spec.dtype or not fits or array.size == 0:
            declared = tuple("any" if size is None else size for size in spec.shape)
            raise EngineInputError(
                f"{label}: input {name} must be {spec.dtype} of shape {declared} and not empty, "
                f"got {array.dtype} of shape {array.shape}"
            )


def first_line(error: Exception) -> str:
    """Return what a library's error says first, for the middle of a sentence."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(". ") if lines else type(error).__name__
