"""The whole classifier as one graph: raw pixels in, calibrated probability and log-odds out."""

import torch
from torch import Tensor, nn

from trainer.networks import InputContract, PainNetwork

__all__ = ["ClassifierGraph"]


class ClassifierGraph(nn.Module):
    """Pre-processing, network and calibration.

    Args:
        network: Gives uncalibrated logits.
        contract: How pixels become its input.
        temperature: By which the logit is divided.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: PainNetwork, contract: InputContract, temperature: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(contract.mean_grey_rgb).reshape(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(contract.std_grey_rgb).reshape(3, 1, 1), persistent=False)
        self.swap = contract.colour_order == "BGR"
        self.network = network
        self.temperature = temperature

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Map uint8 RGB crops (N, S, S, 3) to the probability of pain (N,) and its log-odds (N,)."""
        # TensorRT wants 8-bit pixels cast before anything else is done with them. Channels come first before they are
        # normalised: ONNX Runtime broadcasts over three interleaved numbers at a tenth of the speed of whole planes.
        x = (crops.float().permute(0, 3, 1, 2) - self.mean) / self.std
        if self.swap:
            x = x.flip(1)
        logit = self.network(x) / self.temperature
        return torch.sigmoid(logit), logit
