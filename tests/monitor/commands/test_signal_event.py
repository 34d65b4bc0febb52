"""A signal that comes while the program waits, or forgets an earlier one, is heard, and so is the next."""

import signal
import subprocess
import sys
import threading
import time

import pytest

from monitor.commands.signal_event import SignalEvent

PROGRAM = """
import signal, sys
from monitor.commands.signal_event import SignalEvent
wake, stop = SignalEvent(), SignalEvent()
def asked(number, _):
    if number == signal.SIGTERM:
        stop.set()
    wake.set()
signal.signal(signal.SIGHUP, asked)
signal.signal(signal.SIGTERM, asked)
print("ready", flush=True)
while not stop.is_set():
    wake.wait(0)
    wake.clear()
"""


@pytest.mark.timeout(120)
def test_a_storm_of_signals_leaves_a_program_that_still_ends():
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE) as program:
        assert program.stdout.readline() == b"ready\n"
        for _ in range(20_000):
            program.send_signal(signal.SIGHUP)
        program.send_signal(signal.SIGTERM)
        try:
            assert program.wait(30) == 0
        finally:
            program.kill()


ELSEWHERE = """
import signal, threading
from monitor.commands.signal_event import SignalEvent
stop = SignalEvent()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
other = threading.Event()
threading.Thread(target=other.wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("ready", flush=True)
stop.wait()
"""


@pytest.mark.timeout(120)
def test_a_signal_that_comes_to_another_thread_is_heard():
    with subprocess.Popen([sys.executable, "-c", ELSEWHERE], stdout=subprocess.PIPE) as program:
        assert program.stdout.readline() == b"ready\n"
        program.send_signal(signal.SIGTERM)
        try:
            assert program.wait(30) == 0
        finally:
            program.kill()


def test_it_is_an_event():
    event = SignalEvent()
    assert not event.wait(0.01)
    event.set()
    event.set()
    assert event.is_set()
    assert event.wait()
    event.clear()
    assert not event.is_set()
    began = time.monotonic()
    assert not event.wait(0.05)
    assert time.monotonic() - began > 0.02, "what was forgotten wakes nobody"
    threading.Timer(0.1, event.set).start()
    assert event.wait(30.0)


def test_a_full_pipe_holds_up_no_signal():
    event = SignalEvent()
    for _ in range(100_000):
        event.set()
    assert event.wait(0.0)
    for _ in range(3):
        event.clear()
    assert not event.wait(0.0)
