"""Convolutions that are max-pooled at once, with a backward pass that visits the maxima only.

Pooling hands the gradient of a cell to one of its positions: to a ninth of all with windows of 3 x 3, to a hundredth
with 10 x 10. The others add zeros to the gradient of the kernels, which a dense backward pass sums all the same, in up
to three times the time of the forward pass. Here that gradient is the weighted sum of the input's patches at the maxima
(`embedding_bag`): the same numbers in another order. Branches that read the same input share its patches.

For float32 on a CPU; elsewhere torch computes as usual. It needs no compiler, as kernels of one's own would.
"""

from collections.abc import Sequence
from functools import reduce

import torch
from torch import nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional

__all__ = ["pooled_convolutions"]


def pooled_convolutions(values: torch.Tensor, branches: Sequence[nn.Module]) -> tuple[torch.Tensor, ...]:
    """Return what each branch makes of the same input.

    Args:
        values: Shape (N, C, H, W).
        branches: Each a sequence of two layers: a convolution with a bias, a stride of 1, zeros around the input if
            any, and a square kernel of one size in all branches; and a max-pooling whose windows lie side by side.

    Raises:
        ValueError: A branch is of another kind.
    """
    layers = [_layers(branch) for branch in branches]
    if torch.compiler.is_compiling() or not _in_float32_on_cpu(values):
        return tuple(branch(values) for branch in branches)
    windows = tuple((int(convolution.padding[0]), pool.kernel_size) for convolution, pool in layers)
    parameters = [parameter for convolution, _ in layers for parameter in (convolution.weight, convolution.bias)]
    outputs: tuple[torch.Tensor, ...] = _PooledConvolutions.apply(values, windows, *parameters)  # type: ignore[no-untyped-call]  # torch has no type for it
    return outputs


def _layers(branch: nn.Module) -> tuple[nn.Conv2d, nn.MaxPool2d]:
    convolution, pool = branch.children()
    if (
        isinstance(convolution, nn.Conv2d)
        and isinstance(pool, nn.MaxPool2d)
        and convolution.bias is not None
        and (convolution.padding_mode, convolution.groups) == ("zeros", 1)
        and len({*convolution.kernel_size}) == len({*convolution.padding}) == 1
        and {*convolution.stride, *convolution.dilation, pool.dilation} == {1}
        and isinstance(pool.kernel_size, int)
        and (pool.stride, pool.padding, pool.ceil_mode) == (pool.kernel_size, 0, False)
    ):
        return convolution, pool
    raise ValueError(f"{convolution} and {pool} cannot be computed together")


def _in_float32_on_cpu(values: torch.Tensor) -> bool:
    return values.device.type == "cpu" and values.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")


class _Context(FunctionCtx):
    margins: list[int]
    saved_tensors: tuple[torch.Tensor, ...]
    needs_input_grad: tuple[bool, ...]


