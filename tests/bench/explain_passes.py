"""Processor time of a crop's pass through ResNet50 in batches, with freed memory returned and retained.

`python tests/bench/explain_passes.py`, one thread. Heat maps are made of such passes.
"""

import contextlib
import time

import torch

from trainer.networks import ResNet50
from trainer.training.allocator import retain_freed_memory

CROPS, SIZE_PX, BATCHES = 16, 224, (1, 4, 16)


def main():
    torch.set_num_threads(1)
    crops = torch.rand(CROPS, 3, SIZE_PX, SIZE_PX).contiguous(memory_format=torch.channels_last)
    network = ResNet50().eval().to(memory_format=torch.channels_last)
    for words, memory in (("returned", contextlib.nullcontext), ("retained", retain_freed_memory)):
        for batch in BATCHES:
            with torch.inference_mode(), memory():
                network(crops[:batch])
                began = time.process_time()
                for start in range(0, CROPS, batch):
                    network(crops[start : start + batch])
                milliseconds = (time.process_time() - began) / CROPS * 1000
            print(f"memory {words}, batches of {batch}: {milliseconds:.0f} ms a crop")


if __name__ == "__main__":
    main()
