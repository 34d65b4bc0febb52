"""Shares the inference workers fairly among the beds.

Each camera holds its newest frame. A free worker takes the frame of the bed that was served longest ago, so
that under overload every bed is analysed less often, and none is starved. One bed is never analysed by two workers at
once: its frames stay in order.
"""

import threading
from dataclasses import dataclass
from typing import Protocol

from monitor.video.frame import Frame

__all__ = ["FairScheduler", "FrameSource"]


class FrameSource(Protocol):
    """What holds the newest frame of a source."""

    def take(self, timeout_seconds: float = 0.0) -> Frame | None:
        """Return the frame, which is then taken; None where there is none."""
        ...

    @property
    def waiting_since_seconds(self) -> float | None:
        """Time stamp of the frame that waits, None where none does."""
        ...


@dataclass(slots=True)
class _Source:
    frames: FrameSource
    last_turn: int
    busy: bool = False


class FairScheduler:
    """Hands the newest frames of several sources to several workers, the most overdue source first."""

    def __init__(self) -> None:
        self._sources: dict[str, _Source] = {}
        self._in_work: dict[tuple[str, int], _Source] = {}
        lock = threading.Lock()
        self._changed = threading.Condition(lock)
        self._finished = threading.Condition(lock)
        self._turn = 0
        self._closed = False

    def add(self, name: str, source: FrameSource) -> None:
        """Let a source take part."""
        with self._changed:
            self._sources[name] = _Source(source, self._turn)
            self._changed.notify()

    def remove(self, name: str, timeout_seconds: float = 0.0) -> bool:
        """Leave a source out from now on, and wait for the worker that still processes its frame.

        Returns:
            Whether no worker has a frame of it any more.
        """
        with self._changed:
            source = self._sources.pop(name, None)
            if source is None or not source.busy:
                return True
            # Not with the workers: one of them is notified of a frame, and it must not be this thread.
            return self._finished.wait_for(lambda: not source.busy, timeout_seconds)

    def wake(self) -> None:
        """Notify the workers that a source has a new frame; returns at once."""
        with self._changed:
            self._changed.notify()

    def take(self, timeout_seconds: float) -> tuple[str, Frame] | None:
        """Wait for a frame and take that of the source served longest ago; None after the timeout or when closed.

        The thread that calls this calls `done` afterwards, whatever happened.
        """
        with self._changed:
            taken = self._take_most_overdue()
            if taken is None and not self._closed:
                self._changed.wait(timeout_seconds)
                taken = self._take_most_overdue()
            return taken

    def done(self, name: str) -> None:
        """Report that this thread has processed a source's frame, so that its next one may be taken."""
        with self._changed:
            # By thread, for a worker that hangs may still hold a frame of an earlier source of the same name.
            source = self._in_work.pop((name, threading.get_ident()), None)
            if source is not None:
                source.busy = False
                self._changed.notify_all()
                self._finished.notify_all()

    def close(self) -> None:
        """Wake every waiting worker; nothing is handed out any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _take_most_overdue(self) -> tuple[str, Frame] | None:
        if self._closed:
            return None
        for name, source in sorted(self._sources.items(), key=lambda item: item[1].last_turn):
            if source.busy or source.frames.waiting_since_seconds is None:
                continue
            frame = source.frames.take()
            if frame is not None:
                self._turn += 1
                source.busy, source.last_turn = True, self._turn
                self._in_work[name, threading.get_ident()] = source
                return name, frame
        return None
