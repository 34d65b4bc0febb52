"""Half precision where the network is sure of itself."""

import numpy as np
import onnx
import pytest
import torch

from export.classifier.graph import ClassifierGraph
from export.half_precision import to_half
from export.onnx_files import is_in_network, to_onnx
from monitor.inference.onnxruntime_engine import OnnxRuntimeEngine
from trainer.networks import architectures

_CROPS = np.stack([np.full((120, 120, 3), grey, np.uint8) for grey in (0, 128, 255)])


def _ensemble(biases: tuple[float, ...]) -> ClassifierGraph:
    """Return an ensemble whose members answer with about these logits, whatever the crop."""
    torch.manual_seed(3)
    architecture = architectures()["ensemble"]
    temperatures = tuple(1.0 + 0.5 * index for index in range(len(biases)))
    settings = {"member": "ncnn", "count": len(biases), "temperatures": temperatures}
    network = architecture.create(settings).eval()
    with torch.inference_mode():
        for member, bias in zip(network.members, biases, strict=True):
            member.head[-1].bias.fill_(bias)
    return ClassifierGraph(network, architecture.contract, 1.3)


def _full(graph: ClassifierGraph) -> bytes:
    example = torch.zeros(2, 120, 120, 3, dtype=torch.uint8)
    return to_onnx(graph, example, input_name="crops", output_names=("score", "logit"), metadata={})


@pytest.mark.parametrize("biases", [(60.0, 60.0), (-60.0, -60.0), (60.0, -60.0), (1.0, -0.5)])
def test_an_ensemble_that_is_sure_has_finite_log_odds(biases: tuple[float, ...]) -> None:
    """The mean was clamped to 1 - 1e-6, which is 1 in fp16, and log(1 - 1) went out as an infinite logit."""
    graph = _ensemble(biases)
    with torch.inference_mode():
        score, logit = graph(torch.from_numpy(_CROPS))
    half = OnnxRuntimeEngine(to_half(_full(graph))).run({"crops": _CROPS})
    assert np.isfinite(half["logit"]).all()
    np.testing.assert_allclose(half["logit"], logit.numpy(), atol=0.01)
    np.testing.assert_allclose(half["score"], score.numpy(), atol=0.002)


def test_only_the_members_of_an_ensemble_are_halved() -> None:
    content = _full(_ensemble((0.0, 0.0)))
    nodes = onnx.load_from_string(content).graph.node
    in_single = [node.op_type for node in nodes if not is_in_network(node)]
    assert {"Sigmoid", "ReduceMean", "Clip", "Log"} <= set(in_single)
    assert not {"Conv", "Gemm", "MatMul"} & set(in_single)
    halved = onnx.load_from_string(to_half(content)).graph
    stored = {weight.data_type for weight in halved.initializer if weight.name.startswith("network.members")}
    assert stored == {onnx.TensorProto.FLOAT16}
