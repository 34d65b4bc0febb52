import itertools
import math
from collections import Counter

import pytest

from monitor.faces.geometry import OrientedBox, turn_between_deg
from monitor.faces.scan_schedule import RejectedRegions, RotationCycle, ScanSchedule


def test_one_round_leaves_no_orientation_further_than_an_eighth_of_a_half_turn():
    cycle = RotationCycle()
    turns = [cycle.next_deg(100.0) for _ in range(len(cycle))]
    assert turns[0] == 100.0
    for orientation in range(-180, 180, 5):
        assert min(turn_between_deg(turn, orientation) for turn in turns) <= 22.5
    assert cycle.next_deg(100.0) == 100.0


def test_a_restart_begins_with_the_likeliest_turn():
    cycle = RotationCycle((0.0, 90.0))
    cycle.next_deg(0.0)
    cycle.restart()
    assert cycle.next_deg(-45.0) == -45.0
    assert cycle.next_deg(-45.0) == 45.0


def test_a_rejected_region_is_left_alone_for_a_while_only():
    regions = RejectedRegions(2.0)
    box = OrientedBox(100, 100, 40, 40, 0)
    regions.add(box, 10.0)
    assert regions.holds(OrientedBox(110, 95, 50, 50, 90), 11.9)
    assert not regions.holds(OrientedBox(150, 100, 40, 40, 0), 11.9)
    assert not regions.holds(box, 12.0)


def test_rejected_regions_are_bounded():
    regions = RejectedRegions(1e9)
    for count in range(1000):
        regions.add(OrientedBox(count * 100, 0, 40, 40, 0), 0.0)
    assert not regions.holds(OrientedBox(0, 0, 40, 40, 0), 1.0)
    assert regions.holds(OrientedBox(99_900, 0, 40, 40, 0), 1.0)


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("seconds_between", [0.1, 0.2, 0.5, 1.0, 1.5, 2.5, 4.0])
def test_scans_come_by_time_but_at_most_in_every_third_frame(seconds_between, small):
    schedule = ScanSchedule(guided=True)
    scanned = [
        number
        for number in range(60)
        if schedule.next_deg(number * seconds_between + 1e-9 * number, 0.0, small=small, changed=True) is not None
    ]
    period_seconds = 1.25 if small else 2.5
    assert scanned[0] == 0
    steps = {later - earlier for earlier, later in itertools.pairwise(scanned)}
    assert steps == {max(3, math.ceil(period_seconds / seconds_between - 1e-6))}


def scan_times(schedule, changed_at, seconds):
    """Return when an unchanged picture at 5 frames/s is scanned small; what moves, moves at these times."""
    frames = [number / 5 for number in range(seconds * 5)]
    return [time for time in frames if schedule.next_deg(time, 0.0, small=True, changed=time in changed_at) is not None]


def test_a_picture_in_which_nothing_changes_is_scanned_in_all_turns_and_then_less_often():
    times = scan_times(ScanSchedule(guided=True), {0.0}, 60)
    steps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert steps[:10] == pytest.approx([1.4] * 10)
    assert steps[10:] == pytest.approx([5.0] * len(steps[10:]))
    assert len(steps) > 15


def test_the_rarer_scans_of_beds_that_began_together_come_apart():
    times = [scan_times(ScanSchedule(guided=True, phase=number / 5), {0.0}, 60)[12:] for number in range(5)]
    moments = Counter(round(time, 1) for own in times for time in own)
    assert max(moments.values()) == 1


def test_what_changes_is_scanned_at_once_and_in_all_turns_again():
    times = scan_times(ScanSchedule(guided=True), {0.0, 33.0}, 60)
    again = [time for time in times if time >= 33.0]
    assert again[:10] == pytest.approx([33.0 + 1.4 * number for number in range(10)])
    assert again[11] - again[10] == pytest.approx(5.0)


def test_large_scans_come_as_often_wherever_nothing_changes():
    schedule = ScanSchedule(guided=True)
    frames = [number / 5 for number in range(300)]
    times = [time for time in frames if schedule.next_deg(time, 0.0, small=False, changed=False) is not None]
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) == pytest.approx(2.6)
