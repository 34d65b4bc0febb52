"""Weights of a random ResNet50 in torchvision's layout: `python tests/bench/random_trunk.py FILE PICTURES`.

Stands for pre-trained weights where there are none: it learnt nothing, but costs what they cost, and is one trunk for
all folds as they are. Its batch normalisation has the statistics of some of the pictures in the folder.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
import torch

from trainer.networks import ResNet50, architectures, prepare_crops

SEED, CROPS = 0, 16
ENDINGS = (".jpg", ".bmp", ".png")


def main(out, folder):
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    network = ResNet50().train()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    contract = architectures()["resnet50"].contract
    pictures = sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in ENDINGS)
    chosen = [pictures[index] for index in np.linspace(0, len(pictures) - 1, CROPS).astype(int)]
    side = (contract.size_px, contract.size_px)
    crops = np.stack([cv2.resize(cv2.imread(str(path)), side)[:, :, ::-1] for path in chosen])
    with torch.no_grad():
        network.features(prepare_crops(torch.from_numpy(crops), contract))
    torch.save({name: value for name, value in network.state_dict().items() if not name.startswith("head.")}, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
