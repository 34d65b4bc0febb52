"""The search for the number of beds that fit, on machines of known size."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.bench.capacity import find_capacity, measure_growth, shortfall
from monitor.bench.machine import describe_machine
from monitor.bench.pure import PureCosts
from monitor.bench.result import BedResult, RunResult
from monitor.bench.run import Plan
from monitor.config import BedSettings, CameraSettings, StationConfig

BASE = StationConfig(beds=(BedSettings(id="bed-1", camera=CameraSettings(url="clip.mp4")),))
PLAN = Plan(Path("clip.mp4"), 1, 5.0, "rtsp", BASE, PureCosts(0.01, 0.05, 0.01, 0.005, 0.001, (1280, 720)))


def result(cameras=2, rate=5.0, p99=0.1, megabytes=100.0):
    bed = BedResult(rate, {"p50": p99 / 2, "p95": p99, "p99": p99}, {}, 25, 25, 150, 0)
    return RunResult(
        machine=describe_machine(),
        cameras=cameras,
        source="rtsp",
        clip="clip.mp4",
        size_px=(1280, 720),
        wanted_frames_per_second=5.0,
        seconds=5.0,
        engine="onnxruntime",
        redis=True,
        total=bed,
        beds={f"bed-{number}": bed for number in range(cameras)},
        cpu_seconds={},
        cpu_seconds_total=1.0,
        cores_used=0.2,
        cpu_seconds_per_frame=0.04,
        kernel_seconds_per_bed=0.1,
        kernel_share=0.2,
        context_switches_per_bed={"voluntary": 100.0, "involuntary": 10.0},
        full_looks=1,
        close_looks=4,
        following_looks=20,
        scout_looks=2,
        frames_from_mesh=0,
        resident_megabytes=megabytes,
        resident_megabytes_before=50.0,
        resident_megabytes_per_bed=25.0,
        efficiency=None,
    )


@given(size=st.integers(0, 80), begin=st.integers(1, 40), largest=st.integers(1, 64))
def test_the_search_finds_the_size_of_the_machine_or_its_limit(size, begin, largest):
    def measure(plan):
        return result(plan.cameras, p99=0.1 if plan.cameras <= size else 0.6, megabytes=200 + 20 * plan.cameras)

    found = find_capacity(replace(PLAN, cameras=begin), largest, measure)

    assert found.cameras == min(size, largest)
    assert (found.reason is None) == (size >= largest)
    assert len({step.cameras for step in found.steps}) == len(found.steps), "no number is measured twice"
    if len(found.steps) > 1:
        assert found.resident_megabytes_per_further_bed == pytest.approx(20)


@given(size=st.integers(1, 80))
def test_four_fifths_of_the_capacity_are_measured_too(size):
    found = find_capacity(PLAN, 80, lambda plan: result(plan.cameras, p99=0.1 if plan.cameras <= size else 0.6))
    assert found.comfortable is not None
    assert found.comfortable.cameras == max(1, int(0.8 * size))
    assert found.comfortable in found.steps


def test_growth_leaves_out_what_would_bend_the_line():
    """A machine that is full grows no further, and below the number of cores each bed brings a worker with it."""
    cores = describe_machine().cores

    def measure(plan):
        n = plan.cameras
        return replace(
            result(n, p99=0.1 if n < 30 else 0.9, megabytes=300 + 20 * n + 100 * min(n, cores)),
            cores_used=0.1 + 0.05 * min(n, 30),
        )

    grown = measure_growth(PLAN, (1, cores, cores + 4, cores + 8, 60), measure)
    assert [step.cameras for step in grown.steps] == [1, cores, cores + 4, cores + 8, 60]
    assert grown.cores_per_further_bed == pytest.approx(0.05)
    assert grown.resident_megabytes_per_further_bed == pytest.approx(20)


@pytest.mark.parametrize(
    ("rate", "p99", "words"), [(5.0, 0.5, None), (2.5, 0.1, None), (2.4, 0.1, "starved"), (5.0, 0.51, "older")]
)
def test_a_bed_suffers_from_age_or_from_hunger(rate, p99, words):
    reason = shortfall(result(rate=rate, p99=p99))
    assert reason is None if words is None else words in reason


def test_one_starved_bed_among_many_is_enough():
    whole = result(cameras=3)
    poor = replace(whole.beds["bed-1"], frames_per_second=0.0, age_seconds=None)
    assert "bed-1" in shortfall(replace(whole, beds={**whole.beds, "bed-1": poor}))
