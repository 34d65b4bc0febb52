"""Pictures that look alike are found, however many there are; strangers with eyes at the same positions are not."""

import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainer.data import NEAR_BITS, near_duplicates


def words(values):
    return [f"{value:016x}" for value in values]


@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=30),
    st.lists(st.tuples(st.integers(0, 29), st.sets(st.integers(0, 63), max_size=7)), max_size=30),
)
def test_the_search_finds_what_comparing_all_pairs_finds(values, changes):
    for index, flipped in changes:
        values.append(values[index % len(values)] ^ sum(1 << bit for bit in flipped))

    expected = [
        (first, second)
        for first in range(len(values))
        for second in range(first + 1, len(values))
        if (values[first] ^ values[second]).bit_count() <= NEAR_BITS
    ]

    assert near_duplicates(words(values)) == expected


def test_the_finer_bits_have_the_last_word():
    coarse, fine = "00ff00ff00ff00ff", "0" * 64

    assert near_duplicates([coarse + fine, coarse + "f" * 8 + fine[8:]]) == [(0, 1)]
    assert near_duplicates([coarse + fine, coarse + "f" * 9 + fine[9:]]) == []


def test_the_search_among_many_pictures_takes_time_in_proportion():
    """The search once compared all pairs: ten times as many pictures took a hundred times as long."""
    random = np.random.default_rng(0)

    def seconds(count):
        hashes = words(random.integers(0, 2**63, count, dtype=np.uint64).tolist())
        began = time.process_time()
        near_duplicates(hashes)
        return time.process_time() - began

    seconds(1_000)
    few, many = min(seconds(4_000) for _ in range(3)), seconds(40_000)
    assert many < 40 * few
