"""Admit, discharge and stand-by: nothing of one infant passes to the next, and a bed that is not watched says so.

The stories: the next infant's calm face ended the alarm of the one before, and an empty bed alarmed for hours.
"""

import json
import math

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from monitor.config import AlarmSettings
from monitor.pain import Code, Kind, Occupancy, Phase, Signal, Validity, Visibility


def of(transitions, code):
    return [t for t in transitions if t.code is code]


def in_pain(watched):
    watched.show(20, 0.05)
    watched.show(40, 0.95)
    assert watched.monitor.active()


def act(watched, name, *arguments, **more):
    watched.now += 0.1
    return watched.note(getattr(watched.monitor, name)("nurse-7", watched.now, *arguments, **more))


def test_a_bed_counts_as_occupied_until_somebody_says_otherwise(watched):
    assert watched.monitor.occupancy.state is Occupancy.OCCUPIED
    watched.show(20, 0.05)
    assert watched.observation.occupancy is Occupancy.OCCUPIED


def test_a_discharge_ends_every_alarm_with_who_and_why_and_says_that_the_bed_is_empty(watched):
    in_pain(watched)
    watched.note(
        watched.monitor.report(Code.CAMERA_LOST, present=True, time_seconds=watched.now, since_seconds=watched.now - 5)
    )
    changed = act(watched, "discharge")
    ended = [t for t in changed if t.code is not Code.BED_EMPTY]
    assert {t.code for t in ended} == {Code.PAIN_SIGN, Code.PAIN_SUSTAINED, Code.CAMERA_LOST}
    for end in ended:
        assert (end.phase, end.signal, end.validity) == (Phase.END, Signal.OFF, Validity.QUESTIONABLE)
        assert (end.acknowledged_by, end.acknowledged_seconds) == ("nurse-7", watched.now)
        assert end.detail == "nurse-7 discharged the infant; the bed is empty."
    (empty,) = of(changed, Code.BED_EMPTY)
    assert (empty.phase, empty.signal, empty.kind) == (Phase.START, Signal.ACKNOWLEDGED, Kind.TECHNICAL)
    assert empty.acknowledged_by == "nurse-7"
    assert watched.monitor.active() == (empty,)


def test_an_empty_bed_raises_no_alarm_for_a_day_and_has_no_level(watched):
    act(watched, "discharge")
    for _ in range(24):
        watched.note(
            watched.monitor.report(
                Code.CAMERA_LOST, present=True, time_seconds=watched.now, since_seconds=watched.now - 60
            )
        )
        watched.note(watched.monitor.report(Code.PICTURE_DARK, present=True, time_seconds=watched.now))
        assert watched.show(30) + watched.show(30, 0.95) + watched.wait(3540, 60.0) == []
        assert (watched.observation.level, watched.observation.validity) == (None, Validity.INVALID)
        assert watched.observation.occupancy is Occupancy.EMPTY
    (empty,) = watched.monitor.active()
    assert empty.signal is Signal.ACKNOWLEDGED
    assert act(watched, "discharge") == []


def test_a_camera_that_is_lost_beside_an_empty_bed_is_an_alarm_once_somebody_is_admitted(watched):
    act(watched, "discharge")
    watched.note(watched.monitor.report(Code.CAMERA_LOST, present=True, time_seconds=watched.now))
    assert watched.wait(60) == []
    act(watched, "admit")
    watched.note(watched.monitor.report(Code.CAMERA_LOST, present=True, time_seconds=watched.now))
    assert [t.code for t in watched.wait(6)] == [Code.CAMERA_LOST]


