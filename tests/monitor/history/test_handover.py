"""What a shift leaves to the next: episodes, minutes with signs, minutes not seen, who answered after how long."""

from datetime import timedelta

import pytest
from recorded_board import EPOCH

from monitor.history.handover import bed_handover
from monitor.pain.vocabulary import Code


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
        recorded.record(recorded.alarms.withdraw(alert.alert_id, recorded.clock.monotonic()))
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