class _PooledConvolutions(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: _Context, values: torch.Tensor, windows: tuple[tuple[int, int], ...], *parameters: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        outputs, maxima = [], []
        for (margin, window), weight, bias in zip(windows, parameters[::2], parameters[1::2], strict=True):
            # One input's surface stays in the processor's cache until it is pooled: that takes half the time.
            pooled = [_pooled(values[at : at + 1], margin, window, weight, bias) for at in range(len(values))]
            outputs.append(torch.cat([maximum for maximum, _ in pooled]))
            maxima.append(torch.cat([where for _, where in pooled]))
        ctx.margins = [margin for margin, _ in windows]
        ctx.save_for_backward(values, *parameters[::2], *maxima)
        return tuple(outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: _Context, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        values, *others = ctx.saved_tensors
        weights, maxima = others[: len(gradients)], others[len(gradients) :]
        branches = list(zip(ctx.margins, weights, maxima, gradients, strict=True))
        of_values = None
        if ctx.needs_input_grad[0]:
            of_values = reduce(torch.add, (_gradient_of_values(values, *branch) for branch in branches))
        of_kernels = _gradients_of_kernels(values, branches)
        of_biases = [gradient.sum(dim=(0, 2, 3)) for gradient in gradients]
        return of_values, None, *(found for pair in zip(of_kernels, of_biases, strict=True) for found in pair)


def _pooled(
    values: torch.Tensor, margin: int, window: int, weight: torch.Tensor, bias: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the maxima of one branch's windows, and their positions on its surface."""
    # A convolution that adds the zeros itself takes up to half as long again.
    surface = functional.conv2d(_with_margin(values, margin), weight, bias)
    maxima, where = functional.max_pool2d(surface, window, return_indices=True)
    return maxima, where


_Branch = tuple[int, torch.Tensor, torch.Tensor, torch.Tensor]  # margin, weight, positions of the maxima, gradient


def _with_margin(values: torch.Tensor, margin: int) -> torch.Tensor:
    if margin == 0:
        return values
    return functional.pad(values, (margin,) * 4).contiguous(memory_format=torch.channels_last)


def _gradients_of_kernels(values: torch.Tensor, branches: Sequence[_Branch]) -> list[torch.Tensor]:
    widest = max(margin for margin, *_ in branches)
    patches = _Patches(_with_margin(values, widest), kernel=branches[0][1].shape[-1])
    sums = [weight.new_zeros(len(weight), patches.length) for _, weight, _, _ in branches]
    rows = [patches.rows(inset=widest - margin) for margin, *_ in branches]
    for index in range(len(values)):  # one input's table stays in the processor's cache
        table = patches.table(index)
        for total, row, (_, _, where, gradient) in zip(sums, rows, branches, strict=True):
            visited = row.take(where[index].flatten(1).contiguous())
            shares = gradient[index].flatten(1).contiguous()
            total.add_(functional.embedding_bag(visited, table, mode="sum", per_sample_weights=shares))
    return [patches.as_kernels(total) for total in sums]


class _Patches:
    """All patches of an input under a kernel's window, as rows of a table.

    Args:
        values: Shape (N, C, H, W).
        kernel: Side of the window.
    """

    def __init__(self, values: torch.Tensor, kernel: int) -> None:
        self._values = values.permute(0, 2, 3, 1).contiguous()  # (N, H, W, C): a line of a patch is contiguous
        self._kernel = kernel
        _, height, width, self._channels = self._values.shape
        self._shape = (height - kernel + 1, width - kernel + 1)
        self.length = kernel * kernel * self._channels
        self._table = self._values.new_empty(*self._shape, kernel, kernel * self._channels)

    def table(self, index: int) -> torch.Tensor:
        """Return the patches of one input, shape (positions, length); the next call overwrites them."""
        values = self._values[index]
        line, column = values.shape[1] * self._channels, self._channels
        self._table.copy_(values.as_strided(self._table.shape, (line, column, line, 1), values.storage_offset()))
        return self._table.view(-1, self.length)

    def rows(self, inset: int) -> torch.Tensor:
        """Return the table's row of each position of a surface that is smaller by `inset` on every side."""
        height, width = (side - 2 * inset for side in self._shape)
        lines = torch.arange(inset, inset + height)[:, None] * self._shape[1]
        return (lines + torch.arange(inset, inset + width)).flatten()

    def as_kernels(self, sums: torch.Tensor) -> torch.Tensor:
        """Return sums of patches, shape (K, length), in the shape of kernels, (K, C, kernel, kernel)."""
        return sums.view(len(sums), self._kernel, self._kernel, self._channels).permute(0, 3, 1, 2)


def _gradient_of_values(
    values: torch.Tensor, margin: int, weight: torch.Tensor, where: torch.Tensor, gradient: torch.Tensor
) -> torch.Tensor:
    height, width = (side + 2 * margin - weight.shape[-1] + 1 for side in values.shape[2:])
    surface = gradient.new_zeros(len(values), height * width, len(weight))
    surface.scatter_(1, _by_position(where), _by_position(gradient))
    return functional.conv_transpose2d(
        surface.view(len(values), height, width, -1).permute(0, 3, 1, 2), weight, padding=margin
    )


def _by_position(values: torch.Tensor) -> torch.Tensor:
    return values.permute(0, 2, 3, 1).flatten(1, 2)
