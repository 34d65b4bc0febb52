"""Crops as a training run draws them: exact, or varied anew in every epoch."""

import numpy as np
from numpy.typing import NDArray

from trainer.crops.augmentation import AugmentationSettings, augment
from trainer.crops.cropset import CropSet
from trainer.training.determinism import generator

__all__ = ["ExactSamples", "VariedSamples"]


class ExactSamples:
    """The crops that the monitor would cut.

    Args:
        crops: Where they are.
        items: Which of them, shape (k,).
    """

    def __init__(self, crops: CropSet, items: NDArray[np.int64]) -> None:
        self._crops, self._items = crops, items
        self.labels = crops.labels[items]

    def crops(self, items: NDArray[np.int64], epoch: int) -> NDArray[np.uint8]:
        """Return the chosen crops; they are the same in every epoch."""
        del epoch
        return self._crops.exact(self._items[items])


class VariedSamples:
    """Crops that look different in every epoch.

    Args:
        crops: Where they are.
        items: Which of them, shape (k,).
        settings: How far they may be varied.
        seed: Decides the variations, together with the epoch and the crop.
    """

    def __init__(self, crops: CropSet, items: NDArray[np.int64], settings: AugmentationSettings, seed: int) -> None:
        self._crops, self._items, self._settings, self._seed = crops, items, settings, seed
        self.labels = crops.labels[items]

    def crops(self, items: NDArray[np.int64], epoch: int) -> NDArray[np.uint8]:
        """Return this epoch's variations of the chosen crops."""
        chosen = self._items[items]
        size = self._crops.contract.size_px
        return np.stack(
            [
                augment(self._crops.wide[item], size, self._settings, generator(self._seed, epoch, int(item)))
                for item in chosen
            ]
        )
