"""A run in a process of its own, so that its memory is its own and nothing is left of it."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from monitor.bench.result import RunResult
from monitor.bench.run import Plan, run_station
from monitor.config import LogSettings
from monitor.logs import configure

__all__ = ["run_in_new_process"]


def run_in_new_process(plan: Plan) -> RunResult:
    """Call `run_station` in a new process.

    Raises:
        MonitorError: As `run_station` does.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context, initializer=_quiet) as pool:
        return pool.submit(run_station, plan).result()


def _quiet() -> None:
    configure(LogSettings(level="error"))
