"""A calm bed is analysed less often; whatever might be pain, or cannot be seen, is analysed in full."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.pain.vocabulary import Observation, Validity
from monitor.station.adaptive_rate import CALM_SECONDS, AdaptiveRate

FULL, CALM, OFF = 5.0, 2.0, 0.4
shares = st.floats(0.0, 1.0)


def seen(seconds, score=0.05, level=0.05):
    validity = Validity.INVALID if level is None else Validity.VALID
    return Observation(seconds, score, level, level, 1.0, 0.0, validity, 0.0)


def test_a_bed_that_stays_calm_is_analysed_less_often_after_a_while():
    pace = AdaptiveRate(FULL, CALM, OFF)
    assert pace.rate("bed-1", seen(0.0)) == FULL
    assert pace.rate("bed-1", seen(CALM_SECONDS - 0.1)) == FULL
    assert pace.rate("bed-1", seen(CALM_SECONDS)) == CALM
    assert pace.rate("bed-2", seen(CALM_SECONDS)) == FULL, "each bed has its own calm"


@given(score=st.none() | st.floats(0.21, 1.0), level=st.none() | shares)
def test_any_sign_and_any_blindness_bring_the_full_rate_back_at_once(score, level):
    pace = AdaptiveRate(FULL, CALM, OFF)
    pace.rate("bed-1", seen(0.0))
    assert pace.rate("bed-1", seen(100.0)) == CALM
    assert pace.rate("bed-1", seen(100.5, score, level)) == FULL
    assert pace.rate("bed-1", seen(101.0)) == FULL, "calm begins again"
    assert pace.rate("bed-1", seen(101.0 + CALM_SECONDS)) == CALM


@given(st.lists(st.tuples(st.floats(0.05, 20.0), st.none() | shares, st.none() | shares), max_size=40))
def test_the_rate_is_one_of_the_two_and_low_only_after_calm_alone(steps):
    pace, now, calm_since = AdaptiveRate(FULL, CALM, OFF), 0.0, None
    for gap, score, level in steps:
        now += gap
        is_calm = score is not None and level is not None and max(score, level) <= OFF / 2
        calm_since = None if not is_calm else now if calm_since is None else calm_since
        expected = CALM if calm_since is not None and now - calm_since >= CALM_SECONDS else FULL
        assert pace.rate("bed-1", seen(now, score, level)) == expected


@given(st.lists(st.tuples(st.floats(0.05, 20.0), st.none() | shares, st.none() | shares), max_size=40))
def test_key_frames_are_enough_after_calm_alone_and_only_where_this_is_wanted(steps):
    asked, unasked = AdaptiveRate(FULL, None, OFF, key_frames=True), AdaptiveRate(FULL, None, OFF)
    now, calm_since = 0.0, None
    for gap, score, level in steps:
        now += gap
        is_calm = score is not None and level is not None and max(score, level) <= OFF / 2
        calm_since = None if not is_calm else now if calm_since is None else calm_since
        assert asked.rate("bed-1", seen(now, score, level)) == FULL
        unasked.rate("bed-1", seen(now, score, level))
        assert asked.may_rest("bed-1", now) == (calm_since is not None and now - calm_since >= CALM_SECONDS)
        assert not unasked.may_rest("bed-1", now)
        assert not asked.may_rest("bed-2", now)
    # One picture in a second is no overload then.
    assert asked.least_rate < 1.0


def test_without_a_calm_rate_every_bed_is_analysed_in_full():
    pace = AdaptiveRate(FULL, None, OFF)
    pace.rate("bed-1", seen(0.0))
    assert pace.rate("bed-1", seen(1000.0)) == pace.least_rate == FULL