def test_an_admission_ends_the_alarms_of_the_infant_before_and_those_of_the_camera_go_on(watched):
    in_pain(watched)
    watched.show(40, 0.05)  # over, and latched
    watched.note(
        watched.monitor.report(Code.CAMERA_LOST, present=True, time_seconds=watched.now, since_seconds=watched.now - 5)
    )
    watched.note(watched.monitor.pause("nurse-3", watched.now))
    changed = act(watched, "admit", "infant-12")
    assert {(t.code, t.phase) for t in of(changed, Code.BED_EMPTY)} == {
        (Code.BED_EMPTY, Phase.START),
        (Code.BED_EMPTY, Phase.END),
    }
    assert all(t.acknowledged_by == "nurse-7" for t in of(changed, Code.BED_EMPTY))
    (camera,) = of(changed, Code.CAMERA_LOST)
    assert (camera.phase, camera.signal) == (Phase.UPDATE, Signal.ON), "a pause does not pass to the next infant"
    assert [t.code for t in watched.monitor.active()] == [Code.CAMERA_LOST]
    assert watched.monitor.paused_codes() == ()
    assert (watched.monitor.occupancy.infant, watched.monitor.occupancy.by) == ("infant-12", "nurse-7")


def test_pain_of_the_next_infant_is_a_new_alarm_although_it_comes_at_once(watched):
    in_pain(watched)
    before = {t.alert_id for t in watched.transitions}
    act(watched, "admit")
    assert watched.monitor.observation().level is None
    news = [t for t in watched.show(20, 0.95) if t.kind is Kind.PHYSIOLOGICAL]
    assert news[0].phase is Phase.START
    assert news[0].alert_id not in before
    assert news[0].bouts == 1
    assert news[0].onset_seconds > watched.monitor.occupancy.since_seconds


def test_a_picture_taken_before_the_admission_says_nothing_about_the_next_infant(watched):
    watched.show(20, 0.95)
    act(watched, "discharge")
    watched.now += 5
    act(watched, "admit")
    watched.now -= 1
    watched.show(0.8, 0.95)
    assert watched.monitor.observation().seconds_since_face is None


def test_a_stand_by_ends_at_its_time_and_says_who_why_and_for_how_long(watched):
    in_pain(watched)
    changed = act(watched, "standby", 600.0, reason="bath")
    assert {t.signal for t in changed if t.kind is Kind.PHYSIOLOGICAL} == {Signal.OFF}
    (standby,) = of(changed, Code.BED_STANDBY)
    assert standby.signal is Signal.ACKNOWLEDGED
    assert standby.detail == "On stand-by for 10 min, by nurse-7 (bath): pain is not watched."
    began = watched.now
    assert watched.show(590, 0.95) == []
    assert watched.observation.level is None
    assert watched.observation.occupancy is Occupancy.STANDBY
    (over,) = of(watched.show(20, 0.05), Code.BED_STANDBY)
    assert (over.phase, over.determined_seconds) == (Phase.END, began + 600.0)
    assert watched.observation.occupancy is Occupancy.OCCUPIED
    assert of(watched.show(20, 0.95), Code.PAIN_SIGN)


def test_a_stand_by_until_a_face_returns_waits_until_it_has_left_and_is_seen_steadily(watched):
    watched.show(20, 0.05)
    act(watched, "standby", until_face=True)
    assert watched.show(120, 0.05) == [], "the infant is still there"
    watched.show(30)
    assert watched.show(2, 0.05) == [], "somebody passes"
    watched.show(10)
    assert watched.show(10, None, Visibility.POOR) == []
    (over,) = watched.show(5, 0.05)
    assert (over.code, over.phase, over.detail) == (
        Code.BED_STANDBY,
        Phase.END,
        "The stand-by is over: a face has returned.",
    )
    watched.show(10, 0.05)
    assert watched.observation.validity is Validity.VALID


