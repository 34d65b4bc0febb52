"""Half-precision variants of ONNX models."""

import warnings
from collections.abc import Iterable

import onnx
from onnx import compose
from onnx.utils import Extractor
from onnxconverter_common import float16

from export.onnx_files import finish, is_in_network

__all__ = ["to_half"]


def to_half(content: bytes) -> bytes:
    """Return an ONNX file whose network computes in fp16, with inputs and outputs of the same types as before.

    Only the network itself is converted. Scaling of pixels and decoding of boxes stay in fp32: fp16 has steps of half a
    pixel above 512, so boxes of a 640 px picture would be rounded by more than the network's own error. (The converter
    can leave nodes out by name, but rounds what passes between them all the same; so the file is taken apart instead.)

    Args:
        content: An fp32 file of `export.onnx_files.to_onnx`.
    """
    model = onnx.load_from_string(content)
    metadata = {prop.key: prop.value for prop in model.metadata_props}
    into, out_of = _boundaries(model.graph)
    extractor = Extractor(onnx.shape_inference.infer_shapes(model))
    before = extractor.extract_model([value.name for value in model.graph.input], into)
    network = extractor.extract_model(into, out_of)
    leaving = _outputs_of_their_own(network.graph)
    after = extractor.extract_model(out_of, [value.name for value in model.graph.output])
    with warnings.catch_warnings():
        # It warns of every weight below the smallest fp16 number, which becomes 0; verification decides about the
        # outcome.
        warnings.simplefilter("ignore")
        half = float16.convert_float_to_float16(network, keep_io_types=True)
    # A constant that two parts share is a copy in each, under one name; the names between the parts stay.
    before, after = (_prefixed(part, prefix) for part, prefix in ((before, "before."), (after, "after.")))
    for part in (before, half, after):
        del part.graph.value_info[:]
    joined = compose.merge_models(before, half, io_map=[(name, name) for name in into])
    joined = compose.merge_models(joined, after, io_map=[(leaving[name], name) for name in out_of])
    joined.graph.name = model.graph.name
    return finish(joined, metadata)


def _outputs_of_their_own(graph: onnx.GraphProto) -> dict[str, str]:
    """Give every output that the network itself reads, too, a copy, and return the outputs' names by the old ones.

    The converter gives such a tensor the type of an output, which the nodes that read it cannot take.
    """
    read = {name for node in graph.node for name in node.input}
    names = {}
    for output in graph.output:
        names[output.name] = output.name
        if output.name in read:
            names[output.name] = f"{output.name}.leaving"
            graph.node.append(onnx.helper.make_node("Identity", [output.name], [names[output.name]]))
            output.name = names[output.name]
    return names


def _prefixed(model: onnx.ModelProto, prefix: str) -> onnx.ModelProto:
    """Return a part whose inner names begin with a prefix; those of its inputs and outputs stay."""
    graph = model.graph
    outer = {value.name for value in (*graph.input, *graph.output)} | {""}

    def renamed(names: Iterable[str]) -> list[str]:
        return [name if name in outer else prefix + name for name in names]

    for node in graph.node:
        node.input[:], node.output[:] = renamed(node.input), renamed(node.output)
    for tensor in graph.initializer:
        (tensor.name,) = renamed([tensor.name])
    return model


def _boundaries(graph: onnx.GraphProto) -> tuple[list[str], list[str]]:
    """Return the tensors that the network takes and those that it gives, in the graph's order."""
    inside = {name for node in graph.node if is_in_network(node) for name in node.output}
    outside = {name for node in graph.node if not is_in_network(node) for name in node.output}
    into = [name for node in graph.node if is_in_network(node) for name in node.input if name in outside]
    out_of = [name for node in graph.node if not is_in_network(node) for name in node.input if name in inside]
    return list(dict.fromkeys(into)), list(dict.fromkeys(out_of))
