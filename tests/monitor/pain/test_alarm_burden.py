"""A restless infant: records stay bounded, nothing that is first or worse is hidden, and each bout keeps its evidence.

The story: one infant with 8 s of pain and 16 s of rest wrote 7,200 records a day.
"""

import bisect
import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.config import AlarmSettings
from monitor.pain import Code, Kind, Phase, Signal

MINUTE, HOUR = 60.0, 3600.0


def bouts(watched, pain, rest, seconds):
    changed = []
    for _ in range(int(seconds / (pain + rest))):
        changed += watched.show(rest, 0.05)
        changed += watched.show(pain, 0.95)
    return changed


def most_within(times, seconds):
    return max((bisect.bisect_left(times, time + seconds) - n for n, time in enumerate(times)), default=0)


def of(transitions, code):
    return [t for t in transitions if t.code is code]


def test_bouts_all_day_are_one_alarm_with_a_record_a_minute_and_all_evidence(watch):
    watched = watch(rate=2.0)
    changed = bouts(watched, 8, 16, 3 * HOUR)
    times = sorted(t.determined_seconds for t in changed)
    assert most_within(times, MINUTE) <= 7
    assert most_within(times, HOUR) <= 90
    (burden,) = of(changed, Code.ALARM_BURDEN_HIGH)
    assert (burden.phase, burden.signal, burden.kind) == (Phase.START, Signal.ON, Kind.TECHNICAL)
    assert "13 times within an hour" in burden.detail
    pain = of(changed, Code.PAIN_SIGN)
    onsets = sorted({bout.onset_seconds for t in pain for bout in t.recent_bouts})
    assert len(onsets) == pain[-1].bouts >= 445, "every bout stands in some record, with evidence of its own"
    assert all(20 <= later - earlier <= 28 for earlier, later in itertools.pairwise(onsets))
    assert all(len(t.recent_bouts) <= 8 for t in pain)
    assert all(t.condition_present for t in pain if t.determined_seconds > burden.determined_seconds)


def test_it_ends_after_a_minute_of_calm_and_the_burden_within_the_hour(watch):
    watched = watch(rate=2.0)
    bouts(watched, 8, 16, 900)
    calm = watched.now
    changed = watched.show(60, 0.05)
    assert not [t for t in changed if t.phase is Phase.END]
    (end,) = [t for t in watched.show(20, 0.05) if t.phase is Phase.END]
    assert (end.code, end.determined_seconds > calm + 60) == (Code.PAIN_SIGN, True)
    (over,) = of(watched.show(3500, 0.05), Code.ALARM_BURDEN_HIGH)
    assert over.phase is Phase.END
    assert of(watched.show(20, 0.95), Code.PAIN_SIGN)[-1].phase is Phase.START


def test_under_a_high_burden_what_is_worse_is_signalled_at_once(watch):
    watched = watch(rate=2.0)
    bouts(watched, 8, 16, 900)
    watched.note(watched.monitor.acknowledge(None, "nurse-7", watched.now))
    watched.show(30, 0.05)
    worse = watched.show(60, 0.95)
    assert [t.phase for t in of(worse, Code.PAIN_SUSTAINED)][:2] == [Phase.START, Phase.ESCALATE]
    assert all(t.signal is Signal.ON for t in of(worse, Code.PAIN_SUSTAINED))


def test_the_burden_of_one_infant_is_not_that_of_the_next(watch):
    watched = watch(rate=2.0)
    bouts(watched, 8, 16, 900)
    assert [t for t in watched.monitor.active() if t.code is Code.ALARM_BURDEN_HIGH]
    watched.note(watched.monitor.admit("nurse-7", watched.now))
    assert watched.monitor.active() == ()
    assert not of(bouts(watched, 8, 16, 240), Code.ALARM_BURDEN_HIGH)


DAYS = st.lists(
    st.tuples(st.floats(1.0, 40.0), st.floats(1.0, 120.0), st.integers(1, 25)),
    min_size=1,
    max_size=3,
)


@pytest.mark.timeout(600)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(day=DAYS)
def test_however_an_infant_cries_records_are_few_and_nothing_first_is_hidden(watch, day):
    """Random bouts: few records a minute and an hour, one start an episode, and each bout in some record."""
    watched = watch(AlarmSettings(bouts_per_hour=4), 2.0)
    watched.show(30, 0.05)
    for pain, rest, times in day:
        for _ in range(times):
            watched.show(pain, 0.95)
            watched.show(rest, 0.05)
    watched.show(120, 0.05)
    changed = watched.transitions
    times = sorted(t.determined_seconds for t in changed)
    assert most_within(times, MINUTE) <= 14
    # Two codes: four bouts before the burden is high; then at most five records of each a minute.
    assert most_within(times, HOUR) <= 4 * 10 + 60 * 5
    for code in (Code.PAIN_SIGN, Code.PAIN_SUSTAINED):
        records = of(changed, code)
        for alert_id in {t.alert_id for t in records}:
            mine = [t for t in records if t.alert_id == alert_id]
            assert mine[0].phase is Phase.START
            assert mine[0].signal is Signal.ON
            assert mine[-1].bouts == len({bout.onset_seconds for t in mine for bout in t.recent_bouts})
    if any(pain >= 15 for pain, _, _ in day):
        assert of(changed, Code.PAIN_SIGN), "long bouts are declared"
