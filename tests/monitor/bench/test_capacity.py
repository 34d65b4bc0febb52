"""The search for the number of beds that fit, on machines of known size, steady and noisy ones."""

from dataclasses import replace

import pytest
from bench_results import MACHINE, PLAN, run_result
from hypothesis import given
from hypothesis import strategies as st

from monitor.bench.capacity import MOST_SEARCHES, find_capacity, measure_growth, shortfall
from monitor.bench.report import capacity_lines, growth_lines


@given(size=st.integers(0, 80), begin=st.integers(1, 40), largest=st.integers(1, 64))
def test_the_search_finds_the_size_of_the_machine_or_its_limit(size, begin, largest):
    def measure(plan):
        return run_result(plan.cameras, p99=0.1 if plan.cameras <= size else 0.6, megabytes=200 + 20 * plan.cameras)

    found = find_capacity(replace(PLAN, cameras=begin), largest, measure)

    assert found.cameras == min(size, largest)
    assert (found.reason is None) == (size >= largest)
    assert found.agrees
    assert [search.cameras for search in found.searches] == [found.cameras] * 2
    assert found.least == found.largest == found.cameras
    for search in found.searches:
        assert len(set(search.tried)) == len(search.tried), "no number is measured twice in a search"
    assert len(found.searches[1].tried) <= 2, "a steady machine is confirmed by the number itself and the next one"
    if len({step.cameras for step in found.steps}) > 1:
        assert found.resident_megabytes_per_further_bed == pytest.approx(20)


@given(size=st.integers(1, 80))
def test_four_fifths_of_the_capacity_are_measured_too(size):
    found = find_capacity(PLAN, 80, lambda plan: run_result(plan.cameras, p99=0.1 if plan.cameras <= size else 0.6))
    assert found.comfortable is not None
    assert found.comfortable.cameras == max(1, int(0.8 * size))
    assert found.comfortable in found.steps


def starved_above(sizes):
    """Return a machine that carries another number of cameras in each run."""
    sizes = iter(sizes)
    return lambda plan: run_result(plan.cameras, p99=0.1 if plan.cameras <= next(sizes) else 0.6)


@given(size=st.integers(0, 60), noise=st.integers(0, 8), begin=st.integers(1, 40), data=st.data())
def test_on_a_noisy_machine_every_search_lies_within_the_noise(size, noise, begin, data):
    largest = 64

    def measure(plan):
        carried = size + data.draw(st.integers(-noise, noise))
        return run_result(plan.cameras, p99=0.1 if plan.cameras <= carried else 0.6)

    found = find_capacity(replace(PLAN, cameras=begin), largest, measure)

    numbers = [search.cameras for search in found.searches]
    assert all(max(0, size - noise) <= number <= min(size + noise, largest) for number in numbers)
    assert 2 <= len(numbers) <= MOST_SEARCHES
    assert (found.least, found.largest) == (min(numbers), max(numbers))
    *before, last = numbers
    agreeing = [one for one in before[-2:] if abs(one - last) <= max(1, 0.1 * max(one, last))]
    assert found.agrees == bool(agreeing)
    assert found.cameras == (min(agreeing[-1], last) if agreeing else min(numbers))
    assert found.agrees or len(numbers) == MOST_SEARCHES
    runs = [cameras for search in found.searches for cameras in search.tried]
    assert runs == [step.cameras for step in found.steps][: len(runs)]


def test_one_lucky_run_does_not_decide():
    """The first search finds 9 because 8 and 9 passed once; later no more than 5 do."""
    found = find_capacity(replace(PLAN, cameras=8), 64, starved_above([9] * 5 + [5] * 40))
    assert [search.cameras for search in found.searches] == [9, 5, 5]
    assert found.cameras == 5
    assert found.agrees
    assert (found.least, found.largest) == (5, 9)


def test_a_machine_that_never_agrees_is_said_to():
    """Each search meets another machine; the last one finds what the first did, which is too long ago to count."""
    sizes = iter((4, 8, 16, 32, 4))

    def changing(plan):
        changing.seen.add(plan.cameras)
        outcome = run_result(plan.cameras, p99=0.1 if plan.cameras <= changing.size else 0.6)
        if {changing.size, changing.size + 1} <= changing.seen:  # With this run the search has found it.
            changing.size, changing.seen = next(sizes, 64), set()
        return outcome

    changing.size, changing.seen = next(sizes), set()
    found = find_capacity(PLAN, 64, changing)
    assert [search.cameras for search in found.searches] == [4, 8, 16, 32, 4]
    assert not found.agrees
    assert (found.cameras, found.least, found.largest) == (4, 4, 32)
    assert "from 4 to 32 cameras" in "\n".join(capacity_lines(found))


@given(size=st.integers(1, 60), begin=st.integers(1, 4))
def test_no_hopeless_number_is_tried(size, begin):
    """A run far beyond the capacity takes minutes: what a bed uses says how many could fit at best."""
    cores = MACHINE.cores

    def measure(plan):
        used = cores * min(1.0, plan.cameras / size)
        return replace(run_result(plan.cameras, p99=0.1 if plan.cameras <= size else 0.6), cores_used=used)

    found = find_capacity(replace(PLAN, cameras=begin), 64, measure)
    assert found.cameras == size or size < begin
    assert max(step.cameras for step in found.steps) <= max(begin, size + 1, int(1.5 * size) + 1)


def test_rounds_of_growth_go_over_all_numbers_each_time():
    """A machine that becomes slower from run to run does so for every number alike."""
    runs = []

    def measure(plan):
        runs.append(plan.cameras)
        drift = 1.0 + 0.5 * ((len(runs) - 1) // 3)
        return replace(run_result(plan.cameras), cores_used=drift * 0.1 * plan.cameras)

    grown = measure_growth(PLAN, (1, 2, 4), measure, rounds=3)

    assert runs == [1, 2, 4] * 3
    assert [[step.cameras for step in steps] for steps in grown.rounds] == [[1, 2, 4]] * 3
    assert grown.steps == grown.rounds[1]
    slope = grown.medians.slopes["cores_per_further_bed"]
    assert (slope.least, slope.median, slope.largest) == pytest.approx((0.1, 0.15, 0.2))
    assert grown.cores_per_further_bed == slope.median
    assert [one["cores_used"].largest for one in grown.medians.steps] == pytest.approx([0.2, 0.4, 0.8])
    assert "0.150 cores (0.100 to 0.200 in 3 rounds)" in "\n".join(growth_lines(grown))


def test_growth_leaves_out_what_would_bend_the_line():
    """A machine that is full grows no further, and below the number of cores each bed brings a worker with it."""
    cores = MACHINE.cores

    def measure(plan):
        n = plan.cameras
        return replace(
            run_result(n, p99=0.1 if n < 30 else 0.9, megabytes=300 + 20 * n + 100 * min(n, cores)),
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
    reason = shortfall(run_result(rate=rate, p99=p99))
    assert reason is None if words is None else words in reason


def test_one_starved_bed_among_many_is_enough():
    whole = run_result(cameras=3)
    poor = replace(whole.beds["bed-1"], frames_per_second=0.0, age_seconds=None)
    assert "bed-1" in shortfall(replace(whole, beds={**whole.beds, "bed-1": poor}))
