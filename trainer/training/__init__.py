"""Trains networks: reproducibly, resumably, and with a word when one is dead."""

from trainer.training.device import resolve_device, resolve_precision
from trainer.training.loop import TrainedNetwork, train
from trainer.training.prediction import predict_logits
from trainer.training.progress import EpochReport, Listener, NullListener
from trainer.training.samples import Batch, Samples, batches
from trainer.training.settings import OptimiserSettings, ScheduleSettings, TrainingSettings
from trainer.training.storage import read_checkpoint, write_checkpoint
from trainer.training.training_attempt import TrainingJob

__all__ = [
    "Batch",
    "EpochReport",
    "Listener",
    "NullListener",
    "OptimiserSettings",
    "Samples",
    "ScheduleSettings",
    "TrainedNetwork",
    "TrainingJob",
    "TrainingSettings",
    "batches",
    "predict_logits",
    "read_checkpoint",
    "resolve_device",
    "resolve_precision",
    "train",
    "write_checkpoint",
]