INTERVALS = st.sampled_from([0.25, 0.5, 1.0, 1.25, 2.0, 3.0, 5.5])
"""Of a camera of which every frame is analysed, and of one that sheds: key frames only."""


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(interval=INTERVALS, stays=st.floats(0.0, 30.0), away=st.floats(0.0, 60.0))
@example(interval=0.25, stays=1.0, away=60.0)
def test_a_stand_by_ends_by_a_face_however_rarely_frames_come(watch, interval, stays, away):
    slow = watch(rate=1 / interval)
    act(slow, "standby", until_face=True)
    shown = min(interval, 2.0)  # a frame speaks for a second before and after it, and no more
    assert slow.show(stays, 0.05) == []
    assert slow.show(max(away, (math.ceil(5.0 / shown) + 2) * interval)) == []
    # One frame more than that takes: three seconds of rounded times may be a little less.
    (over,) = slow.show((math.ceil(3.0 / shown) + 2) * interval, 0.05)
    assert (over.code, over.phase) == (Code.BED_STANDBY, Phase.END)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    interval=INTERVALS,
    parts=st.lists(st.tuples(st.sampled_from(["outage", "model fails", "face"]), st.floats(0.5, 60.0)), max_size=8),
)
def test_an_outage_is_not_a_face_that_left(watch, interval, parts):
    """The camera fails, the station starts again, a model gives no answer: the infant lies there all the time."""
    bed = watch(rate=1 / interval)
    act(bed, "standby", until_face=True)
    for what, seconds in parts:
        if what == "outage":
            bed.now += seconds
        else:
            bed.show(seconds, *((None, Visibility.NO_SCORE) if what == "model fails" else (0.05,)))
        bed.show(interval, 0.05)
    assert [t.phase for t in bed.transitions] == [Phase.START]
    assert bed.monitor.occupancy.state is Occupancy.STANDBY


def test_one_missed_frame_beside_an_outage_is_not_a_face_that_left(watched):
    act(watched, "standby", until_face=True)
    for _ in range(5):
        watched.show(4, 0.05)
        watched.show(0.4)
        watched.now += 20.0
        watched.show(0.4)
    watched.show(10, 0.05)
    assert [t.phase for t in watched.transitions] == [Phase.START]


@pytest.mark.parametrize(("away_seconds", "ends"), [(4.75, False), (5.0, True)])
def test_a_face_that_was_out_of_sight_for_less_than_five_seconds_has_not_left(watch, away_seconds, ends):
    cot = watch(rate=4.0)
    cot.note(cot.monitor.standby("nurse-7", cot.now, until_face=True))
    cot.show(away_seconds + 0.25)  # from the first frame without a face to the last
    assert bool(cot.show(10, 0.05)) == ends


@pytest.mark.parametrize(("missed_seconds", "ends"), [(1.0, True), (1.5, True), (1.75, False)])
def test_a_face_that_returns_is_missed_for_a_moment_and_no_longer(watch, missed_seconds, ends):
    cot = watch(rate=4.0)
    cot.note(cot.monitor.standby("nurse-7", cot.now, until_face=True))
    cot.show(10)
    cot.show(2, 0.05)
    cot.show(missed_seconds - 0.25)  # from the last frame with a face to the next
    assert bool(cot.show(0.5, 0.05)) == ends, "three seconds after the first sight"
    assert bool(cot.show(3, 0.05)) != ends


def test_where_frames_come_every_three_seconds_two_of_them_count(watch):
    cot = watch(rate=1 / 3)
    cot.note(cot.monitor.standby("nurse-7", cot.now, until_face=True))
    cot.show(12)
    assert cot.show(6, 0.05) == [], "two frames are two seconds"
    assert cot.show(3, 0.05), "three are four"


def test_a_face_that_is_not_waited_for_ends_no_stand_by(watched):
    act(watched, "standby", 600.0)
    watched.show(30)
    assert watched.show(300, 0.05) == []


def test_a_camera_that_is_lost_during_a_stand_by_is_an_alarm_and_a_dark_cot_is_none(watched):
    act(watched, "standby", 600.0)
    watched.note(watched.monitor.report(Code.PICTURE_DARK, present=True, time_seconds=watched.now))
    assert watched.show(30) == []
    watched.note(watched.monitor.report(Code.CAMERA_LOST, present=True, time_seconds=watched.now))
    assert [t.code for t in watched.wait(10)] == [Code.CAMERA_LOST]


@pytest.mark.parametrize("seconds", [0.0, -1.0, 14_400.5, float("nan"), float("inf")])
def test_a_stand_by_that_is_longer_than_allowed_is_refused_with_the_limit(watched, seconds):
    with pytest.raises(ValueError, match=r"at most 14400 s \(alarms.standby_longest_seconds\), not"):
        act(watched, "standby", seconds)
    assert watched.monitor.occupancy.state is Occupancy.OCCUPIED


