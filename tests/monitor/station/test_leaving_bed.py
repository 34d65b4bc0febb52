"""A bed that leaves while one of its frames is analysed, as one that another station has taken over does."""

import threading

import pytest
from redis_server import wait_until

from monitor.clock import SystemClock
from monitor.pipeline.scheduler import FairScheduler
from monitor.station.result_recorder import ResultRecorder
from monitor.station.workers import WorkerPool
from monitor.telemetry.heartbeats import Heartbeats


class Source:
    """Holds one frame."""

    waiting_since_seconds = 0.0

    def __init__(self):
        self._frames = ["frame"]

    def take(self, *_):
        return self._frames.pop() if self._frames else None


class Bed:
    """Leaves, or fails, while a frame is analysed."""

    id = "bed"

    def __init__(self, beds, error):
        self._beds, self._error = beds, error
        self.is_analysed = threading.Event()
        self.reports = []

    def analyse(self, _frame, _models):
        self._beds.clear()
        self.is_analysed.set()
        if self._error:
            raise KeyError("bed")
        return object()

    def report(self, *arguments, **_):
        self.reports.append(arguments)


class Models:
    def close(self):
        pass


@pytest.mark.parametrize("error", [False, True])
def test_its_result_is_left_and_nothing_is_said_to_have_failed(error, caplog):
    clock, beds, scheduler = SystemClock(), {}, FairScheduler()
    bed = beds["bed"] = Bed(beds, error)
    recorder = ResultRecorder(clock, {}, None, None, None, None)
    workers = WorkerPool([Models()], beds, scheduler, Heartbeats(clock), recorder)
    scheduler.add("bed", Source())
    workers.start()
    scheduler.wake()
    assert bed.is_analysed.wait(30)
    # Whoever removes the bed waits until its frame is done with.
    wait_until(lambda: scheduler.remove("bed", 1.0), 10, "the frame is done with")
    workers.stop()
    assert bed.reports == []
    assert caplog.text == ""
