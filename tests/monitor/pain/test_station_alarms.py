import json

import pytest

from monitor.config import AlarmSettings
from monitor.pain import Code, Phase, StationAlarms


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
