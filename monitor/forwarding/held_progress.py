"""Progress that is stored only while a restart may rely on it."""

from collections.abc import Callable
from pathlib import Path

from monitor.delivery.progress import Progress

__all__ = ["HeldProgress"]


class HeldProgress(Progress):
    """What has been read of the stream; not stored while a message that was given up lies in memory alone.

    A process that ends meanwhile then reads that message again, with those that came behind it.

    Args:
        path: Where it is stored.
        may_save: Whether nothing that was read would be lost with the process.

    Raises:
        PublishError: The file cannot be read or is none of this program's.
    """

    def __init__(self, path: Path, may_save: Callable[[], bool]) -> None:
        super().__init__(path)
        self._may_save = may_save

    def save(self) -> None:
        """Replace the file by a new one, if nothing is held in memory; otherwise it counts as not saved.

        Raises:
            ProgressError: It cannot be written.
        """
        if self._may_save():
            super().save()
        else:
            self.is_saved = False
