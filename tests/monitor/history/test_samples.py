"""What is packed comes back, and fewer points lose no peak and hide no gap."""

import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.board import BedState
from monitor.history.samples import (
    ACTIONS,
    SAMPLES_A_MINUTE,
    WITH_SIGNS,
    empty_minute,
    join_minutes,
    pack_minute,
    set_sample,
    state_code,
    unpack_minute,
)
from monitor.history.trend import stretches, thinned

SHARE = st.none() | st.floats(0, 1)
ONE = st.tuples(st.sampled_from(list(BedState)), SHARE, SHARE, st.tuples(*[SHARE] * len(ACTIONS)) | st.just(()))


def series(entries, minute=100):
    """Return samples of one minute: slot to what is there."""
    samples = empty_minute()
    for slot, entry in entries.items():
        set_sample(samples, slot, *entry)
    return join_minutes([(minute, samples)], 0.0, float("inf"))


def test_every_state_has_a_number_of_its_own():
    assert len({state_code(state) for state in BedState}) == len(BedState)


@given(st.dictionaries(st.integers(0, SAMPLES_A_MINUTE - 1), ONE))
def test_a_minute_comes_back_as_it_was(entries):
    samples = empty_minute()
    for slot, entry in entries.items():
        set_sample(samples, slot, *entry)
    found = join_minutes([(7, unpack_minute(pack_minute(samples)))], 0.0, float("inf"))
    assert [int(at) for at in found.seconds] == [420 + 2 * slot for slot in sorted(entries)]
    for index, slot in enumerate(sorted(entries)):
        state, level, coverage, actions = entries[slot]
        assert found.state_at(index) is state
        for value, stored, step in ((level, found.level[index], 0.001), (coverage, found.coverage[index], 0.005)):
            assert np.isnan(stored) if value is None else stored == pytest.approx(value, abs=step)
        for share, stored in zip(actions or [None] * len(ACTIONS), found.actions[index], strict=True):
            assert np.isnan(stored) if share is None else stored == pytest.approx(share, abs=0.005)


@pytest.mark.parametrize("wrong", [float("nan"), -0.1, 1.1, float("inf")])
def test_what_is_no_level_is_not_known(wrong):
    found = series({0: (BedState.NO_SIGN, wrong, wrong)})
    assert np.isnan(found.level[0])
    assert np.isnan(found.coverage[0])


@pytest.mark.parametrize("damaged", [b"", b"nothing", pack_minute(empty_minute())[:-3]])
def test_a_damaged_minute_is_named(damaged):
    with pytest.raises(ValueError, match="damaged"):
        unpack_minute(damaged)


def test_a_minute_that_unpacks_to_far_more_is_refused_before_it_fills_the_memory():
    bomb = zlib.compress(bytes(100_000_000), 9)
    assert len(bomb) < 200_000
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="damaged"):
            unpack_minute(bomb)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@given(st.dictionaries(st.integers(0, SAMPLES_A_MINUTE - 1), ONE, min_size=1), st.sampled_from([4, 6, 10, 30, 40, 120]))
def test_a_peak_stays_and_an_empty_stretch_gets_no_point(entries, every):
    whole = series(entries)
    fewer = thinned(whole, every)
    assert set(fewer.seconds) == {at // every * every for at in whole.seconds}
    for at, level in zip(fewer.seconds, fewer.level, strict=True):
        inside = whole.level[(whole.seconds >= at) & (whole.seconds < at + every)]
        known = inside[~np.isnan(inside)]
        assert np.isnan(level) if not len(known) else level == known.max()


def test_the_most_urgent_state_of_a_stretch_stays():
    found = thinned(series({0: (BedState.NO_SIGN, 0.1), 1: (BedState.PAIN_SIGN, 0.9), 2: (BedState.EMPTY,)}), 6)
    assert found.state_at(0) is BedState.PAIN_SIGN


def test_stretches_of_a_state_are_found():
    pain, calm, blind = (BedState.PAIN_SIGN, 0.9), (BedState.NO_SIGN, 0.1), (BedState.CANNOT_SEE,)
    found = series({0: pain, 1: pain, 2: calm, 3: pain, 5: pain, 6: blind})
    assert stretches(found, found.is_any(WITH_SIGNS), 2) == [(6000.0, 6004.0), (6006.0, 6008.0), (6010.0, 6012.0)]
    assert stretches(found, found.is_not_seen(), 2) == [(6012.0, 6014.0)]
    assert stretches(series({}), series({}).is_not_seen(), 2) == []


def test_pain_out_of_sight_is_not_seen_and_a_bed_that_people_took_out_of_the_watch_is_not_missed():
    unseen = [(BedState.PAIN_SIGN,), (BedState.CANNOT_SEE, 0.1), (BedState.CAMERA_LOST,), (BedState.STARTING,)]
    others = [(BedState.PAIN_SIGN, 0.9), (BedState.NO_SIGN, 0.1), (BedState.STANDBY,), (BedState.EMPTY, 0.1)]
    found = series(dict(enumerate(unseen + others)))
    assert found.is_not_seen().tolist() == [True] * len(unseen) + [False] * len(others)
