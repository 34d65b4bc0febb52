"""CPU time of a station's threads, summed over what they are for.

Every stage of a station has threads of its own, except that the workers do several things; see `monitor.bench.clock`.
GStreamer names its threads after the element that they serve, and Python knows its own, so that `/proc` shows which
stage used how much, to the nanosecond and without a profiler.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

__all__ = ["ThreadCosts", "stage_of"]

_PROCESSES = Path("/proc")
_NS = 1_000_000_000
_PYTHON_STAGES = {
    "camera-": "copy",
    "worker-": "workers",
    "redis-publisher": "publish",
    "spool-writer": "publish",
    "supervisor": "supervise",
    "http-": "page",
    "MainThread": "bench",
}


def stage_of(name: str, python_name: str | None) -> str:
    """Return the stage that a thread belongs to.

    `receive` is the network or the file, the jitter buffer and the cutting into pictures; `copy` takes pictures from
    GStreamer and checks whether they live.

    Args:
        name: As the kernel knows it.
        python_name: As Python knows it; None for a thread of GStreamer or of another library.
    """
    if python_name is not None:
        stages = (stage for prefix, stage in _PYTHON_STAGES.items() if python_name.startswith(prefix))
        return next(stages, "other")
    element, is_pad, _ = name.partition(":")
    if element in {"decode", "convert"}:
        return element
    return "receive" if is_pad or element.startswith(("rtsp", "rtp", "udp", "task")) else "other"


class ThreadCosts:
    """CPU seconds by stage since it was made; `sample` often, because the time of a thread that has ended is gone.

    Args:
        camera_processes: Numbers of the processes that hold cameras open, beside this one.
    """

    def __init__(self, camera_processes: Iterable[int] = ()) -> None:
        self._camera_processes = tuple(camera_processes)
        self._began = {number: seconds for number, (_, seconds, _) in self._read().items()}
        self._newest: dict[int, tuple[str, float]] = {}
        self._python_threads: set[int] = set()
        self._ended: defaultdict[str, float] = defaultdict(float)

    def sample(self) -> None:
        """Sample every thread."""
        for number, (stage, seconds, is_python) in self._read().items():
            former_stage, former_seconds = self._newest.get(number, (stage, self._began.get(number, 0.0)))
            if seconds < former_seconds:
                # The number of a thread that has ended was given to a new one.
                self._ended[former_stage] += former_seconds - self._began.pop(number, 0.0)
                self._python_threads.discard(number)
            if is_python:
                self._python_threads.add(number)
            # Python knows a thread no more while the kernel still ends it. Otherwise the newest name counts for all its
            # time: a thread gets it only after its start.
            is_ending = not is_python and number in self._python_threads
            self._newest[number] = former_stage if is_ending else stage, seconds

    def by_stage(self) -> dict[str, float]:
        """Return CPU seconds by stage, as of the last sample."""
        costs = self._ended.copy()
        for number, (stage, seconds) in self._newest.items():
            costs[stage] += seconds - self._began.get(number, 0.0)
        return dict(costs)

    def _read(self) -> dict[int, tuple[str, float, bool]]:
        names = {thread.native_id: thread.name for thread in threading.enumerate()}
        found = _read(_PROCESSES / "self" / "task", names)
        for process in self._camera_processes:
            # What is not GStreamer's there are the cameras' own threads.
            tasks = _read(_PROCESSES / str(process) / "task", {})
            found |= {
                number: ("copy" if stage == "other" else stage, seconds, is_python)
                for number, (stage, seconds, is_python) in tasks.items()
            }
        return found


def _read(tasks: Path, names: Mapping[int | None, str]) -> dict[int, tuple[str, float, bool]]:
    """Return, by thread id, stage, CPU seconds, and whether Python knows the thread.

    Args:
        tasks: Of a process.
        names: What Python calls its threads.
    """
    found: dict[int, tuple[str, float, bool]] = {}
    with suppress(FileNotFoundError):
        for task in tasks.iterdir():
            number = int(task.name)
            try:
                name = (task / "comm").read_text(encoding="utf-8", errors="replace").strip()
                used_ns = int((task / "schedstat").read_text(encoding="ascii").split()[0])
            except (FileNotFoundError, ProcessLookupError):
                continue  # It ended while it was sampled.
            found[number] = stage_of(name, names.get(number)), used_ns / _NS, number in names
    return found
