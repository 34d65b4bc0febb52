import itertools

from hypothesis import given
from hypothesis import strategies as st

from monitor.backoff import Backoff

JITTER = st.floats(0.0, 1.0, exclude_max=True)


@given(st.lists(JITTER, min_size=1, max_size=300))
def test_waits_stay_short_enough_to_be_back_within_three_seconds(jitter):
    numbers = iter(jitter)
    backoff = Backoff(jitter=lambda: next(numbers))
    waits = [backoff.next_seconds() for _ in jitter]
    assert waits[0] <= 0.2
    assert all(0.0 < wait <= 2.0 for wait in waits)


def test_waits_grow_by_the_factor_up_to_the_cap_and_jitter_takes_half_at_most():
    longest = Backoff(1.0, 5.0, factor=2.0, jitter=lambda: 1.0)
    assert [longest.next_seconds() for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    shortest = Backoff(1.0, 5.0, factor=2.0, jitter=lambda: 0.0)
    assert [shortest.next_seconds() for _ in range(5)] == [0.5, 1.0, 2.0, 2.5, 2.5]


def test_a_cap_for_one_wait_holds_for_that_wait_alone():
    backoff = Backoff(jitter=lambda: 0.0)
    assert [backoff.next_seconds(cap_seconds=15.0) for _ in range(20)][-1] == 7.5
    assert backoff.next_seconds() == 1.0


@given(st.integers(0, 200))
def test_a_reset_starts_again_with_the_shortest_wait(attempts):
    backoff = Backoff(jitter=lambda: 1.0)
    waits = [backoff.next_seconds() for _ in range(attempts)]
    backoff.reset()
    assert [backoff.next_seconds() for _ in range(attempts)] == waits
    backoff.reset()
    assert backoff.next_seconds() == 0.2


def test_months_of_attempts_neither_end_nor_overflow():
    backoff = Backoff()
    waits = [backoff.next_seconds() for _ in range(5000)]
    assert all(1.0 <= wait <= 2.0 for wait in itertools.islice(waits, 10, None))
