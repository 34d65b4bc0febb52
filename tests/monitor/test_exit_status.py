import signal
import subprocess
import sys

import pytest

from monitor.exit_status import describe_exit


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("raise SystemExit(0)", "exit status 0"),
        ("raise SystemExit(3)", "exit status 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGRTMIN + 2)", f"killed by signal {signal.SIGRTMIN + 2}"),
    ],
)
def test_the_end_of_a_process_is_named(program, expected):
    assert describe_exit(subprocess.run([sys.executable, "-c", program], check=False).returncode) == expected


def test_a_process_that_has_not_ended_has_no_status():
    assert describe_exit(None) == "it does not end"
