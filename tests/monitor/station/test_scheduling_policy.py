"""A station's threads let each other finish their turns, and its linear algebra has no threads of its own."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from daemon import Daemon

from monitor.station.scheduling_policy import batch_scheduling

pytestmark = pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="this system has no policy for batch work")


def _policy_of_new_thread() -> int:
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.append(os.sched_getscheduler(0)))
    thread.start()
    thread.join()
    return seen[0]


def test_threads_that_start_meanwhile_inherit_it_and_it_ends() -> None:
    before = os.sched_getscheduler(0)
    with batch_scheduling():
        assert _policy_of_new_thread() == os.SCHED_BATCH
    assert os.sched_getscheduler(0) == before == _policy_of_new_thread()


def test_a_policy_that_was_chosen_from_outside_stays() -> None:
    with batch_scheduling():
        with batch_scheduling():
            pass
        assert os.sched_getscheduler(0) == os.SCHED_BATCH


def test_another_policy_than_the_usual_one_stays() -> None:
    seen: list[int] = []

    def run() -> None:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        with batch_scheduling():
            seen.append(os.sched_getscheduler(0))
        seen.append(os.sched_getscheduler(0))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [os.SCHED_IDLE, os.SCHED_IDLE]


def test_a_system_that_refuses_it_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    before = os.sched_getscheduler(0)
    with monkeypatch.context() as patched:
        patched.setattr(os, "sched_setscheduler", refuse)
        with batch_scheduling():
            assert os.sched_getscheduler(0) == before


def test_every_thread_of_the_daemon_has_it(tmp_path: Path) -> None:
    beds = [{"id": name, "camera": {"url": f"synthetic://calm?seed={seed}"}} for seed, name in ((3, "a"), (8, "b"))]
    with Daemon(tmp_path, {"beds": beds}) as daemon:
        give_up = time.monotonic() + 60.0
        while not daemon.is_ready() and time.monotonic() < give_up:
            time.sleep(0.1)
        threads = [int(path.name) for path in Path(f"/proc/{daemon.pid}/task").iterdir()]
        policies = {os.sched_getscheduler(thread) for thread in threads}
    assert len(threads) > 8
    assert policies == {os.SCHED_BATCH}


def test_the_linear_algebra_of_the_program_starts_no_threads() -> None:
    program = (
        "import os, sys\n"
        "from monitor.cli import main\n"
        "sys.argv = ['nicu-monitor', '--help']\n"
        "try:\n"
        "    main()\n"
        "except SystemExit:\n"
        "    import numpy\n"
        "    print(len(os.listdir('/proc/self/task')))\n"
    )
    environment = {name: value for name, value in os.environ.items() if "NUM_THREADS" not in name}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.splitlines()[-1] == "1"
