"""What every step of tests/gpu/run.sh shares: one JSON file with the outcome, and one line of why it did not run.

`rehearse` makes a step do on the CPU what can be done there, with a stand-in for the GPU's part or without it.
"""

import json
import os
import platform
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any


class NotHereError(Exception):
    """A step cannot run on this machine; the message is the one line that says why."""


def is_rehearsal() -> bool:
    """Return whether no GPU is expected."""
    return os.environ.get("NICU_GPU_REHEARSE") == "1"


def require_gpu() -> str:
    """Return the GPU's name and driver, as the record gives them.

    Raises:
        NotHereError: There is none.
    """
    from monitor.inference.cuda import probe_cuda

    probe = probe_cuda()
    if probe.gpu is None:
        raise NotHereError(probe.reason)
    gpu = probe.gpu
    size = f"{gpu.memory_bytes / 2**30:.0f} GiB"
    return f"{gpu.name}, compute capability {gpu.capability}, {size}, CUDA {gpu.driver_version}"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"no GPU; {len(os.sched_getaffinity(0))} cores of {models[0] if models else platform.machine()}"


def run_step(name: str, measure: Callable[[dict[str, Any]], None]) -> None:
    """Run one step and write $OUT/NAME.json; whatever happens, the file is there.

    Args:
        name: Of the step and of its file.
        measure: Fills the dictionary with what it measures, so that a step that is cut short leaves what it has.
    """
    out = Path(os.environ.get("OUT", "."))
    numbers: dict[str, Any] = {}
    record: dict[str, Any] = {
        "step": name,
        "outcome": "cut short",
        "device": _processor() if is_rehearsal() else "none found",
        "is_rehearsal": is_rehearsal(),
        "numbers": numbers,
    }
    path = out / f"{name}.json"
    began = time.monotonic()

    def write() -> None:
        record["seconds"] = round(time.monotonic() - began, 2)
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")

    write()
    # A step may be killed at any moment: what it has measured by then is on the disk.
    ended = threading.Event()

    def write_now_and_then() -> None:
        while not ended.wait(1.0):
            with suppress(RuntimeError):  # a dictionary that changes while it is written; the next time then
                write()

    writer = threading.Thread(target=write_now_and_then, daemon=True)
    writer.start()
    try:
        if not is_rehearsal():
            record["device"] = require_gpu()
        measure(numbers)
        record["outcome"] = "rehearsed" if is_rehearsal() else "ran"
    except NotHereError as error:
        record["outcome"], record["reason"] = "not run", str(error)
    except Exception as error:  # noqa: BLE001 - a step that fails is a result
        record["outcome"], record["reason"] = "failed", f"{type(error).__name__}: {error}".splitlines()[0]
        traceback.print_exc()
    ended.set()
    writer.join()
    write()
    print(f"{name}: {record['outcome']}{': ' + record['reason'] if 'reason' in record else ''}")
    sys.exit(1 if record["outcome"] == "failed" else 0)


def median_ms(run: Callable[[], Any], rounds: int, limit_seconds: float = 3.0) -> tuple[float, float, int]:
    """Return median and 99th percentile in milliseconds, and how many rounds there were within the time."""
    run()
    times: list[float] = []
    until = time.monotonic() + limit_seconds
    while len(times) < rounds and (not times or time.monotonic() < until):
        began = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - began))
    times.sort()
    return times[len(times) // 2], times[int(0.99 * (len(times) - 1))], len(times)
