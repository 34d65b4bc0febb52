"""Trains networks: reproducibly, resumably, and with a word when one is dead."""

from typing import TYPE_CHECKING

from trainer.lazy_names import lazy_names

if TYPE_CHECKING:
    from trainer.training.device import resolve_device, resolve_precision
    from trainer.training.loop import TrainedNetwork, train
    from trainer.training.prediction import predict_logits
    from trainer.training.progress import EpochReport, Listener, MakeListener, NullListener, no_progress
    from trainer.training.samples import Batch, Samples, batches
    from trainer.training.settings import OptimiserSettings, ScheduleSettings, TrainingSettings
    from trainer.training.storage import read_checkpoint, write_checkpoint
    from trainer.training.training_attempt import TrainingJob

__all__ = [
    "Batch",
    "EpochReport",
    "Listener",
    "MakeListener",
    "NullListener",
    "OptimiserSettings",
    "Samples",
    "ScheduleSettings",
    "TrainedNetwork",
    "TrainingJob",
    "TrainingSettings",
    "batches",
    "no_progress",
    "predict_logits",
    "read_checkpoint",
    "resolve_device",
    "resolve_precision",
    "train",
    "write_checkpoint",
]

_DEFINED_IN = {
    "trainer.training.device": ("resolve_device", "resolve_precision"),
    "trainer.training.loop": ("TrainedNetwork", "train"),
    "trainer.training.prediction": ("predict_logits",),
    "trainer.training.progress": ("EpochReport", "Listener", "MakeListener", "NullListener", "no_progress"),
    "trainer.training.samples": ("Batch", "Samples", "batches"),
    "trainer.training.settings": ("OptimiserSettings", "ScheduleSettings", "TrainingSettings"),
    "trainer.training.storage": ("read_checkpoint", "write_checkpoint"),
    "trainer.training.training_attempt": ("TrainingJob",),
}

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, _DEFINED_IN)
