"""Progress of training runs in the terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from trainer.training import EpochReport, Listener

__all__ = ["ConsoleListener", "RunDisplay"]


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[status]}"),
        console=console,
    )


class ConsoleListener:
    """Shows epochs as a bar and notes as lines; a context manager.

    Args:
        title: What is trained.
        epochs: Planned number.
        console: Where to.
        among: Bars of several runs, drawn by the caller; a bar of its own if absent.
    """

    def __init__(self, title: str, epochs: int, console: Console | None = None, among: Progress | None = None) -> None:
        self._console = console or (among.console if among else Console(stderr=True))
        self._is_owner = among is None
        self._progress = among or _bars(self._console)
        self._title, self._epochs = title, epochs
        self._task = self._progress.add_task(title, total=epochs, status="")

    def __enter__(self) -> Self:
        """Start drawing."""
        if self._is_owner:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop drawing."""
        if self._is_owner:
            self._progress.stop()

    def batch_done(self, epoch: int, done: int, total: int) -> None:
        """Move the bar within an epoch."""
        self._progress.update(self._task, completed=epoch + done / total)

    def epoch_done(self, report: EpochReport) -> None:
        """Move the bar and show the epoch's losses."""
        status = (
            f"loss {report.train_loss:.3f}, validation {report.validation_loss:.3f} ({report.validation_accuracy:.0%})"
        )
        self._progress.update(self._task, completed=report.epoch + 1, status=status)
        if not self._console.is_terminal:
            which = "" if self._is_owner else f"{self._title}, "
            self._console.print(f"{which}epoch {report.epoch + 1}/{self._epochs}: {status}, {report.seconds:.0f} s")

    def note(self, message: str) -> None:
        """Print a line."""
        self._console.print(message)


class RunDisplay:
    """Shows several trainings, one bar each, and writes their TensorBoard logs; a context manager.

    Calling it makes the listener of one training: title, planned epochs, its folder.
    """

    def __init__(self) -> None:
        self._progress = _bars(Console(stderr=True))

    def __enter__(self) -> Self:
        """Start drawing."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop drawing."""
        self._progress.stop()

    @contextmanager
    def __call__(self, title: str, epochs: int, folder: Path) -> Iterator[Listener]:
        """Show one training."""
        from trainer.training.tensorboard_log import TensorBoardLog

        console = ConsoleListener(title, epochs, among=self._progress)
        with console, TensorBoardLog(folder / "tensorboard", console) as listener:
            yield listener
