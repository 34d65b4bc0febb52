"""Processor time of N-CNN's training step and of its validation, with and without the sparse backward pass, in turn.

`python tests/bench/ncnn_step.py [ROUNDS]`, one thread, batches of 16 in float32.
"""

import sys
import time
from contextlib import nullcontext
from statistics import median
from unittest import mock

import torch
from torch.nn import functional

from trainer.networks import NCNN
from trainer.training.allocator import retain_freed_memory

BATCH, SIZE_PX = 16, 120


def dense(values, branches):
    """What torch makes of the same layers."""
    return tuple(branch(values) for branch in branches)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    torch.set_num_threads(1)
    network = NCNN().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    crops = torch.rand(BATCH, SIZE_PX, SIZE_PX, 3).permute(0, 3, 1, 2)
    labels = (torch.arange(BATCH) % 2).float()

    def step():
        network.train()
        loss = functional.binary_cross_entropy_with_logits(network(crops), labels)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    def validate():
        network.eval()
        with torch.inference_mode():
            network(crops)

    seconds = {}
    with retain_freed_memory():
        for number in range(rounds + 2):  # the first two fetch memory
            for way in ("dense", "sparse"):
                with (
                    mock.patch("trainer.networks.ncnn.pooled_convolutions", dense) if way == "dense" else nullcontext()
                ):
                    for what in (step, validate):
                        began = time.process_time()
                        what()
                        if number >= 2:
                            seconds.setdefault((what.__name__, way), []).append(time.process_time() - began)
    for what in ("step", "validate"):
        before, after = seconds[what, "dense"], seconds[what, "sparse"]
        ratio = median(new / old for old, new in zip(before, after, strict=True))
        print(f"{what}: {median(before) * 1e3:.0f} and {median(after) * 1e3:.0f} ms of CPU, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
