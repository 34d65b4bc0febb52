"""Runs that are repeated, so that one disturbed moment does not decide: medians, and how far the rounds lie apart."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median

from monitor.bench.process import run_in_new_process
from monitor.bench.result import Rounds, RunResult, Spread
from monitor.bench.run import Plan

__all__ = ["figures_of", "measure_rounds", "middle_of", "spread_of", "spreads_of", "summarize"]


def measure_rounds(
    plans: Sequence[Plan],
    rounds: int,
    measure: Callable[[Plan], RunResult] = run_in_new_process,
    on_round: Callable[[int, Plan, RunResult], None] | None = None,
) -> tuple[Rounds, ...]:
    """Measure each plan in each round, so that what changes slowly on the machine meets all plans alike.

    Args:
        plans: What to run.
        rounds: How often, at least once.
        measure: Measures one plan; by default a station in a new process, so that its memory is its own.
        on_round: Called after each run, with the number of its round from 1.

    Returns:
        In the order of the plans.

    Raises:
        MonitorError: A run could not be made.
    """
    results: list[list[RunResult]] = [[] for _ in plans]
    for number in range(1, 1 + rounds):
        for plan, found in zip(plans, results, strict=True):
            found.append(measure(plan))
            if on_round is not None:
                on_round(number, plan, found[-1])
    return tuple(summarize(found) for found in results)


def summarize(results: Sequence[RunResult]) -> Rounds:
    """Return what rounds of one plan have in the middle, at least and at most."""
    return Rounds(
        middle=results[middle_of([result.cores_used for result in results])],
        medians=spreads_of([figures_of(result) for result in results]),
        rounds=tuple(results),
    )


def middle_of(values: Sequence[float]) -> int:
    """Return where the median of some values stands; of two in the middle, the smaller one."""
    return sorted(range(len(values)), key=values.__getitem__)[(len(values) - 1) // 2]


def spread_of(values: Iterable[float]) -> Spread:
    """Return median, least and largest of at least one value."""
    known = sorted(values)
    return Spread(median(known), known[0], known[-1])


def spreads_of(rounds: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """Return the spread of every figure that all rounds have."""
    shared = [name for name in rounds[0] if all(name in figures for figures in rounds)]
    return {name: spread_of(figures[name] for figures in rounds) for name in shared}


def figures_of(result: RunResult) -> dict[str, float]:
    """Return the figures of a run by which rounds and machines are compared.

    Returns:
        Rates of one bed (frames/s, switches/s), ages in seconds, CPU seconds an analysed frame
        (`cpu_seconds_per_frame`, and with a stage's name behind it the part of that stage; `station_...`: without the
        benchmark's own part), MB. Without an analysed frame some are missing.
    """
    figures = {
        "frames_per_second_per_bed": result.total.frames_per_second / result.cameras,
        "slowest_bed_frames_per_second": min(bed.frames_per_second for bed in result.beds.values()),
        "cores_used": result.cores_used,
        "kernel_share": result.kernel_share,
        "kernel_seconds_per_bed": result.kernel_seconds_per_bed,
        **{
            f"{kind}_switches_per_bed_and_second": count / result.seconds
            for kind, count in result.context_switches_per_bed.items()
        },
        "resident_megabytes": result.resident_megabytes,
    }
    if result.total.age_seconds is not None:
        figures |= {f"age_{rank}_seconds": age for rank, age in result.total.age_seconds.items()}
    if result.cpu_seconds_per_frame is not None:
        figures["cpu_seconds_per_frame"] = result.cpu_seconds_per_frame
        figures |= {
            f"cpu_seconds_per_frame_{stage}": seconds / result.total.analysed_frames
            for stage, seconds in result.cpu_seconds.items()
        }
    if result.efficiency is not None:
        figures["decoder_seconds_per_picture"] = result.efficiency.decoder_seconds_per_picture
        figures["station_cpu_seconds_per_frame"] = result.efficiency.used_cpu_seconds / result.total.analysed_frames
        figures["efficiency"] = result.efficiency.share
    if result.face_px is not None:
        figures["face_px"] = result.face_px
    return figures
