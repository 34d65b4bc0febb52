"""Who has seen an alert, for how long that counts, and what no acknowledgement or pause may hide."""

import math

import pytest

from monitor.pain import Code, Phase, Signal


def signals(transitions):
    return [(t.code, t.phase, t.signal) for t in transitions]


def in_pain(watched, seconds=12):
    watched.show(20, 0.1)
    return watched.show(seconds, 0.95)[0]


@pytest.mark.parametrize("by_code", [True, False])
def test_an_acknowledgement_is_recorded_and_changes_the_signal(watched, by_code):
    start = in_pain(watched)
    target = start.code.value if by_code else start.alert_id
    (update,) = watched.note(watched.monitor.acknowledge(target, "nurse-7", watched.now))
    assert (update.alert_id, update.phase, update.signal) == (start.alert_id, Phase.UPDATE, Signal.ACKNOWLEDGED)
    assert update.condition_present
    assert (update.acknowledged_by, update.acknowledged_seconds) == ("nurse-7", watched.now)


def test_the_end_of_an_acknowledged_alarm_is_not_latched(watched):
    in_pain(watched)
    watched.note(watched.monitor.acknowledge(None, "nurse-7", watched.now))
    (end,) = watched.show(40, 0.1)
    assert (end.phase, end.signal, end.acknowledged_by) == (Phase.END, Signal.OFF, "nurse-7")
    assert watched.monitor.active() == ()


def test_an_alarm_that_nobody_saw_stays_latched_until_somebody_does(watched):
    start = in_pain(watched)
    watched.show(4000, 0.1)
    (latched,) = watched.monitor.active()
    assert (latched.alert_id, latched.signal, latched.condition_present) == (start.alert_id, Signal.LATCHED, False)
    (silenced,) = watched.note(watched.monitor.acknowledge(latched.alert_id, "nurse-7", watched.now))
    assert (silenced.phase, silenced.signal, silenced.acknowledged_by) == (Phase.UPDATE, Signal.OFF, "nurse-7")
    assert watched.monitor.active() == ()


def test_an_acknowledgement_lapses_while_the_condition_still_holds(watched):
    in_pain(watched)
    watched.show(60, 0.95)
    at = watched.now
    watched.note(watched.monitor.acknowledge(None, "nurse-7", at))
    changed = watched.show(620, 0.95)
    assert signals(changed) == [
        (Code.PAIN_SIGN, Phase.UPDATE, Signal.ON),
        (Code.PAIN_SUSTAINED, Phase.UPDATE, Signal.ON),
    ]
    assert [t.determined_seconds for t in changed] == [pytest.approx(at + 600.0)] * 2
    assert [t.acknowledged_by for t in changed] == [None, None]


def test_an_acknowledgement_can_be_renewed(watched):
    in_pain(watched)
    watched.show(60, 0.95)
    watched.note(watched.monitor.acknowledge(None, "nurse-7", watched.now))
    watched.show(500, 0.95)
    watched.note(watched.monitor.acknowledge(None, "nurse-8", watched.now))
    assert watched.show(590, 0.95) == []
    assert len(watched.show(20, 0.95)) == 2


def test_worse_than_what_was_acknowledged_is_signalled_again(watched):
    in_pain(watched, 18)
    watched.note(watched.monitor.acknowledge(None, "nurse-7", watched.now))
    changed = watched.show(30, 0.95)
    assert (Code.PAIN_SUSTAINED, Phase.ESCALATE, Signal.ON) in signals(changed)
    assert all(t.code is not Code.PAIN_SIGN for t in changed)


def test_an_acknowledged_episode_that_goes_on_stays_acknowledged(watched):
    start = in_pain(watched)
    watched.note(watched.monitor.acknowledge(None, "nurse-7", watched.now))
    watched.show(40, 0.1)
    back = watched.show(12, 0.95)[0]
    assert (back.alert_id, back.phase, back.signal) == (start.alert_id, Phase.UPDATE, Signal.ACKNOWLEDGED)


def test_a_return_after_a_latched_alarm_was_silenced_is_news(watched):
    start = in_pain(watched)
    watched.show(40, 0.1)
    watched.note(watched.monitor.acknowledge(None, "nurse-7", watched.now))
    back = watched.show(12, 0.95)[0]
    assert (back.alert_id, back.signal, back.acknowledged_by) == (start.alert_id, Signal.ON, None)


