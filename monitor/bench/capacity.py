"""How many beds fit, and what each costs: more and more cameras, each number in a process of its own."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from monitor.bench.process import run_in_new_process
from monitor.bench.result import Capacity, Growth, GrowthMedians, RunResult, Search, Step
from monitor.bench.rounds import figures_of, middle_of, spread_of, spreads_of
from monitor.bench.run import Plan

__all__ = ["LARGEST_AGE_SECONDS", "MOST_SEARCHES", "STARVED_SHARE", "find_capacity", "measure_growth", "shortfall"]

LARGEST_AGE_SECONDS = 0.5
STARVED_SHARE = 0.5
MOST_SEARCHES = 5

_COMFORTABLE_SHARE = 0.8
_AGREEMENT_SHARE = 0.1
_COMPARED_SEARCHES = 3
_HOPE = 1.5
"""How far above the number that would fill the cores by what a bed used so far a search goes at once. A station that is
far beyond its capacity takes a minute to start, and shows no more than one that is a little beyond it."""


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
    """Search for the largest number of cameras that is not too large, again and again until two searches agree.

    The first search doubles the number until it is too large, and then halves the gap to the last good number. Each
    further one begins at what the one before has found, so that a result that was luck is found out by the next run.

    Args:
        plan: Where to begin.
        largest: Number of cameras at which to stop.
        measure: Measures one plan; by default a station in a new process, so that its memory is its own.
        on_step: Called after each run.

    Raises:
        MonitorError: A run could not be made.
    """
    steps: list[Step] = []

    def run(cameras: int) -> Step:
        result = measure(replace(plan, cameras=cameras))
        steps.append(Step(cameras, shortfall(result), result))
        if on_step is not None:
            on_step(steps[-1])
        return steps[-1]

    first = min(plan.cameras, largest)
    searches = [_search(run, first, first, largest)]
    pair: tuple[Search, Search] | None = None
    while pair is None and len(searches) < MOST_SEARCHES:
        searches.append(_search(run, max(1, searches[-1].cameras), 1, largest))
        pair = _agreeing(searches[-_COMPARED_SEARCHES:])
    found = min(pair or searches, key=lambda search: search.cameras)
    comfortable = max(1, int(_COMFORTABLE_SHARE * found.cameras))
    if found.cameras > 0 and all(step.cameras != comfortable for step in steps):
        run(comfortable)
    return Capacity(
        cameras=found.cameras,
        agrees=pair is not None,
        least=min(search.cameras for search in searches),
        largest=max(search.cameras for search in searches),
        searches=tuple(searches),
        reason=found.reason,
        resident_megabytes_per_further_bed=_memory_slope(steps),
        comfortable=next((step for step in reversed(steps) if found.cameras > 0 and step.cameras == comfortable), None),
        steps=tuple(steps),
    )


def _search(run: Callable[[int], Step], begin: int, gap: int, largest: int) -> Search:
    """Step away from a number, in steps that double, until one number is enough and one is not; then halve between."""
    good, bad, reason, next_ = 0, largest + 1, None, begin
    tried: list[int] = []
    while bad - good > 1:
        step = run(next_)
        tried.append(next_)
        if step.reason is None:
            good = next_
        else:
            bad, reason = next_, step.reason
        if bad > largest:
            next_ = min(good + gap, max(good + 1, _hopeful(step)), largest)
            gap *= 2
        elif good == 0 and bad > gap:
            next_ = bad - gap
            gap *= 2
        else:
            next_ = (good + bad) // 2
    return Search(good, reason, tuple(tried))


def _hopeful(step: Step) -> int:
    """Return how many cameras are worth a try after this many were enough."""
    machine_cores = step.result.machine.cores
    return int(_HOPE * step.cameras * machine_cores / max(step.result.cores_used, 1e-3))


def _agreeing(searches: Sequence[Search]) -> tuple[Search, Search] | None:
    """Return the last search and the latest other one that agrees with it; None where none does."""
    last = searches[-1]
    for other in reversed(searches[:-1]):
        margin = max(1.0, _AGREEMENT_SHARE * max(last.cameras, other.cameras))
        if abs(last.cameras - other.cameras) <= margin:
            return last, other
    return None


def measure_growth(
    plan: Plan,
    numbers: Sequence[int],
    measure: Callable[[Plan], RunResult] = run_in_new_process,
    on_step: Callable[[Step], None] | None = None,
    rounds: int = 1,
) -> Growth:
    """Measure each number of cameras once a round.

    Each round goes over all numbers, so that what changes slowly on the machine meets all of them alike.

    Args:
        plan: What to run; its number of cameras is not used.
        numbers: How many cameras, run by run.
        measure: As in `find_capacity`.
        on_step: Called after each run.
        rounds: How often, at least once.

    Raises:
        MonitorError: A run could not be made.
    """
    done: list[tuple[Step, ...]] = []
    for _ in range(rounds):
        steps: list[Step] = []
        for cameras in numbers:
            result = measure(replace(plan, cameras=cameras))
            steps.append(Step(cameras, shortfall(result), result))
            if on_step is not None:
                on_step(steps[-1])
        done.append(tuple(steps))
    by_number = tuple(zip(*done, strict=True))
    slopes = {
        "cores_per_further_bed": [slope for steps in done if (slope := _cores_slope(steps)) is not None],
        "resident_megabytes_per_further_bed": [slope for steps in done if (slope := _memory_slope(steps)) is not None],
    }
    spreads = {name: spread_of(values) for name, values in slopes.items() if values}
    medians = {name: spread.median for name, spread in spreads.items()}
    return Growth(
        cores_per_further_bed=medians.get("cores_per_further_bed"),
        resident_megabytes_per_further_bed=medians.get("resident_megabytes_per_further_bed"),
        steps=tuple(same[middle_of([step.result.cores_used for step in same])] for same in by_number),
        medians=GrowthMedians(
            spreads, tuple(spreads_of([figures_of(step.result) for step in same]) for same in by_number)
        ),
        rounds=tuple(done),
    )


def _cores_slope(steps: Sequence[Step]) -> float | None:
    """Return the growth of the cores in use for each further bed; a full machine grows no further."""
    return _slope([(step.cameras, step.result.cores_used) for step in steps if step.reason is None])


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
