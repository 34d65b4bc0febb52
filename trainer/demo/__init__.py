"""The demo model: N-CNN trained on synthetic infants, so that the monitor can be tried without any infant's picture."""

from trainer.demo.dataset import DemoDataset, collect
from trainer.demo.training_run import DemoOutcome, demo_settings, train_demo

__all__ = ["DemoDataset", "DemoOutcome", "collect", "demo_settings", "train_demo"]
