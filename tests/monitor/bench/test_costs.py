"""CPU time goes to the stage and the frame that used it."""

import threading
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from monitor.bench.clock import CostClock
from monitor.bench.threads import ThreadCosts, stage_of


def burn(cpu_seconds):
    end = time.thread_time() + cpu_seconds
    while time.thread_time() < end:
        pass


@pytest.mark.parametrize(
    ("name", "python_name", "stage"),
    [
        ("decode:src", None, "decode"),
        ("convert:src", None, "convert"),
        ("rtpjitterbuffer", None, "receive"),
        ("qtdemux0:sink", None, "receive"),
        ("python", "camera-bed-1-camera", "copy"),
        ("python", "worker-0", "workers"),
        ("python", "redis-publisher", "publish"),
        ("python", "spool-writer", "publish"),
        ("python", None, "other"),
    ],
)
def test_every_thread_has_a_stage(name, python_name, stage):
    assert stage_of(name, python_name) == stage


def test_a_stage_is_charged_with_what_its_threads_used():
    go, done, end = threading.Event(), threading.Event(), threading.Event()

    def work():
        go.wait(30)
        burn(0.2)
        done.set()
        end.wait(30)

    thread = threading.Thread(target=work, name="worker-0")
    thread.start()
    costs = ThreadCosts()
    go.set()
    assert done.wait(60)
    costs.sample()
    end.set()
    thread.join()
    by_stage = costs.by_stage()
    assert by_stage["workers"] == pytest.approx(0.2, abs=0.05)
    assert by_stage.get("publish", 0.0) == 0.0


def test_a_thread_that_has_ended_keeps_its_last_sample():
    seen, end = threading.Event(), threading.Event()

    def work():
        burn(0.1)
        seen.set()
        end.wait(30)

    costs = ThreadCosts()
    thread = threading.Thread(target=work, name="spool-writer")
    thread.start()
    assert seen.wait(60)
    costs.sample()
    end.set()
    thread.join()
    costs.sample()
    assert costs.by_stage()["publish"] >= 0.1


def test_a_thread_that_python_knows_no_more_keeps_its_stage(monkeypatch):
    end = threading.Event()

    def work():
        burn(0.1)
        end.wait(30)

    costs = ThreadCosts()
    thread = threading.Thread(target=work, name="spool-writer")
    thread.start()
    try:
        while costs.by_stage().get("publish", 0.0) < 0.1:
            costs.sample()
        others = [other for other in threading.enumerate() if other is not thread]
        monkeypatch.setattr(threading, "enumerate", lambda: others)
        costs.sample()
        assert costs.by_stage()["publish"] >= 0.1
    finally:
        end.set()
        thread.join()


def test_a_frames_costs_are_found_by_its_durations():
    clock = CostClock()
    began = clock.monotonic()
    burn(0.02)
    read = clock.monotonic()
    burn(0.06)
    found = clock.monotonic()
    burn(0.03)
    done = clock.monotonic()
    clock.monotonic()  # Others read the clock, too.
    burn(0.01)

    costs = clock.costs(SimpleNamespace(detect_seconds=found - read, classify_seconds=read - began + done - found))

    assert costs.detect == pytest.approx(0.06, abs=0.005)
    assert costs.classify == pytest.approx(0.05, abs=0.005)
    assert costs.filter == pytest.approx(0.01, abs=0.005)
    assert clock.costs(SimpleNamespace(detect_seconds=-1.0, classify_seconds=0.0)) is None
    assert clock.wall() <= datetime.now(tz=UTC)
