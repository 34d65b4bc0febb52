"""What a network expects as input, once for training, evaluation and export."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    import torch

__all__ = ["InputContract", "prepare_crops"]

Triple = tuple[float, float, float]
Positive = Annotated[float, Field(gt=0.0)]


class InputContract(BaseModel):
    """How an RGB uint8 crop becomes the network's input.

    The steps, in order: reorder the channels to `colour_order`, multiply 0..255 by `value_maximum` / 255, subtract
    `mean`, divide by `std` (both in the colour order of the network and in the units of the scaled values).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size_px: int = Field(ge=16, le=1024, description="Side of the square crop.")
    margin: float = Field(default=0.0, ge=0.0, le=2.0, description="Share of the box added on every side.")
    colour_order: Literal["RGB", "BGR"] = "RGB"
    value_maximum: Positive = Field(default=1.0, description="What the grey level 255 becomes before mean and std.")
    mean: Triple = (0.0, 0.0, 0.0)
    std: tuple[Positive, Positive, Positive] = (1.0, 1.0, 1.0)

    @property
    def mean_grey_rgb(self) -> Triple:
        """What is subtracted from an RGB pixel of 0..255, per channel in the order R, G, B."""
        return self._grey_rgb(self.mean)

    @property
    def std_grey_rgb(self) -> Triple:
        """By what the difference is then divided, per channel in the order R, G, B."""
        return self._grey_rgb(self.std)

    def _grey_rgb(self, values: Triple) -> Triple:
        first, second, third = (value * 255.0 / self.value_maximum for value in values)
        return (first, second, third) if self.colour_order == "RGB" else (third, second, first)


def prepare_crops(crops: "torch.Tensor", contract: InputContract) -> "torch.Tensor":
    """Turn stored crops into the network's input.

    Args:
        crops: Shape (N, S, S, 3), uint8, RGB.
        contract: What the network expects; `size_px` must equal S.

    Returns:
        Shape (N, 3, S, S), float32, in the channels-last memory layout, on the same device.
    """
    if crops.ndim != 4 or crops.shape[1:] != (contract.size_px, contract.size_px, 3):
        expected = (contract.size_px, contract.size_px, 3)
        raise ValueError(f"crops have the shape {tuple(crops.shape)}, the network expects (N, *{expected})")
    values = crops.float()
    if contract.colour_order == "BGR":
        values = values.flip(-1)
    values = values * (contract.value_maximum / 255.0)
    if contract.mean != (0.0, 0.0, 0.0) or contract.std != (1.0, 1.0, 1.0):
        values = (values - values.new_tensor(contract.mean)) / values.new_tensor(contract.std)
    # A permuted NHWC tensor already has the channels-last layout: nothing is copied.
    return values.permute(0, 3, 1, 2)
