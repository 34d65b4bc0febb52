"""What a shift leaves to the next: episodes, minutes with signs, minutes not seen, who answered after how long."""

import itertools
from datetime import timedelta

import pytest
from recorded_board import EPOCH

from monitor.config import AlarmSettings
from monitor.history.entries import AlertEntry
from monitor.history.handover import bed_handover, episodes_of
from monitor.pain.bed_alarms import BedAlarms
from monitor.pain.vocabulary import Code, Kind, Phase, Priority, Signal


def handover(recorded):
    recorded.recorder.write()
    until = recorded.now()
    recorded.clock.advance(10)
    return bed_handover(recorded.recorder, "bed-1", EPOCH + timedelta(seconds=1_000), until)


def test_a_sign_that_became_sustained_is_one_episode_that_somebody_answered(recorded):
    recorded.show(60, 0.05)
    recorded.show(40, 0.95)
    recorded.record(recorded.alarms.acknowledge(None, "nurse 7", recorded.clock.monotonic()))
    recorded.show(60, 0.05)
    found = handover(recorded)
    (episode,) = found.pain
    assert episode.code is Code.PAIN_SUSTAINED
    assert episode.acknowledged_by == "nurse 7"
    assert episode.answer_seconds == pytest.approx(34, abs=3)
    assert (episode.ended_at - episode.began_at).total_seconds() == pytest.approx(50, abs=12)
    assert found.signs_seconds == pytest.approx(46, abs=10)
    assert found.not_seen_seconds <= 6
    assert found.technical == ()


def test_an_acknowledgement_that_was_undone_is_none(recorded):
    recorded.show(30, 0.95)
    recorded.record(recorded.alarms.acknowledge(None, "nurse 7", recorded.clock.monotonic()))
    recorded.show(5, 0.95)
    for alert in recorded.alarms.active():
        recorded.record(recorded.alarms.withdraw(alert.alert_id, "nurse 7", recorded.clock.monotonic()))
    recorded.show(5, 0.95)
    (episode,) = handover(recorded).pain
    assert episode.acknowledged_by is None
    assert episode.ended_at is None


def test_two_episodes_apart_are_two(recorded):
    for _ in range(2):
        recorded.show(30, 0.95)
        recorded.record(recorded.alarms.acknowledge(None, "nurse 7", recorded.clock.monotonic()))
        recorded.show(600, 0.05)
    assert len(handover(recorded).pain) == 2


def test_time_out_of_sight_is_not_time_without_pain(recorded):
    recorded.show(60, 0.05)
    recorded.show(120, None)
    recorded.show(60, 0.05)
    found = handover(recorded)
    assert found.not_seen_seconds == pytest.approx(120, abs=30)
    assert found.pain == ()
    assert [one.code for one in found.technical] == [Code.FACE_NOT_VISIBLE]


def test_pain_that_went_out_of_sight_counts_as_both(recorded):
    recorded.show(30, 0.95)
    recorded.show(120, None)
    found = handover(recorded)
    assert found.signs_seconds > 100
    assert found.not_seen_seconds > 90


def test_an_empty_bed_is_neither_seen_nor_out_of_sight(recorded):
    recorded.show(30, 0.05)
    recorded.record(recorded.alarms.discharge("anna", recorded.clock.monotonic()))
    recorded.recorder.note("discharge", {"bed": "bed-1", "by": "anna", "changed": True})
    recorded.show(120, 0.05)
    found = handover(recorded)
    assert found.unwatched_seconds == pytest.approx(120, abs=10)
    assert found.not_seen_seconds <= 6
    assert [action.action for action in found.actions] == ["discharge"]
    assert found.technical == ()


def test_time_without_a_record_is_named(recorded):
    recorded.show(60, 0.05)
    recorded.clock.advance(3_600)
    recorded.show(60, 0.05)
    assert handover(recorded).unrecorded_seconds == pytest.approx(3_600, abs=30)


def test_pain_whose_end_was_never_recorded_is_over_where_the_next_begins_and_does_not_swallow_it(recorded):
    recorded.show(40, 0.95)
    assert {alert.code for alert in recorded.alarms.active()} == {Code.PAIN_SIGN, Code.PAIN_SUSTAINED}
    numbers = itertools.count()
    recorded.alarms = BedAlarms(AlarmSettings(), lambda: f"later-{next(numbers)}")  # as after a loss of its state
    recorded.show(300, 0.05)
    for _ in range(2):
        recorded.show(40, 0.95)
        recorded.record(recorded.alarms.acknowledge(None, "nurse 7", recorded.clock.monotonic()))
        recorded.show(600, 0.05)
    lost, *others = handover(recorded).pain
    assert lost.code is Code.PAIN_SUSTAINED
    assert lost.acknowledged_by is None
    assert timedelta(0) < others[0].began_at - lost.ended_at < timedelta(seconds=0.1)
    assert [(one.acknowledged_by, one.ended_at is None) for one in others] == [("nurse 7", False)] * 2


def test_pain_that_is_recorded_at_two_stations_at_once_goes_on_as_long_as_either_says_so(recorded):
    def entry(at, name, phase=Phase.UPDATE, **changes):
        fields = {"is_present": True, "signal": Signal.ON, "onset_seconds": at - 5.0, **changes}
        return AlertEntry(
            bed="bed-1", at_seconds=at, alert_id=name, code=Code.PAIN_SIGN, kind=Kind.PHYSIOLOGICAL, phase=phase,
            priority=Priority.LOW, bouts=1, by=None, acknowledged_seconds=None, detail="Seen.", **fields,
        )  # fmt: skip

    both = [entry(100.0, "a", Phase.START), entry(110.0, "b", Phase.START)]
    end = entry(150.0, "b", Phase.END, is_present=False, signal=Signal.OFF)
    (episode,) = episodes_of([*both, entry(120.0, "a", onset_seconds=95.0), end])
    assert episode.ended_at is None
    assert [one.ended_at is None for one in episodes_of([*both, end])] == [False, False]
