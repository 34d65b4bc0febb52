"""One network, several files: the precisions of one input size, and the golden answers to verify them with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from export.onnx_files import to_onnx
from monitor.inference.manifest import Precision, Variant

__all__ = ["GraphDescription", "make_variants", "run_in_torch"]

_BATCH = 8


@dataclass(frozen=True, slots=True)
class GraphDescription:
    """A graph to export.

    Attributes:
        graph: Takes uint8 pictures (N, S, S, 3).
        size_px: S.
        stem: Of the file names: `model` becomes model.onnx, model.fp16.onnx and so on.
        input_name: Name of the input.
        output_names: Names of the outputs, in the graph's order.
        metadata: Written into the files.
    """

    graph: nn.Module
    size_px: int
    stem: str
    input_name: str
    output_names: Sequence[str]
    metadata: Mapping[str, str]


def make_variants(
    description: GraphDescription, precisions: Sequence[Precision], calibration: Callable[[], NDArray[np.uint8]]
) -> list[tuple[Variant, bytes]]:
    """Export a graph in every precision that is asked for.

    Args:
        description: What to export.
        precisions: fp32 is always made, the others are derived from it.
        calibration: Returns the pictures from which int8 takes its ranges, shape (N, S, S, 3). Called for int8 only:
            rendering them takes longer than the export.
    """
    size_px = description.size_px
    full = to_onnx(
        description.graph,
        torch.zeros(2, size_px, size_px, 3, dtype=torch.uint8),
        input_name=description.input_name,
        output_names=description.output_names,
        metadata=description.metadata,
    )
    made: list[tuple[str, Precision, bytes]] = [(f"{description.stem}.onnx", "fp32", full)]
    if "fp16" in precisions:
        from export.half_precision import to_half

        made.append((f"{description.stem}.fp16.onnx", "fp16", to_half(full)))
    if "int8" in precisions:
        from export.integer_precision import to_integer

        made.append((f"{description.stem}.int8.onnx", "int8", to_integer(full, list(calibration()))))
    return [(Variant(file=file, precision=precision, size_px=size_px), content) for file, precision, content in made]


def run_in_torch(description: GraphDescription, pictures: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """Return the graph's outputs in PyTorch, by name."""
    graph = description.graph.eval()
    with torch.inference_mode():
        parts = [graph(torch.from_numpy(pictures[start : start + _BATCH])) for start in range(0, len(pictures), _BATCH)]
    return {
        name: np.concatenate([part[index].numpy() for part in parts])
        for index, name in enumerate(description.output_names)
    }
