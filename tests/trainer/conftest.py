"""What the trainer's tests share: a tiny network, and crops that a network can learn in seconds."""

import csv
from functools import partial

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from pydantic import BaseModel
from torch import nn

from trainer.commands.crop import command as crop
from trainer.commands.ingest import command as ingest
from trainer.crops import CropSet, open_study, pad_px
from trainer.evaluation.results import evaluate
from trainer.experiments import cross_validation
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


@pytest.fixture(scope="session")
def paint_study(tmp_path_factory):
    """Return a maker of studies: painted pictures, taken in and cropped by the real commands.

    Every subject has a ground colour of its own; pain is a bright square in the middle. With `by_subject` there is no
    square, and a subject's pictures all have one label: there is nothing to learn but who it is.
    """

    def make(subjects=6, each=8, *, by_subject=False, seed=0, stress=0):
        random = np.random.default_rng(seed)
        folder = tmp_path_factory.mktemp("study")
        rows = [("image", "subject", "label", "stimulus")]
        for subject in range(subjects):
            ground = random.integers(30, 200, 3)
            tilt = random.uniform(-60, 60, 2)
            for shot in range(each):
                is_pain = subject % 2 == 1 if by_subject else shot % 2 == 1
                steps = np.linspace(-1, 1, 48)
                shade = steps[:, None] * tilt[0] + steps[None, :] * tilt[1]
                image = ground + shade[:, :, None] + random.normal(0, 25, (48, 48, 3))
                if is_pain and not by_subject:
                    image[18:30, 18:30] += 110
                name = f"{subject:02d}_{shot:02d}.png"
                cv2.imwrite(str(folder / name), np.clip(image, 0, 255).astype(np.uint8))
                rows.append((name, f"s{subject}", int(is_pain), "pain" if is_pain else "rest"))
        with (folder / "set.csv").open("w", newline="") as stream:
            csv.writer(stream).writerows(rows)
        run = CliRunner().invoke
        run(ingest, ["table", str(folder / "set.csv")], catch_exceptions=False)
        manifest = folder / "set.manifest.csv"
        if stress:  # the last pictures of every subject are only tested on
            lines = manifest.read_text().splitlines(keepends=True)
            marked = [
                line.replace(",main,", ",stress,")
                if int(line.partition(".")[0].rpartition("_")[2]) >= each - stress
                else line
                for line in lines[1:]
            ]
            manifest.write_text("".join([lines[0], *marked]))
        # In this process: another one imports for longer than it works here.
        run(crop, [str(manifest), "--faces", "whole", "--size", "32", "--jobs", "1"], catch_exceptions=False)
        return open_study(manifest)

    return make


@pytest.fixture(scope="package", autouse=True)
def _one_thread():
    """Pin torch for tests and fixtures of every scope: threads of several test runs would wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="package", autouse=True)
def _few_resamples():
    """Let runs take their intervals from 100 resamples: 2,000 take longer than the training of a tiny network.

    What intervals are worth is shown in tests/trainer/evaluation; what a run does with them does not depend on it.
    """
    few = pytest.MonkeyPatch()
    few.setattr(cross_validation, "evaluate", partial(evaluate, count=100))
    yield
    few.undo()
