"""Seeds for everything, and threads that do not fight each other.

Every random choice comes from a generator that is made from a list of numbers (the run's seed, the attempt, the
epoch, the item): nothing depends on earlier choices. A run that was killed and resumed therefore draws the same
numbers as an unbroken one, without any generator's state being stored.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np

__all__ = ["derive_seed", "generator", "pinned_threads", "reproducible", "seed_torch"]


def derive_seed(*parts: int) -> int:
    """Return a 63-bit seed that depends on every part and on their order."""
    state = np.random.SeedSequence([part & 0xFFFFFFFF for part in parts]).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


def generator(*parts: int) -> np.random.Generator:
    """Return a NumPy generator that depends on every part and on their order."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([part & 0xFFFFFFFF for part in parts])))


def seed_torch(*parts: int) -> None:
    """Seed torch's generators of all devices (initial weights, dropout)."""
    import torch

    torch.manual_seed(derive_seed(*parts))


@contextmanager
def pinned_threads(count: int) -> Iterator[None]:
    """Let torch and OpenCV use `count` threads within.

    With as many threads as cores and other programs running, torch's threads wait for each other at every layer and a
    step of milliseconds takes seconds; one thread a process does not.
    """
    import torch

    torch_before, cv2_before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(count)
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(torch_before)
        cv2.setNumThreads(cv2_before)


@contextmanager
def reproducible(*, strict: bool) -> Iterator[None]:
    """Make torch refuse, within, every operation that may give different numbers each time.

    Args:
        strict: False leaves torch as it is, which is faster on a GPU.
    """
    if not strict:
        yield
        return
    import torch

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with a fixed workspace
    before = torch.are_deterministic_algorithms_enabled()
    benchmark_before = torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(mode=True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(mode=before)
        torch.backends.cudnn.benchmark = benchmark_before
