"""What the trainer's tests share: a tiny network, and crops that a network can learn in seconds."""

import numpy as np
import pytest
import torch
from pydantic import BaseModel
from torch import nn

from trainer.crops import CropSet, pad_px
from trainer.networks import Architecture, CellGrid, InputContract, PainNetwork

SIZE_PX = 32


class TinySettings(BaseModel, extra="forbid"):
    dropout: float = 0.2


class Tiny(PainNetwork):
    """A network small enough that training takes milliseconds, with dropout so that its random numbers matter."""

    def __init__(self, settings):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 5, stride=2), nn.ReLU(), nn.MaxPool2d(4))
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(settings.dropout), nn.Linear(8 * 9, 1))

    def forward(self, crops):
        return self.head(self.features(crops)).squeeze(1)

    def cell_grid(self):
        return CellGrid(self.features[0], 2.0, 2.0)


@pytest.fixture(scope="session")
def tiny():
    return Architecture("tiny", "for tests", TinySettings, Tiny, InputContract(size_px=SIZE_PX))


@pytest.fixture(scope="session")
def make_crops():
    """Return a maker of crop sets in which pain is a bright square in the middle of noise."""

    def make(count=48, infants=8, seed=0, signal=90):
        random = np.random.default_rng(seed)
        contract = InputContract(size_px=SIZE_PX)
        side = SIZE_PX + 2 * pad_px(contract)
        wide = random.integers(0, 160, (count, side, side, 3)).astype(np.uint8)
        labels = (np.arange(count) // infants % 2).astype(np.float32)
        middle = slice(side // 2 - 6, side // 2 + 6)
        wide[labels == 1, middle, middle] += np.uint8(signal)
        subjects = np.array([f"S{i % infants:02d}" for i in range(count)])
        return CropSet(wide, labels, subjects, contract)

    return make


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
