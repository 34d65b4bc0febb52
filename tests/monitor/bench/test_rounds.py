"""Rounds of a run, their medians, and the lines about them."""

from dataclasses import replace
from pathlib import Path

import pytest
from bench_results import BED, PLAN, run_result

from monitor.bench.machine import count_physical_cores
from monitor.bench.report import face_line, rounds_lines
from monitor.bench.rounds import measure_rounds, middle_of

SLOWER = replace(BED, frames_per_second=4.0)
RESULT = run_result(beds={"bed-1": BED, "bed-2": SLOWER})


def machine(costs):
    """Return a `measure` whose runs cost these CPU milliseconds a frame, one after the other."""
    costs = iter(costs)

    def measure(plan):
        cost = next(costs) / 1000
        return replace(RESULT, clip=plan.clip.name, cpu_seconds_per_frame=cost, cores_used=10 * cost)

    return measure


def test_plans_take_turns_and_each_has_its_median():
    seen = []
    main, sub = measure_rounds(
        (PLAN, replace(PLAN, clip=Path("sub.mp4"))),
        3,
        machine([40, 20, 70, 26, 50, 23]),
        on_round=lambda number, _plan, result: seen.append((number, result.clip)),
    )

    assert seen == [(number, clip) for number in (1, 2, 3) for clip in ("main.mp4", "sub.mp4")]
    cost = main.medians["cpu_seconds_per_frame"]
    assert (cost.least, cost.median, cost.largest) == pytest.approx((0.04, 0.05, 0.07))
    assert sub.medians["cpu_seconds_per_frame"].median == pytest.approx(0.023)
    assert main.middle is main.rounds[2]
    assert main.medians["slowest_bed_frames_per_second"].median == 4.0
    assert main.medians["voluntary_switches_per_bed_and_second"].median == 100.0
    assert main.medians["cpu_seconds_per_frame_decode"].median == pytest.approx(0.01)
    lines = list(rounds_lines(main))
    assert any(line.split() == ["all,", "CPU", "ms/frame", "50.00", "40.00", "70.00"] for line in lines)


def test_one_round_is_told_without_medians():
    (only,) = measure_rounds((PLAN,), 1, machine([40]))
    assert not any("rounds" in line for line in rounds_lines(only))


def test_what_a_round_lacks_has_no_median():
    poor = replace(
        RESULT, cpu_seconds_per_frame=None, face_px=None, total=replace(BED, age_seconds=None, analysed_frames=0)
    )
    rounds = iter((RESULT, poor))
    (found,) = measure_rounds((PLAN,), 2, lambda _plan: next(rounds))
    assert {"cpu_seconds_per_frame", "age_p99_seconds", "face_px"}.isdisjoint(found.medians)
    assert "cores_used" in found.medians


@pytest.mark.parametrize(("values", "index"), [([3.0], 0), ([3.0, 1.0], 1), ([5.0, 1.0, 3.0], 2), ([4, 3, 2, 1], 2)])
def test_the_middle_is_a_round_that_was_measured(values, index):
    assert middle_of(values) == index


@pytest.mark.parametrize(("face_px", "words"), [(80.0, "enough"), (79.0, "too small"), (None, "no face")])
def test_the_size_of_the_face_is_compared_with_what_is_wanted(face_px, words):
    assert words in face_line(replace(RESULT, face_px=face_px))


@pytest.mark.parametrize(("siblings", "cores"), [(("0-1", "0-1"), 1), (("0", "1"), 2), ((), None)])
def test_threads_of_one_core_are_told_from_cores(tmp_path, siblings, cores):
    for number, text in enumerate(siblings):
        topology = tmp_path / f"cpu{number}" / "topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(f"{text}\n", encoding="ascii")
    assert count_physical_cores({0, 1}, tmp_path) == cores
