"""Progress of a training run in the terminal."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from trainer.training import EpochReport

__all__ = ["ConsoleListener"]


class ConsoleListener:
    """Shows epochs as a bar and notes as lines; a context manager.

    Args:
        title: What is trained.
        epochs: Planned number.
        console: Where to.
    """

    def __init__(self, title: str, epochs: int, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[told]}"),
            console=self._console,
        )
        self._epochs = epochs
        self._task = self._progress.add_task(title, total=epochs, told="")

    def __enter__(self) -> Self:
        """Start drawing."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop drawing."""
        self._progress.stop()

    def batch_done(self, epoch: int, done: int, total: int) -> None:
        """Move the bar within an epoch."""
        self._progress.update(self._task, completed=epoch + done / total)

    def epoch_done(self, report: EpochReport) -> None:
        """Move the bar and show the epoch's losses."""
        told = (
            f"loss {report.train_loss:.3f}, validation {report.validation_loss:.3f} ({report.validation_accuracy:.0%})"
        )
        self._progress.update(self._task, completed=report.epoch + 1, told=told)
        if not self._console.is_terminal:
            self._console.print(f"epoch {report.epoch + 1}/{self._epochs}: {told}, {report.seconds:.0f} s")

    def note(self, message: str) -> None:
        """Print a line."""
        self._console.print(message)
