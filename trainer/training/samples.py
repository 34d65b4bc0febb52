"""What a training run draws its batches from."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trainer.training.determinism import generator

__all__ = ["Batch", "Samples", "batches"]


class Samples(Protocol):
    """A list of labelled crops that may look different in every epoch."""

    @property
    def labels(self) -> NDArray[np.float32]:
        """Shape (n,), 1 for pain and 0 for no pain; a soft label lies between."""
        ...

    def crops(self, items: NDArray[np.int64], epoch: int) -> NDArray[Any]:
        """Return crops, or what the network makes of them first.

        Args:
            items: Shape (k,), indices into `labels`.
            epoch: From 0. The same item, epoch and object give the same picture.

        Returns:
            Shape (k, S, S, 3), RGB, uint8; or whatever the network's `prepare` takes.
        """
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Crops (n, S, S, 3) uint8 RGB, or what stands for them, and their labels (n,) float32."""

    crops: NDArray[Any]
    labels: NDArray[np.float32]


def batches(samples: Samples, *, size: int, epoch: int, shuffle_seed: int | None) -> Iterator[Batch]:
    """Yield all samples once, the next batch being made in a thread while this one is used.

    Args:
        samples: What to draw from.
        size: Of a batch; the last one may be smaller.
        epoch: From 0; decides the order and the augmentation.
        shuffle_seed: None keeps the order.
    """
    order = np.arange(len(samples.labels), dtype=np.int64)
    if shuffle_seed is not None:
        order = generator(shuffle_seed, epoch, 0x5348).permutation(order)

    def make(items: NDArray[np.int64]) -> Batch:
        return Batch(samples.crops(items, epoch), samples.labels[items])

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches") as pool:
        waiting: Future[Batch] | None = None
        for start in range(0, len(order), size):
            following = pool.submit(make, order[start : start + size])
            if waiting is not None:
                yield waiting.result()
            waiting = following
        if waiting is not None:
            yield waiting.result()
