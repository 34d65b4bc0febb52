"""Processor time of one crop's pass through each frozen trunk, on one thread: `python tests/bench/trunk_passes.py`."""

import time

import torch

from trainer.networks import EfficientNetLite0, ResNet50
from trainer.training.allocator import retain_freed_memory

CROPS, ROUNDS, SIZE_PX = 16, 3, 224


def main():
    torch.set_num_threads(1)
    crops = torch.rand(CROPS, 3, SIZE_PX, SIZE_PX).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode(), retain_freed_memory():
        for network in (EfficientNetLite0(), ResNet50()):
            network.eval().to(memory_format=torch.channels_last)
            network.features(crops)
            began = time.process_time()
            for _ in range(ROUNDS):
                network.features(crops)
            milliseconds = (time.process_time() - began) / (CROPS * ROUNDS) * 1000
            print(f"{type(network).__name__}: {milliseconds:.0f} ms a crop")


if __name__ == "__main__":
    main()
