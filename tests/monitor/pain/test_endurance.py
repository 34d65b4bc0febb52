"""Memory and time per frame stay the same however long a bed is watched.

The million frames are marked slow: `pytest -m slow tests/monitor/pain/test_endurance.py`.
"""

import itertools
import json
import random
import tracemalloc

import pytest

from monitor.config import AlarmSettings
from monitor.pain import BedAlarms, Sample, Visibility


def frames(count, seed=1):
    """Yield samples in which everything happens again and again, at a rate that wanders."""
    generator, time = random.Random(seed), 0.0
    for number in range(count):
        time += generator.choice([0.04, 0.1, 0.2, 0.2, 0.5])
        mood = (number // 700) % 5
        if mood == 3 or generator.random() < 0.1:
            yield Sample(time, None, generator.choice([Visibility.NO_FACE, Visibility.POOR, Visibility.NO_SCORE]))
        else:
            centre = (0.1, 0.9, 0.5, 0.0, 0.3)[mood]
            score = min(1.0, max(0.0, generator.gauss(centre, 0.2)))
            yield Sample(time, score, Visibility.AMBIGUOUS if mood == 4 else Visibility.USABLE)


def watch(count):
    """Return the growth of memory in bytes over the second half, and the size of the saved state in bytes."""
    numbers = itertools.count()
    monitor = BedAlarms(AlarmSettings(), lambda: f"alert-{next(numbers)}")
    tracemalloc.start()
    try:
        at_half = 0
        for number, sample in enumerate(frames(count)):
            monitor.observe(sample)
            if number % 5000 == 0:
                monitor.pause("nurse-7", sample.time_seconds)
            if number == count // 2:
                at_half = tracemalloc.get_traced_memory()[0]
        growth = tracemalloc.get_traced_memory()[0] - at_half
    finally:
        tracemalloc.stop()
    return growth, len(json.dumps(monitor.snapshot()))


@pytest.mark.timeout(600)
def test_an_hour_of_frames_leaves_nothing_behind():
    growth, size = watch(12_000)
    assert growth < 20_000
    assert size < 20_000


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_million_frames_leave_nothing_behind():
    growth, size = watch(1_000_000)
    assert growth < 20_000
    assert size < 20_000
