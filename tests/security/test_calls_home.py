"""No library that this project imports reports that to its makers: every module is loaded, and nobody is called.

A fork counts as a call: OpenVINO's report is sent by a process of its own.
"""

import subprocess
import sys

import pytest

PROGRAM = """
import importlib, pkgutil, sys, threading
calls = []
kinds = ("socket.connect", "socket.getaddrinfo", "socket.sendto", "os.fork")
sys.addaudithook(lambda event, given: calls.append((event, str(given))) if event in kinds else None)
count = 0
for name in sys.argv[1:]:
    for found in pkgutil.walk_packages(importlib.import_module(name).__path__, name + "."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
            count += 1
for thread in threading.enumerate():
    if thread is not threading.main_thread() and not thread.daemon:
        thread.join(10)
assert count > 50, count
print(calls)
"""


@pytest.mark.parametrize("packages", [["monitor"], ["trainer", "export"]], ids=["monitor", "trainer and export"])
def test_loading_every_module_calls_nobody(packages):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *packages], capture_output=True, text=True, check=False, timeout=200
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
