"""How many beds fit, and what each costs: more and more cameras, each number in a process of its own."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from monitor.bench.process import run_in_new_process
from monitor.bench.result import Capacity, Growth, RunResult, Step
from monitor.bench.run import Plan

__all__ = ["LARGEST_AGE_SECONDS", "STARVED_SHARE", "find_capacity", "measure_growth", "shortfall"]

LARGEST_AGE_SECONDS = 0.5
STARVED_SHARE = 0.5

_COMFORTABLE_SHARE = 0.8


def shortfall(result: RunResult) -> str | None:
    """Return why this was too much for the machine; None when it was not."""
    starved_below = STARVED_SHARE * result.wanted_frames_per_second
    for name, bed in result.beds.items():
        if bed.frames_per_second < starved_below:
            return f"{name} is starved: {bed.frames_per_second:.2f} of {result.wanted_frames_per_second:g} frames/s"
    ages = result.total.age_seconds
    if ages is not None and ages["p99"] > LARGEST_AGE_SECONDS:
        return f"1 % of the frames are older than {1000 * ages['p99']:.0f} ms"
    return None


def find_capacity(
    plan: Plan,
    largest: int,
    measure: Callable[[Plan], RunResult] = run_in_new_process,
    on_step: Callable[[Step], None] | None = None,
) -> Capacity:
    """Double the number of cameras until it is too large, then halve the gap to the last good number.

    Args:
        plan: Where to begin.
        largest: Number of cameras at which to stop.
        measure: Measures one plan; by default a station in a new process, so that its memory is its own.
        on_step: Called after each run.

    Raises:
        MonitorError: A run could not be made.
    """
    steps: list[Step] = []

    def is_enough(cameras: int) -> bool:
        result = measure(replace(plan, cameras=cameras))
        steps.append(Step(cameras, shortfall(result), result))
        if on_step is not None:
            on_step(steps[-1])
        return steps[-1].reason is None

    good, bad, next_ = 0, largest + 1, min(plan.cameras, largest)
    while bad - good > 1:
        if is_enough(next_):
            good = next_
        else:
            bad = next_
        next_ = min(2 * good, largest) if bad > largest else (good + bad) // 2
    reasons = [step.reason for step in steps if step.cameras == bad]
    comfortable = max(1, int(_COMFORTABLE_SHARE * good))
    if good > 0 and all(step.cameras != comfortable for step in steps):
        is_enough(comfortable)
    found = next((step for step in steps if good > 0 and step.cameras == comfortable), None)
    return Capacity(good, reasons[-1] if reasons else None, _memory_slope(steps), found, tuple(steps))


def measure_growth(
    plan: Plan,
    numbers: Sequence[int],
    measure: Callable[[Plan], RunResult] = run_in_new_process,
    on_step: Callable[[Step], None] | None = None,
) -> Growth:
    """Measure each number of cameras once.

    Args:
        plan: What to run; its number of cameras is not used.
        numbers: How many cameras, run by run.
        measure: As in `find_capacity`.
        on_step: Called after each run.

    Raises:
        MonitorError: A run could not be made.
    """
    steps: list[Step] = []
    for cameras in numbers:
        result = measure(replace(plan, cameras=cameras))
        steps.append(Step(cameras, shortfall(result), result))
        if on_step is not None:
            on_step(steps[-1])
    unhurried = [step for step in steps if step.reason is None]
    cores = _slope([(step.cameras, step.result.cores_used) for step in unhurried])
    return Growth(cores, _memory_slope(steps), tuple(steps))


def _memory_slope(steps: Sequence[Step]) -> float | None:
    """Return the growth of memory for each further bed.

    A station opens no more workers than it has beds, each with models of its own: the runs with fewer beds than cores
    show what a worker costs, and are left out where there are enough others.
    """
    full = [step for step in steps if step.cameras >= step.result.machine.cores]
    known = full if len({step.cameras for step in full}) > 1 else steps
    return _slope([(step.cameras, step.result.resident_megabytes) for step in known])


def _slope(points: Sequence[tuple[int, float]]) -> float | None:
    """Return the slope of a straight line through points, by least squares; None from fewer than two points."""
    if len({x for x, _ in points}) < 2:
        return None
    return float(np.polyfit([float(x) for x, _ in points], [y for _, y in points], 1)[0])
