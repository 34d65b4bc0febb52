import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config import AlarmSettings
from monitor.pain import Code, Phase, Signal, StationAlarms


def test_a_condition_is_declared_after_its_delay_and_over_after_its_clearing(station):
    assert station.report(Code.PUBLISHER_BACKLOG, present=True, time_seconds=100.0) == ()
    assert station.tick(109.0) == ()
    (start,) = station.tick(110.5)
    assert (start.phase, start.onset_seconds, start.determined_seconds) == (Phase.START, 100.0, 110.0)
    assert station.report(Code.PUBLISHER_BACKLOG, present=False, time_seconds=120.0) == ()
    (end,) = station.tick(126.0)
    assert (end.phase, end.determined_seconds, end.alert_id) == (Phase.END, 125.0, start.alert_id)


def test_a_short_trouble_is_no_alarm(station):
    station.report(Code.PUBLISHER_BACKLOG, present=True, time_seconds=100.0)
    station.report(Code.PUBLISHER_BACKLOG, present=False, time_seconds=108.0)
    assert station.tick(200.0) == ()


def test_flicker_does_not_begin_the_delay_anew(station):
    changes = []
    for number in range(60):
        changes += station.report(Code.CLOCK_UNSYNCHRONISED, present=number % 4 != 3, time_seconds=number * 0.9)
    assert [t.phase for t in changes] == [Phase.START]


def test_the_reporters_own_words_are_passed_on(station):
    (start,) = station.report(Code.DISK_LOW, present=True, time_seconds=0.0, detail="12 MB are left on /var.")
    assert start.detail == "12 MB are left on /var."
    assert start.remedy


def unwatched(station, at, *beds):
    words = f"No station watches {', '.join(beds)}." if beds else ""
    return station.report(Code.BED_UNWATCHED, bool(beds), at, words, subjects=beds)


def test_beds_that_are_unwatched_too_are_signalled_again_although_the_first_was_acknowledged(station):
    """The story: a nurse had seen that nobody watched one bed; eleven more were never said."""
    (start,) = unwatched(station, 0.0, "bed-1")
    station.acknowledge(start.alert_id, "nurse-7", 5.0)
    more = [f"bed-{number}" for number in range(1, 13)]
    (worse,) = unwatched(station, 6.0, *more)
    assert (worse.alert_id, worse.phase, worse.signal) == (start.alert_id, Phase.ESCALATE, Signal.ON)
    assert (worse.acknowledged_by, worse.determined_seconds) == (None, 6.0)
    assert all(bed in worse.detail for bed in more)
    assert [unwatched(station, 6.0 + tick / 5, *more) for tick in range(3000)] == [()] * 3000, "said once"


def test_a_bed_that_is_watched_again_is_no_news_and_is_said_within_a_minute(station):
    (start,) = unwatched(station, 0.0, "bed-1", "bed-2")
    station.acknowledge(start.alert_id, "nurse-7", 5.0)
    assert unwatched(station, 6.0, "bed-2") == ()
    assert unwatched(station, 7.0, "bed-2", "bed-1") == (), "it was acknowledged with the other"
    assert unwatched(station, 64.0, "bed-2") == ()
    (fewer,) = unwatched(station, 65.0, "bed-2")
    assert (fewer.phase, fewer.signal, fewer.detail) == (Phase.UPDATE, Signal.ACKNOWLEDGED, "No station watches bed-2.")
    (again,) = unwatched(station, 66.0, "bed-1", "bed-2")
    assert (again.phase, again.signal) == (Phase.ESCALATE, Signal.ON)


def test_a_pause_does_not_cover_beds_that_were_watched_when_it_was_given(station):
    unwatched(station, 0.0, "bed-1")
    station.pause("nurse-7", 1.0, 300.0)
    unwatched(station, 2.0)
    assert [(t.phase, t.signal) for t in unwatched(station, 10.0, "bed-1")] == [
        (Phase.END, Signal.OFF),
        (Phase.START, Signal.ACKNOWLEDGED),
    ]
    unwatched(station, 20.0)
    assert [(t.phase, t.signal) for t in unwatched(station, 30.0, "bed-2")] == [
        (Phase.END, Signal.OFF),
        (Phase.START, Signal.ON),
    ]
    assert station.paused_codes() == ()