def test_there_is_nothing_to_acknowledge_in_calm_or_under_another_name(watched):
    assert watched.monitor.acknowledge(None, "nurse-7", 0.0) == ()
    in_pain(watched)
    assert watched.monitor.acknowledge("alert-999", "nurse-7", watched.now) == ()
    assert watched.monitor.acknowledge(Code.CAMERA_LOST, "nurse-7", watched.now) == ()
    assert watched.monitor.acknowledge("", "nurse-7", watched.now) == ()


def test_a_pause_covers_what_is_on_and_what_returns_of_it(watched):
    in_pain(watched)
    (paused,) = watched.note(watched.monitor.pause("nurse-7", watched.now, 300.0))
    assert paused.signal is Signal.ACKNOWLEDGED
    watched.show(100, 0.1)
    start = watched.show(12, 0.95)[0]
    assert (start.phase, start.signal, start.acknowledged_by) == (Phase.START, Signal.ACKNOWLEDGED, "nurse-7")
    lapsed = watched.show(300, 0.95)
    assert (Code.PAIN_SIGN, Phase.UPDATE, Signal.ON) in signals(lapsed)


def test_a_pause_never_hides_another_kind_of_condition(watched):
    in_pain(watched)
    watched.note(watched.monitor.pause("nurse-7", watched.now))
    assert watched.monitor.paused_codes() == (Code.PAIN_SIGN,)
    sustained = watched.show(30, 0.95)
    assert (Code.PAIN_SUSTAINED, Phase.START, Signal.ON) in signals(sustained)
    lost = watched.note(
        watched.monitor.report(Code.CAMERA_LOST, present=True, time_seconds=watched.now, since_seconds=watched.now - 9)
    )
    assert (Code.CAMERA_LOST, Phase.START, Signal.ON) in signals(lost)


def test_a_pause_in_calm_covers_nothing(watched):
    watched.show(20, 0.1)
    assert watched.monitor.pause("nurse-7", watched.now) == ()
    assert watched.show(12, 0.95)[0].signal is Signal.ON


def test_resuming_signals_what_still_holds(watched):
    in_pain(watched)
    watched.note(watched.monitor.pause("nurse-7", watched.now, 300.0))
    pause = watched.monitor.pause_in_force()
    assert (pause.by, pause.until_seconds) == ("nurse-7", watched.now + 300.0)
    watched.show(1, 0.95)
    assert signals(watched.note(watched.monitor.resume(watched.now))) == [(Code.PAIN_SIGN, Phase.UPDATE, Signal.ON)]
    assert watched.monitor.paused_codes() == ()
    assert watched.monitor.pause_in_force() is None


def test_a_pause_of_the_longest_length_ends_in_time(watched):
    in_pain(watched)
    watched.show(60, 0.95)
    watched.note(watched.monitor.pause("nurse-7", watched.now, 600.0))
    assert watched.show(590, 0.95) == []
    assert len(watched.show(20, 0.95)) == 2


@pytest.mark.parametrize("duration", [0.0, -5.0, math.nan, 600.5, 1e9, math.inf])
def test_a_pause_that_is_longer_than_allowed_or_has_no_length_is_refused_and_not_clipped(watched, duration):
    """The story: 30 minutes were asked for, the station clipped them to 10 in silence."""
    in_pain(watched)
    with pytest.raises(ValueError, match=r"at most 600 s \(alarms.acknowledge_expires_seconds\), not"):
        watched.monitor.pause("nurse-7", watched.now, duration)
    assert watched.monitor.pause_in_force() is None


def test_technical_alarms_do_not_latch(watched):
    watched.show(5, 0.1)
    watched.note(watched.monitor.report(Code.DISK_LOW, present=True, time_seconds=watched.now))
    (active,) = watched.monitor.active()
    assert (active.code, active.signal) == (Code.DISK_LOW, Signal.ON)
    watched.note(watched.monitor.report(Code.DISK_LOW, present=False, time_seconds=watched.now))
    (end,) = watched.show(20, 0.1)
    assert (end.phase, end.signal) == (Phase.END, Signal.OFF)


def test_an_acknowledgement_by_mistake_is_withdrawn_and_the_alarm_signalled_again(watched):
    start = in_pain(watched)
    watched.note(watched.monitor.acknowledge(start.alert_id, "nurse-7", watched.now))
    watched.show(8, 0.95)
    (again,) = watched.note(watched.monitor.withdraw(start.alert_id, "nurse-7", watched.now))
    assert (again.alert_id, again.phase, again.signal) == (start.alert_id, Phase.UPDATE, Signal.ON)
    assert again.acknowledged_by is None
    assert watched.monitor.withdraw(start.alert_id, "nurse-7", watched.now) == ()


