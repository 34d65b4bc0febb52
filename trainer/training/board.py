"""TensorBoard logs of a training run."""

from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from torch.utils.tensorboard.writer import SummaryWriter

from trainer.training.progress import EpochReport, Listener

__all__ = ["BoardListener"]


class BoardListener:
    """Writes every epoch's figures for TensorBoard and passes everything on; a context manager.

    Args:
        folder: Where the logs are written.
        following: Who else is told.
    """

    def __init__(self, folder: Path, following: Listener) -> None:
        self._following = following
        self._writer = SummaryWriter(str(folder))

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is left and close the file."""
        with suppress(OSError):  # a full disk was told of before
            self._writer.close()

    def batch_done(self, epoch: int, done: int, total: int) -> None:
        """Pass on."""
        self._following.batch_done(epoch, done, total)

    def epoch_done(self, report: EpochReport) -> None:
        """Write the epoch's figures and pass on."""
        values = {
            "loss/train": report.train_loss,
            "loss/validation": report.validation_loss,
            "accuracy/validation": report.validation_accuracy,
            "learning_rate": report.learning_rate,
            "logit_spread": report.logit_spread,
        }
        try:
            for name, value in values.items():
                self._writer.add_scalar(name, value, report.epoch)
            self._writer.flush()
        except OSError as error:  # the training itself is worth more than its curves
            self._following.note(f"the TensorBoard log lacks epoch {report.epoch + 1} ({error.strerror or error})")
        self._following.epoch_done(report)

    def note(self, message: str) -> None:
        """Pass on."""
        self._writer.add_text("note", message)
        self._following.note(message)
