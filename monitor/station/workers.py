"""The inference workers: each takes the most overdue bed's newest frame through its chain."""

import logging
import os
import threading
import time
from collections.abc import Mapping

import cv2

from monitor.config import StationConfig
from monitor.loops import run_until_done
from monitor.pipeline.bed_pipeline import BedPipeline
from monitor.pipeline.models import WorkerModels
from monitor.pipeline.scheduler import FairScheduler
from monitor.station.result_recorder import ResultRecorder
from monitor.telemetry.heartbeats import Heartbeats

__all__ = ["BATCHED_WORKERS", "WorkerPool", "worker_count"]

_log = logging.getLogger(__name__)

BATCHED_WORKERS = 32
"""Where their requests run together on a GPU, so that they mostly wait."""
_WAIT_SECONDS = 0.25
_LIMIT_SECONDS = 10.0


class WorkerPool:
    """Threads that analyse frames; one set of models belongs to each.

    Args:
        models: One set a worker; closed by the pool.
        beds: By id.
        scheduler: Where frames come from.
        heartbeats: Notified at every turn of a worker.
        recorder: Takes every result, and every failure that nobody foresaw, from the worker's thread.
    """

    def __init__(
        self,
        models: list[WorkerModels],
        beds: Mapping[str, BedPipeline],
        scheduler: FairScheduler,
        heartbeats: Heartbeats,
        recorder: ResultRecorder,
    ) -> None:
        self._models = models
        self._beds = beds
        self._scheduler = scheduler
        self._heartbeats = heartbeats
        self._recorder = recorder
        self._stopping = threading.Event()
        self._busy_seconds = [0.0] * len(models)
        self._began_seconds: list[float | None] = [None] * len(models)
        self._picture_threads = cv2.getNumThreads()
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"worker-{number}", daemon=True)
            for number in range(len(models))
        ]

    @property
    def running(self) -> int:
        """How many workers are alive."""
        return sum(thread.is_alive() for thread in self._threads)

    @property
    def wanted(self) -> int:
        """How many workers there should be."""
        return len(self._threads)

    @property
    def busy_seconds(self) -> float:
        """Time that all workers together have spent on frames since the start, with those in work now."""
        now = time.monotonic()
        in_work = sum(now - began for began in self._began_seconds if began is not None)
        return sum(self._busy_seconds) + in_work

    def start(self) -> None:
        """Start every worker.

        From then on OpenCV works on the thread that calls it: with a worker for every core, dividing a warp of a
        millisecond among further threads only costs their waking.
        """
        cv2.setNumThreads(1)
        for number, thread in enumerate(self._threads):
            self._heartbeats.expect(f"worker-{number}", _LIMIT_SECONDS)
            thread.start()

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """Let every worker finish its frame, then free the models; a worker that hangs in a model is left behind."""
        self._stopping.set()
        self._scheduler.close()
        give_up = time.monotonic() + timeout_seconds
        for number, thread in enumerate(self._threads):
            if thread.is_alive():
                thread.join(max(0.0, give_up - time.monotonic()))
            self._heartbeats.forget(f"worker-{number}")
            if thread.is_alive():
                _log.error("%s hangs in a model and is left behind", thread.name)
            else:
                self._models[number].close()
        cv2.setNumThreads(self._picture_threads)

    def _work(self, number: int) -> None:
        run_until_done(lambda: self._turn(number), f"worker {number}")

    def _turn(self, number: int) -> bool:
        """Analyse one frame, if there is one; True when the station stops."""
        if self._stopping.is_set():
            return True
        self._heartbeats.beat(f"worker-{number}")
        taken = self._scheduler.take(_WAIT_SECONDS)
        if taken is None:
            return False
        # A worker that waits keeps no picture: its camera's pool would make another one instead.
        name, frame = taken
        bed = self._beds.get(name)
        if bed is None:  # it left while its frame waited
            self._scheduler.done(name)
            return False
        self._began_seconds[number] = began = time.monotonic()
        try:
            self._recorder.record(bed, bed.analyse(frame, self._models[number]))
        except Exception:  # noqa: BLE001 - see below
            # One bed's surprise must not end the watch over the others; the bed itself says that it is not watched.
            if self._beds.get(name) is bed:  # else it left meanwhile, and half of what is recorded was gone
                _log.exception("%s: analysing a frame failed in an unforeseen way", name)
                self._recorder.record_failure(bed)
        finally:
            self._scheduler.done(name)
            self._began_seconds[number] = None
            self._busy_seconds[number] += time.monotonic() - began
        return False


def worker_count(config: StationConfig, *, is_batched: bool = False) -> int:
    """Return how many workers a station starts with: as configured or one a core, and no more than it has beds.

    Args:
        config: The station's.
        is_batched: Whether their requests run together on a GPU, so that they mostly wait.
    """
    usual = BATCHED_WORKERS if is_batched else max(1, len(os.sched_getaffinity(0)))
    workers = config.analysis.workers or usual
    return workers if config.fleet is not None else min(workers, len(config.beds))