def test_another_sentence_is_recorded_at_most_once_a_minute_and_mere_numbers_once_in_ten(station):
    records = []
    for tick in range(18_000):  # an hour
        at = tick / 5
        words = "It is slow" if at % 2 else "Connection refused"
        records += station.report(Code.DISK_LOW, True, at, f"{words}: {tick} alerts wait.")  # noqa: FBT003 - present
    assert [t.phase for t in records] == [Phase.START] + [Phase.UPDATE] * 59
    counted = []
    for tick in range(18_000):
        at = 4000.0 + tick / 5
        counted += station.report(Code.SELF_CHECK_FAILED, True, at, f"{tick / 3:.1f} s late.")  # noqa: FBT003 - present
    late = [t.determined_seconds for t in counted if t.code is Code.SELF_CHECK_FAILED]
    assert late == [4000.0 + 600.0 * number for number in range(6)]


def test_what_is_seen_of_trouble_in_the_end_is_said(station):
    station.report(Code.DISK_LOW, True, 0.0, "Only 150 MB are free.")  # noqa: FBT003 - present
    (update,) = station.report(Code.DISK_LOW, True, 61.0, "3 alerts were dropped.")  # noqa: FBT003 - present
    assert (update.phase, update.signal, update.detail) == (Phase.UPDATE, Signal.ON, "3 alerts were dropped.")


SEEN = st.lists(
    st.one_of(
        st.frozensets(st.sampled_from(["bed-1", "bed-2", "bed-3", "bed-12"])),
        st.just("acknowledge"),
        st.just("pause"),
        st.just("restart"),
    ),
    max_size=40,
)


def beds_of(alert):
    return set(alert.detail.removeprefix("No station watches ").removesuffix(".").split(", "))


@settings(max_examples=200, deadline=None)
@given(story=SEEN, step=st.sampled_from([0.5, 3.0, 30.0]))
def test_nobody_has_acknowledged_a_bed_that_no_record_had_named_by_then(story, step):
    numbers = itertools.count(1)
    station, at, named, seen = (StationAlarms(AlarmSettings(), lambda: f"alert-{next(numbers)}"), 0.0, set(), set())
    for what in story:
        at += step
        if what == "acknowledge":
            station.acknowledge(None, "nurse-7", at)
        elif what == "pause":
            station.pause("nurse-7", at, 300.0)
        elif what == "restart":
            saved = json.loads(json.dumps(station.snapshot()))
            station = StationAlarms(AlarmSettings(), lambda: f"alert-{next(numbers)}")
            station.restore(saved, at)
        else:
            named = set(what)
            unwatched(station, at, *sorted(what))
        for alert in station.active():
            said = beds_of(alert)
            seen = said if what in {"acknowledge", "pause"} else seen & said
            assert named <= said, "nobody is told"
            assert alert.signal is Signal.ON or named <= seen, "nobody is called"


def test_each_technical_trouble_has_its_own_id(station):
    ids = []
    for begin in (0.0, 30.0):
        ids += [t.alert_id for t in station.report(Code.DISK_LOW, present=True, time_seconds=begin)]
        station.report(Code.DISK_LOW, present=False, time_seconds=begin + 5.0)
        station.tick(begin + 20.0)
    assert len(set(ids)) == len(ids) == 2


def test_a_restart_keeps_what_is_on(station):
    (start,) = station.report(Code.SELF_CHECK_FAILED, present=True, time_seconds=5.0)
    state = json.loads(json.dumps(station.snapshot(), allow_nan=False))
    again = StationAlarms(AlarmSettings(), lambda: "never used")
    again.restore(state, time_seconds=90_000.0, away_seconds=12.0)
    (active,) = again.active()
    assert (active.alert_id, active.onset_seconds) == (start.alert_id, pytest.approx(89_988.0))
    again.report(Code.SELF_CHECK_FAILED, present=False, time_seconds=90_001.0)
    (end,) = again.tick(90_010.0)
    assert (end.alert_id, end.phase) == (start.alert_id, Phase.END)


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({}, "schema None"),
        ({"schema": "nicu-alarm-state/9", "memory": {}}, "schema 'nicu-alarm-state/9'"),
        ({"schema": "nicu-alarm-state/1"}, "damaged"),
        ({"schema": "nicu-alarm-state/1", "memory": {"board": {}, "now_seconds": "soon"}}, "damaged at now_seconds"),
        ({"schema": "nicu-alarm-state/1", "memory": {"board": {"alarms": {"gas": {}}}}}, "damaged at board.alarms"),
        ({"schema": "nicu-alarm-state/1", "memory": {"now_seconds": float("nan")}}, "damaged"),
        ({"schema": "nicu-alarm-state/1", "memory": {"extra": 1}}, "damaged at extra"),
    ],
)
def test_a_damaged_state_is_refused_and_changes_nothing(station, state, sentence):
    station.report(Code.DISK_LOW, present=True, time_seconds=0.0)
    with pytest.raises(ValueError, match=sentence):
        station.restore(state, 10.0)
    assert [t.code for t in station.active()] == [Code.DISK_LOW]