def test_a_stand_by_without_an_end_and_one_of_an_empty_bed_are_refused(watched):
    with pytest.raises(ValueError, match="say how long"):
        act(watched, "standby")
    act(watched, "discharge")
    with pytest.raises(ValueError, match="the bed is empty"):
        act(watched, "standby", 60.0)


def test_a_person_ends_a_stand_by_early(watched):
    act(watched, "standby", 600.0)
    (over,) = act(watched, "end_standby")
    assert (over.phase, over.acknowledged_by, over.detail) == (Phase.END, "nurse-7", "nurse-7 ended the stand-by.")
    assert act(watched, "end_standby") == []


def test_acknowledging_and_pausing_change_nothing_about_an_empty_bed(watched):
    act(watched, "discharge")
    assert watched.monitor.acknowledge(None, "nurse-3", watched.now) == ()
    assert watched.monitor.pause("nurse-3", watched.now) == ()
    assert watched.monitor.paused_codes() == ()
    assert watched.monitor.resume(watched.now) == ()
    with pytest.raises(ValueError, match="cannot be reported"):
        watched.monitor.report(Code.BED_EMPTY, present=False, time_seconds=watched.now)


@pytest.mark.parametrize(("name", "arguments"), [("discharge", ()), ("standby", (600.0,))])
def test_a_restart_keeps_the_occupancy_and_a_stand_by_goes_on_to_its_end(watch, name, arguments):
    first = watch()
    act(first, name, *arguments)
    state = json.loads(json.dumps(first.monitor.snapshot()))
    again = watch()
    again.now = 1_000.0
    again.monitor.restore(state, 1_000.0, 100.0)
    assert again.monitor.occupancy.state is first.monitor.occupancy.state
    assert again.monitor.occupancy.by == "nurse-7"
    assert again.show(60, 0.95) == []
    if name == "standby":
        (over,) = again.wait(450)
        assert over.determined_seconds == pytest.approx(1_000 + 500)


STORIES = st.lists(
    st.one_of(
        st.tuples(st.just("show"), st.floats(0.5, 40.0), st.sampled_from([0.02, 0.5, 0.98, None])),
        st.tuples(st.just("pause")),
        st.tuples(st.just("discharge")),
        st.tuples(st.just("standby")),
        st.tuples(st.just("camera"), st.booleans()),
    ),
    max_size=8,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=STORIES, after=st.lists(st.tuples(st.floats(0.5, 40.0), st.sampled_from([0.02, 0.5, 0.98])), max_size=6))
def test_after_an_admission_a_bed_behaves_like_one_that_was_never_used(watch, before, after):
    """Nothing passes over: the same frames lead to the same changes, whatever happened before."""
    quick = AlarmSettings(hold_seconds=1.0, clear_seconds=3.0, level_tau_seconds=2.0, face_lost_after_seconds=12.0)
    used, fresh = watch(quick, 4.0), watch(quick, 4.0)
    for what, *rest in before:
        if what == "show":
            used.show(*rest)
        elif what == "camera":
            used.note(used.monitor.report(Code.CAMERA_LOST, rest[0], used.now))
        elif what == "pause":
            used.note(used.monitor.pause("nurse-3", used.now))
        elif what == "discharge":
            act(used, "discharge")
        elif used.monitor.occupancy.state is not Occupancy.EMPTY:
            act(used, "standby", 1000.0)
    used.note(used.monitor.report(Code.CAMERA_LOST, present=False, time_seconds=used.now))
    act(used, "admit")

    def play(watched):
        watched.transitions.clear()
        for seconds, score in after:
            watched.show(seconds, score)
        return [
            (t.code, t.phase, t.signal, t.validity, t.bouts, t.needs_person, t.evidence) for t in watched.transitions
        ], watched.monitor.observation()

    used.now = fresh.now = float(int(used.now) + 1)
    (changed, seen), (expected, seen_fresh) = play(used), play(fresh)
    assert changed == expected
    assert (seen.level, seen.coverage, seen.on_share, seen.validity) == (
        seen_fresh.level,
        seen_fresh.coverage,
        seen_fresh.on_share,
        seen_fresh.validity,
    )
