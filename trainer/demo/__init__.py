"""The demo model: N-CNN trained on synthetic infants, so that the monitor can be tried without any infant's picture."""

from typing import TYPE_CHECKING

from trainer.lazy_names import lazy_names

if TYPE_CHECKING:
    from trainer.demo.dataset import DemoDataset, collect
    from trainer.demo.training_run import DemoOutcome, demo_settings, train_demo

__all__ = [
    "DemoDataset",
    "DemoOutcome",
    "collect",
    "demo_settings",
    "train_demo",
]

_DEFINED_IN = {
    "trainer.demo.dataset": ("DemoDataset", "collect"),
    "trainer.demo.training_run": ("DemoOutcome", "demo_settings", "train_demo"),
}

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, _DEFINED_IN)
