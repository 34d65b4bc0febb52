"""A library that an engine loads speaks to nobody: a station in a hospital reports nothing to its libraries' makers."""

import subprocess
import sys
from pathlib import Path

import pytest

BUNDLE = Path(__file__).resolve().parents[3] / "monitor" / "bundles" / "ncnn-demo"

PROGRAM = """
import sys, threading
calls = []
kinds = ("socket.", "os.fork", "subprocess.")
sys.addaudithook(lambda event, given: calls.append(event) if event.startswith(kinds) else None)
from pathlib import Path
from monitor.inference.bundle import read_bundle
from monitor.inference.engine_factory import missing_reason, open_engine
if missing_reason(sys.argv[2]) is not None:
    print(missing_reason(sys.argv[2]))
    sys.exit(5)
open_engine(read_bundle(Path(sys.argv[1])), choice=sys.argv[2]).close()
for thread in threading.enumerate():
    if thread is not threading.main_thread() and not thread.daemon:
        thread.join(10)
print(calls)
"""


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_an_engine_opens_no_connection_and_starts_no_program(engine):
    command = [sys.executable, "-c", PROGRAM, str(BUNDLE), engine]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode == 5:
        pytest.skip(done.stdout.strip())
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