def test_a_latched_alarm_that_was_acknowledged_by_mistake_is_latched_again(watched):
    start = in_pain(watched)
    watched.show(100, 0.1)
    watched.note(watched.monitor.acknowledge(start.alert_id, "nurse-7", watched.now))
    assert watched.monitor.active() == ()
    (again,) = watched.note(watched.monitor.withdraw(start.alert_id, "nurse-7", watched.now + 10))
    assert (again.phase, again.signal, again.condition_present) == (Phase.UPDATE, Signal.LATCHED, False)
    assert watched.monitor.active() == (again,)


def test_an_acknowledgement_of_a_while_ago_stands(watched):
    start = in_pain(watched)
    watched.note(watched.monitor.acknowledge(start.alert_id, "nurse-7", watched.now))
    watched.show(16, 0.95)
    assert watched.monitor.withdraw(start.alert_id, "nurse-7", watched.now) == ()
    assert {t.signal for t in watched.monitor.active() if t.alert_id == start.alert_id} == {Signal.ACKNOWLEDGED}


def test_an_acknowledgement_can_be_withdrawn_after_a_restart_in_between(watched, watch):
    start = in_pain(watched)
    watched.note(watched.monitor.acknowledge(start.alert_id, "nurse-7", watched.now))
    other = watch()
    other.monitor.restore(watched.monitor.snapshot(), 5000.0, away_seconds=4.0)
    changed = [t for t in other.monitor.withdraw(start.alert_id, "nurse-7", 5005.0) if t.alert_id == start.alert_id]
    assert changed[-1].signal is Signal.ON


def test_an_acknowledgement_by_mistake_that_ended_pain_is_withdrawn_although_the_pain_is_back_by_then(watched):
    """The story: the wrong button ended an alarm that needed a person, the infant was in pain, and undo did nothing."""
    in_pain(watched, 40)
    watched.wait(3)  # nobody followed the face
    watched.show(3, 0.95)
    before = {item.alert_id for item in watched.monitor.active()}
    assert [item.needs_person for item in watched.monitor.active()] == [True, True]
    for alert_id in sorted(before):
        watched.note(watched.monitor.acknowledge(alert_id, "nurse-7", watched.now))
    assert watched.monitor.active() == ()
    watched.show(4.6, 0.95)
    assert [item.signal for item in watched.monitor.active()] == [Signal.ACKNOWLEDGED], "it came back, quietly"
    for alert_id in sorted(before):
        assert watched.note(watched.monitor.withdraw(alert_id, "nurse-7", watched.now)), alert_id
    assert {item.alert_id for item in watched.monitor.active()} == before
    assert {item.signal for item in watched.monitor.active()} == {Signal.ON, Signal.LATCHED}
    watched.show(30, 0.95)
    assert [item.signal for item in watched.monitor.active()] == [Signal.ON, Signal.ON]


def test_trouble_that_is_over_is_not_signalled_again_when_its_acknowledgement_is_withdrawn(watched):
    watched.show(5, 0.1)
    (start,) = watched.note(watched.monitor.report(Code.DISK_LOW, present=True, time_seconds=watched.now))
    watched.note(watched.monitor.acknowledge(start.alert_id, "nurse-7", watched.now))
    watched.note(watched.monitor.report(Code.DISK_LOW, present=False, time_seconds=watched.now))
    watched.show(11, 0.1)
    assert watched.monitor.withdraw(start.alert_id, "nurse-7", watched.now) == ()
    assert watched.monitor.active() == ()


def test_nobody_takes_back_the_acknowledgement_of_somebody_else(watched):
    """The story: anna undid hers twice, on two screens; the second time it was that of bert, given in between."""
    start = in_pain(watched)
    watched.note(watched.monitor.acknowledge(start.alert_id, "anna", watched.now))
    watched.note(watched.monitor.withdraw(start.alert_id, "anna", watched.now))
    watched.note(watched.monitor.acknowledge(start.alert_id, "bert", watched.now))
    assert watched.monitor.withdraw(start.alert_id, "anna", watched.now) == ()
    assert [(t.signal, t.acknowledged_by) for t in watched.monitor.active()] == [(Signal.ACKNOWLEDGED, "bert")]


def test_nobody_takes_back_somebody_else_s_acknowledgement_of_what_was_latched(watched):
    start = in_pain(watched)
    watched.show(100, 0.1)
    watched.note(watched.monitor.acknowledge(start.alert_id, "anna", watched.now))
    assert watched.monitor.withdraw(start.alert_id, "bert", watched.now + 1) == ()
    assert watched.monitor.active() == ()
    (again,) = watched.note(watched.monitor.withdraw(start.alert_id, "anna", watched.now + 2))
    assert again.signal is Signal.LATCHED
