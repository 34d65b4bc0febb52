"""TensorBoard logs of a training run.

The records are written here and not by torch's `SummaryWriter`: that one writes in a thread, which dies with a
traceback when the disk is full, while the training does not notice.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[import-untyped]  # it has no types
from tensorboard.summary.writer.record_writer import RecordWriter  # type: ignore[import-untyped]  # it has no types
from torch.utils.tensorboard.summary import scalar, text

from trainer.training.progress import EpochReport, Listener

__all__ = ["TensorBoardLog"]


class TensorBoardLog:
    """Writes every epoch's metrics for TensorBoard and passes everything on; a context manager.

    A log that cannot be written is said, and the training goes on.

    Args:
        folder: Where the logs are written.
        following: Who else is notified.
    """

    def __init__(self, folder: Path, following: Listener) -> None:
        self._folder, self._following = folder, following
        self._stream: BinaryIO | None = None

    def __enter__(self) -> Self:
        """Begin a file of records; a resumed run has several."""
        with self._reported("the TensorBoard log"):
            self._folder.mkdir(parents=True, exist_ok=True)
            name = f"events.out.tfevents.{time.time():.6f}.{os.uname().nodename}.{os.getpid()}"
            self._stream = (self._folder / name).open("ab")
            self._write(Event(wall_time=time.time(), file_version="brain.Event:2"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        if self._stream is not None:
            with suppress(OSError):  # a full disk was reported before
                self._stream.close()

    def batch_done(self, epoch: int, done: int, total: int) -> None:
        """Pass on."""
        self._following.batch_done(epoch, done, total)

    def epoch_done(self, report: EpochReport) -> None:
        """Write the epoch's metrics and pass on."""
        values = {
            "loss/train": report.train_loss,
            "loss/validation": report.validation_loss,
            "accuracy/validation": report.validation_accuracy,
            "learning_rate": report.learning_rate,
            "logit_spread": report.logit_spread,
        }
        with self._reported(f"epoch {report.epoch + 1} of the TensorBoard log"):
            for name, value in values.items():
                self._write(_event(scalar(name, value), report.epoch))  # type: ignore[no-untyped-call]  # it has no types
        self._following.epoch_done(report)

    def note(self, message: str) -> None:
        """Write and pass on."""
        with self._reported("a note in the TensorBoard log"):
            self._write(_event(text("note", message), 0))  # type: ignore[no-untyped-call]  # it has no types
        self._following.note(message)

    def _write(self, event: Any) -> None:  # noqa: ANN401 - a generated class without types
        if self._stream is not None:
            records = RecordWriter(self._stream)
            records.write(event.SerializeToString())
            records.flush()

    @contextmanager
    def _reported(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._following.note(f"{what} cannot be written ({error.strerror or error}); the training goes on")


def _event(summary: Any, step: int) -> Any:  # noqa: ANN401 - generated classes without types
    return Event(wall_time=time.time(), step=step, summary=summary)
