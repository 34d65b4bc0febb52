"""The backward pass that visits the maxima only gives the gradients of the dense one, and N-CNN uses it."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from trainer.networks import NCNN
from trainer.networks.pooled_convolution import pooled_convolutions


def branch(channels, kernels, size, margin, window):
    return nn.Sequential(nn.Conv2d(channels, kernels, size, padding=margin), nn.MaxPool2d(window))


def whole_numbers(shape):
    """Of -4 to 4, whose sums and products are exact in float32, in whatever order."""
    return torch.randint(-4, 5, shape).float()


def results(outputs, seed, *wanted):
    """Outputs, and what a random gradient of them gives for the wanted tensors."""
    torch.manual_seed(seed)
    total = sum((output * whole_numbers(output.shape)).sum() for output in outputs)
    return [*outputs, *torch.autograd.grad(total, wanted)]


@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(7, 14), st.integers(7, 14)),
    size=st.integers(1, 5),
    branches=st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=3),
    channels_last=st.booleans(),
    gradient_of_input=st.booleans(),
    seed=st.integers(0, 2**31 - 1),
)
def test_outputs_and_gradients_are_those_of_torch(shape, size, branches, channels_last, gradient_of_input, seed):
    torch.manual_seed(seed)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    values = whole_numbers(shape).contiguous(memory_format=layout).requires_grad_(gradient_of_input)
    layers = [branch(shape[1], kernels, size, margin, window) for kernels, margin, window in branches]
    parameters = [parameter for layer in layers for parameter in layer.parameters()]
    for parameter in parameters:
        parameter.data = whole_numbers(parameter.shape)
    wanted = [*parameters, *([values] if gradient_of_input else [])]

    ours = results(pooled_convolutions(values, layers), seed, *wanted)
    expected = results([layer(values) for layer in layers], seed, *wanted)

    for found, true in zip(ours, expected, strict=True):
        torch.testing.assert_close(found, true, rtol=0.0, atol=0.0)


class DensePasses(TorchDispatchMode):
    """Counts the backward passes of convolutions that torch makes by itself."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function is torch.ops.aten.convolution_backward.default
        return function(*args, **(kwargs or {}))


def test_ncnn_learns_the_same_with_one_dense_backward_pass_of_four():
    torch.manual_seed(3)
    network = NCNN().eval()
    crops = torch.rand(2, 3, 120, 120)
    center, right = network.center_branch(crops), network.right_branch(crops)
    dense = network.head(network.merge_branch(torch.cat([network.left_branch(crops), center, right], dim=1)))

    expected = torch.autograd.grad(dense.sum(), list(network.parameters()))
    with DensePasses() as passes:
        found = torch.autograd.grad(network(crops).sum(), list(network.parameters()))

    assert passes.count == 1
    for ours, true in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, true, rtol=1e-4, atol=1e-5 * float(true.abs().max()))


def test_in_half_precision_torch_computes_as_usual():
    torch.manual_seed(3)
    layers = [branch(3, 8, 5, 2, 3)]
    values = torch.randn(1, 3, 20, 20)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        (found,), true = pooled_convolutions(values, layers), layers[0](values)

    assert found.dtype == torch.bfloat16
    assert torch.equal(found, true)


@pytest.mark.parametrize(
    ("convolution", "pool"),
    [
        (nn.Conv2d(3, 4, 3, stride=2), nn.MaxPool2d(2)),
        (nn.Conv2d(3, 4, (3, 1)), nn.MaxPool2d(2)),
        (nn.Conv2d(3, 4, 3, dilation=2), nn.MaxPool2d(2)),
        (nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"), nn.MaxPool2d(2)),
        (nn.Conv2d(3, 4, 3, bias=False), nn.MaxPool2d(2)),
        (nn.Conv2d(3, 3, 3, groups=3), nn.MaxPool2d(2)),
        (nn.Conv2d(3, 4, 3), nn.MaxPool2d(3, stride=2)),
        (nn.Conv2d(3, 4, 3), nn.MaxPool2d(2, ceil_mode=True)),
        (nn.Conv2d(3, 4, 3), nn.AvgPool2d(2)),
    ],
)
def test_another_kind_of_layer_is_refused_and_not_computed_wrongly(convolution, pool):
    with pytest.raises(ValueError, match="cannot be computed together"):
        pooled_convolutions(torch.rand(1, 3, 12, 12), [nn.Sequential(convolution, pool)])
