"""Everything that fitting a network needs but the pictures."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainer.crops import AugmentationSettings
from trainer.networks import Architecture, InputContract
from trainer.training import TrainingSettings

if TYPE_CHECKING:
    import torch

__all__ = ["NetworkPlan"]


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """What is trained, and how.

    Attributes:
        architecture: Which network.
        settings: Of the network.
        contract: Its input.
        training: How it is trained.
        augmentation: Random variation of pictures that are not copies already.
        expansion: Preset of the fixed copies (dissertation protocol).
        copies: Random variations of each picture in an epoch (strict protocol).
        epoch_pictures: There are fewer variations where an epoch would have more pictures than this; None: never.
        initial_state: Weights to start from, or None.
        balance_data_sets: Whether pictures of smaller data sets are learnt from more often.
    """

    architecture: Architecture
    settings: dict[str, Any]
    contract: InputContract
    training: TrainingSettings
    augmentation: AugmentationSettings
    expansion: str
    copies: int = 1
    epoch_pictures: int | None = None
    initial_state: dict[str, "torch.Tensor"] | None = None
    balance_data_sets: bool = False

    def copies_of(self, pictures: int) -> int:
        """Return how many variations of each of so many pictures an epoch has."""
        if self.epoch_pictures is None:
            return self.copies
        return max(1, min(self.copies, self.epoch_pictures // max(pictures, 1)))
