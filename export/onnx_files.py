"""Writes torch modules as ONNX files."""

import logging
import re
import warnings
from collections.abc import Mapping, Sequence

import onnx
import torch
from torch import Tensor, nn

from trainer.networks.ensemble import Ensemble

__all__ = ["OPSET", "finish", "is_in_network", "to_onnx"]

OPSET = 18
_PRODUCER = "nicu-export"
_ENSEMBLE = f"/network: {Ensemble.__module__}.{Ensemble.__qualname__}/"
_MEMBER = "/network.members."
_NETWORK = re.compile(r"/(?:\w+\.)?network: ")


def to_onnx(
    module: nn.Module, example: Tensor, *, input_name: str, output_names: Sequence[str], metadata: Mapping[str, str]
) -> bytes:
    """Return the content of an ONNX file, weights inside, whose first axis is dynamic in every input and output.

    Args:
        module: What to write; its single input and its outputs have the batch as first axis.
        example: An input of batch 2 or more, so that nothing is specialised to a batch of one.
        input_name: Name of the input in the file.
        output_names: Names of the outputs in the file, in the module's order.
        metadata: Written into the file, so that it describes itself even without its bundle.
    """
    # It also logs, once a process, that the operators of torchvision, which nothing here uses, are left out.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # The exporter's own deprecation notes are no concern of the user.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module.eval(),
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=[input_name],
            output_names=list(output_names),
            dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=4096)},),
            verbose=False,
        )
    if program is None:
        raise RuntimeError("torch.onnx.export returned no program")
    return finish(program.model_proto, metadata)


def finish(model: onnx.ModelProto, metadata: Mapping[str, str]) -> bytes:
    """Return a model's bytes, checked, without the build machine's paths in it, and with metadata."""
    model.producer_name = _PRODUCER
    model.producer_version = ""
    model.doc_string = ""
    for node in model.graph.node:
        node.doc_string = ""
        retained = [prop for prop in node.metadata_props if prop.key == "namespace"]
        del node.metadata_props[:]
        node.metadata_props.extend(retained)
    onnx.helper.set_model_props(model, dict(sorted(metadata.items())))
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def is_in_network(node: onnx.NodeProto) -> bool:
    """Return whether a node of an exported file belongs to the network, not to the scaling or decoding around it.

    The exporter notes the path of modules that every node comes from; the graphs of this project call theirs `network`,
    those of their parts `mesh.network` and `expression.network`.
    Of an ensemble only the members count: the mean of their probabilities stays off 1 by a millionth, which fp16
    rounds away, so that the log-odds of a sure answer would be infinite.
    """
    paths = [prop.value for prop in node.metadata_props if prop.key == "namespace"]
    return any(_NETWORK.search(path) is not None and (_ENSEMBLE not in path or _MEMBER in path) for path in paths)
