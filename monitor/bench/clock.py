"""A clock that notes how much CPU time its reader has used: what a stage costs, whatever else uses the machine.

A bed reads the clock before a frame, before it detects faces (what lies between followed the face by its mesh), after
that, and after the score. The benchmark gives the station this clock, and finds those four readings again by the
durations in the result.
"""

import threading
import time
from collections import deque
from dataclasses import dataclass

from monitor.clock import SystemClock
from monitor.pipeline.bed_pipeline import FrameResult

__all__ = ["CostClock", "FrameCosts"]

_READINGS = 64


@dataclass(frozen=True, slots=True)
class FrameCosts:
    """CPU seconds of the calling worker on one frame.

    Attributes:
        detect: Detection passes, and tracking the faces.
        classify: The crop and its score.
        filter: Alarm logic, metrics and board.
    """

    detect: float
    classify: float
    filter: float


class CostClock(SystemClock):
    """The machine's clocks, with a note of every monotonic reading."""

    def __init__(self) -> None:
        self._notes = threading.local()

    def monotonic(self) -> float:
        """Return `time.monotonic()`, and note it with the thread's CPU time."""
        now = time.monotonic()
        readings: deque[tuple[float, float]] | None = getattr(self._notes, "readings", None)
        if readings is None:
            readings = self._notes.readings = deque(maxlen=_READINGS)
        readings.append((now, time.thread_time()))
        return now

    def costs(self, result: FrameResult) -> FrameCosts | None:
        """Return what a frame cost that this thread has just analysed; None when its readings are not found.

        Args:
            result: The newest of this thread.
        """
        now = time.thread_time()
        readings = list(getattr(self._notes, "readings", ()))
        for first in range(len(readings) - 4, -1, -1):
            (_, began_cpu), (read, read_cpu), (found, found_cpu), (_, done_cpu) = readings[first : first + 4]
            if found - read == result.detect_seconds:
                classify = read_cpu - began_cpu + done_cpu - found_cpu
                return FrameCosts(found_cpu - read_cpu, classify, now - done_cpu)
        return None
