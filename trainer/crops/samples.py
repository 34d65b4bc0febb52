"""Crops as a training run draws them: exact, or varied again in every epoch."""

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
        copies: How many variations of each crop an epoch has.
    """

    def __init__(
        self,
        crops: CropSet,
        items: NDArray[np.int64],
        settings: AugmentationSettings,
        seed: int,
        copies: int = 1,
    ) -> None:
        self._crops, self._settings, self._seed = crops, settings, seed
        self._items = np.tile(items, copies)
        # A crop that is listed twice gets another variation each time.
        order = np.argsort(items, kind="stable")
        starts = np.searchsorted(items[order], items[order], side="left")
        again = np.empty(len(items), np.int64)
        again[order] = np.arange(len(items)) - starts
        self._copy = np.repeat(np.arange(copies), len(items)) + copies * np.tile(again, copies)
        self.labels = crops.labels[self._items]

    def crops(self, items: NDArray[np.int64], epoch: int) -> NDArray[np.uint8]:
        """Return this epoch's variations of the chosen crops."""
        size = self._crops.contract.size_px
        return np.stack(
            [
                augment(self._crops.wide[row], size, self._settings, generator(self._seed, epoch, int(row), int(copy)))
                for row, copy in zip(self._items[items], self._copy[items], strict=True)
            ]
        )
