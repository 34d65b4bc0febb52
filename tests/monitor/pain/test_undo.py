"""What was said of a bed by mistake is taken back within seconds: no alarm is lost, and nobody else's word undone."""

import itertools
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.config import AlarmSettings
from monitor.pain import Code, Kind, Occupancy, Phase, Sample, Signal, Validity, Visibility
from monitor.pain.bed_alarms import BedAlarms
from monitor.pain.occupancy import BedStatement
from monitor.pain.procedure import ProcedureKind

ARGUMENTS = {
    BedStatement.ADMIT: ("infant-12",),
    BedStatement.DISCHARGE: (),
    BedStatement.STANDBY: (600.0,),
    BedStatement.RESUME: (),
    BedStatement.PROCEDURE: (ProcedureKind.HEEL_LANCE,),
}
CALLS = {BedStatement.RESUME: "end_standby", BedStatement.PROCEDURE: "begin_procedure"}


def say(watched, statement, *arguments, by="nurse-7"):
    watched.now += 0.1
    call = getattr(watched.monitor, CALLS.get(statement, statement.value))
    return watched.note(call(by, watched.now, *(arguments or ARGUMENTS[statement])))


def undo(watched, statement, by="nurse-7"):
    watched.now += 0.1
    return watched.note(watched.monitor.undo(statement, by, watched.now))


def signalled(watched):
    return {(item.code, item.alert_id, item.signal) for item in watched.monitor.active()}


@pytest.mark.parametrize("statement", [BedStatement.ADMIT, BedStatement.DISCHARGE, BedStatement.STANDBY])
def test_pain_that_was_ended_by_mistake_is_signalled_again_as_the_same_alert_until_a_person_has_seen_it(
    watched, statement
):
    watched.show(20, 0.05)
    watched.show(40, 0.95)
    before = signalled(watched)
    assert {code for code, _, _ in before} == {Code.PAIN_SIGN, Code.PAIN_SUSTAINED}
    say(watched, statement)
    watched.wait(8)
    changed = undo(watched, statement)
    assert signalled(watched) == before
    returned = [item for item in changed if item.kind is Kind.PHYSIOLOGICAL]
    for item in returned:
        assert (item.phase, item.condition_present, item.bouts) == (Phase.UPDATE, True, 1)
        assert (item.validity, item.needs_person) == (Validity.QUESTIONABLE, True), "nobody followed the face meanwhile"
        assert item.detail == "nurse-7 took back what had ended this alert."
    watched.show(120, 0.05)
    assert signalled(watched) == before, "a calm face that nobody followed ends nothing"
    watched.note(watched.monitor.acknowledge(None, "nurse-3", watched.now))
    assert signalled(watched) == set()


def test_a_latched_alarm_and_an_acknowledged_one_come_back_as_they_were(watched):
    watched.show(20, 0.05)
    watched.show(40, 0.95)
    watched.show(60, 0.05)
    assert {signal for _, _, signal in signalled(watched)} == {Signal.LATCHED}
    watched.note(
        watched.monitor.report(Code.CAMERA_LOST, present=True, time_seconds=watched.now, since_seconds=watched.now - 9)
    )
    watched.note(watched.monitor.acknowledge("camera_lost", "nurse-3", watched.now))
    before = signalled(watched)
    assert (Signal.ACKNOWLEDGED in {signal for _, _, signal in before}, len(before)) == (True, 3)
    say(watched, BedStatement.DISCHARGE)
    undo(watched, BedStatement.DISCHARGE)
    assert signalled(watched) == before
    watched.note(watched.monitor.report(Code.CAMERA_LOST, present=False, time_seconds=watched.now))
    assert Code.CAMERA_LOST not in {item.code for item in watched.monitor.active() if watched.wait(30) is not None}


@pytest.mark.parametrize("first", [None, BedStatement.DISCHARGE, BedStatement.STANDBY])
@pytest.mark.parametrize("then", list(BedStatement))
def test_the_bed_is_again_what_it_was(watched, first, then):
    if first is not None:
        say(watched, first, by="nurse-1")
    was = watched.monitor.occupancy
    try:
        say(watched, then)
    except ValueError:
        return  # an empty bed takes no stand-by and no procedure
    if watched.monitor.occupancy == was and then is not BedStatement.PROCEDURE:
        with pytest.raises(ValueError, match="too late"):
            undo(watched, then)
        return
    undo(watched, then)
    assert watched.monitor.occupancy == was
    marks = {Occupancy.EMPTY: {Code.BED_EMPTY}, Occupancy.STANDBY: {Code.BED_STANDBY}, Occupancy.OCCUPIED: set()}
    assert {item.code for item in watched.monitor.active()} == marks[was.state]
    with pytest.raises(ValueError, match="too late"):
        undo(watched, then)


def test_a_stand_by_that_goes_on_after_an_undo_ends_at_its_own_time(watched):
    say(watched, BedStatement.STANDBY, 60.0)
    until = watched.monitor.occupancy.until_seconds
    say(watched, BedStatement.RESUME, by="nurse-8")
    undo(watched, BedStatement.RESUME, by="nurse-8")
    over = [item for item in watched.wait(70) if item.code is Code.BED_STANDBY]
    assert [(item.phase, item.determined_seconds) for item in over] == [(Phase.END, until)]


def test_the_procedure_before_goes_on_and_one_that_was_the_first_is_over(watched):
    say(watched, BedStatement.PROCEDURE, ProcedureKind.SUCTIONING, by="nurse-1")
    say(watched, BedStatement.PROCEDURE, ProcedureKind.HEEL_LANCE)
    undo(watched, BedStatement.PROCEDURE)
    (on,) = watched.monitor.active()
    assert on.detail.startswith("Suctioning, by nurse-1:")


def test_it_is_too_late_after_15_s_and_for_anybody_but_who_has_said_the_newest_word(watched):
    say(watched, BedStatement.DISCHARGE)
    with pytest.raises(ValueError, match="too late"):
        undo(watched, BedStatement.DISCHARGE, by="nurse-8")
    with pytest.raises(ValueError, match="too late"):
        undo(watched, BedStatement.ADMIT)
    say(watched, BedStatement.ADMIT, by="nurse-8")
    with pytest.raises(ValueError, match="too late"):
        undo(watched, BedStatement.DISCHARGE)
    assert watched.monitor.occupancy.by == "nurse-8"
    watched.wait(16)
    with pytest.raises(ValueError, match="too late"):
        undo(watched, BedStatement.ADMIT, by="nurse-8")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    story=st.lists(st.tuples(st.floats(0.5, 30.0), st.sampled_from([0.02, 0.5, 0.98, None])), max_size=5),
    statement=st.sampled_from([BedStatement.ADMIT, BedStatement.DISCHARGE, BedStatement.STANDBY]),
    waits=st.floats(0.0, 14.0),
)
def test_whatever_was_signalled_before_a_mistake_is_signalled_after_it(watch, story, statement, waits):
    quick = AlarmSettings(hold_seconds=1.0, clear_seconds=3.0, level_tau_seconds=2.0, face_lost_after_seconds=12.0)
    watched = watch(quick, 4.0)
    for seconds, score in story:
        watched.show(seconds, score)
    watched.wait(0.5)
    before = {item.code: item.alert_id for item in watched.monitor.active()}
    call = getattr(watched.monitor, statement.value)
    watched.note(call("nurse-7", watched.now, *ARGUMENTS[statement]))
    said = watched.now
    watched.wait(waits)
    undo(watched, statement)
    after = {item.code: item for item in watched.monitor.active()}
    assert before.keys() <= after.keys()
    for code, alert_id in before.items():
        # What had begun again by then stays, as the alert that it is.
        assert after[code].alert_id == alert_id or after[code].onset_seconds >= said


def restarted(watched, away_seconds, *, origin_seconds=50_000.0):
    """Go on in a new process: another origin of time, and only what JSON can hold."""
    saved = json.loads(json.dumps(watched.monitor.snapshot()))
    numbers = itertools.count(1_000)
    watched.monitor = BedAlarms(watched.settings, lambda: f"later-{next(numbers)}")
    watched.now = origin_seconds + away_seconds
    watched.monitor.restore(saved, watched.now, away_seconds)
    return saved


@pytest.mark.parametrize("first", [None, BedStatement.STANDBY])
@pytest.mark.parametrize("then", list(BedStatement))
def test_it_can_be_taken_back_after_a_restart_within_its_seconds(watched, first, then):
    watched.show(20, 0.05)
    watched.show(40, 0.95)
    if first is not None:
        say(watched, first, by="nurse-1")
    elif then is BedStatement.RESUME:
        return
    was, before = watched.monitor.occupancy, signalled(watched)
    say(watched, then)
    watched.wait(2)
    at = watched.monitor.now_seconds
    saved = restarted(watched, 6.0)
    undo(watched, then)
    after, marks = signalled(watched), {Code.BED_STANDBY, Code.BED_EMPTY, Code.PROCEDURE}
    assert {(code, signal) for code, _, signal in after} == {(code, signal) for code, _, signal in before}
    assert {one for one in after if one[0] not in marks} == {one for one in before if one[0] not in marks}
    found, moved = watched.monitor.occupancy, was.shifted(50_000.0 - at)
    assert (found.state, found.by, found.infant, found.reason) == (moved.state, moved.by, moved.infant, moved.reason)
    assert found.until_seconds == (None if moved.until_seconds is None else pytest.approx(moved.until_seconds))
    assert "said" in saved
    assert "said" not in watched.monitor.snapshot(), "what was taken back is taken back once"
    with pytest.raises(ValueError, match="too late"):
        undo(watched, then)


@pytest.mark.parametrize("away_seconds", [15.5, 3_600.0])
def test_a_long_restart_leaves_nothing_to_take_back(watched, away_seconds):
    say(watched, BedStatement.DISCHARGE)
    restarted(watched, away_seconds)
    with pytest.raises(ValueError, match="too late"):
        undo(watched, BedStatement.DISCHARGE)
    assert watched.monitor.occupancy.state is Occupancy.EMPTY


def test_what_is_too_old_to_be_taken_back_is_not_stored(watched):
    say(watched, BedStatement.DISCHARGE)
    watched.wait(16)
    assert "said" not in watched.monitor.snapshot()


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: "text",
        lambda said: {**said, "at_seconds": "soon"},
        lambda said: {**said, "at_seconds": float("nan")},
        lambda said: {**said, "before": {}},
        lambda said: {**said, "more": 1},
        lambda _: None,
    ],
)
def test_a_damaged_word_is_forgotten_and_the_rest_goes_on(watched, damage):
    say(watched, BedStatement.DISCHARGE)
    saved = watched.monitor.snapshot()
    watched.monitor.restore({**saved, "said": damage(saved["said"])}, watched.now)
    assert watched.monitor.occupancy.state is Occupancy.EMPTY
    with pytest.raises(ValueError, match="too late"):
        undo(watched, BedStatement.DISCHARGE)


def test_a_word_that_was_said_to_an_earlier_version_which_knew_fewer_conditions_is_taken_back(watched):
    say(watched, BedStatement.DISCHARGE)
    saved = watched.monitor.snapshot()
    del saved["said"]["before"]["board"]["alarms"][Code.NO_LIFE_SEEN]
    watched.monitor.restore(saved, watched.now)
    undo(watched, BedStatement.DISCHARGE)
    assert watched.monitor.occupancy.state is Occupancy.OCCUPIED


class Camera:
    """Reports, a few times a second, whether a bed's camera is lost, while its frames come or do not."""

    def __init__(self, watched):
        self.watched = watched
        self.lost_since = None

    def live(self, seconds, *, lost=False, score=0.05):
        """Return what changed of the camera's alert."""
        if lost != (self.lost_since is not None):
            self.lost_since = self.watched.now if lost else None
        changed = []
        for _ in range(round(seconds * 5)):
            self.watched.now += 0.2
            now = self.watched.now
            changed += self.watched.monitor.report(Code.CAMERA_LOST, lost, now, "", self.lost_since)
            changed += self.watched.monitor.tick(now).transitions
            if not lost:
                changed += self.watched.monitor.observe(Sample(now, score, Visibility.USABLE)).transitions
        return [(item.phase, item.alert_id) for item in changed if item.code is Code.CAMERA_LOST]


def test_a_camera_that_fails_after_an_admission_by_mistake_has_one_alert(watched):
    camera = Camera(watched)
    camera.live(10)
    camera.live(6, lost=True)  # once before
    camera.live(10)
    say(watched, BedStatement.ADMIT)
    ((phase, alert_id),) = camera.live(6, lost=True)
    assert phase is Phase.START
    changed = undo(watched, BedStatement.ADMIT)
    assert Code.CAMERA_LOST not in {item.code for item in changed}
    assert camera.live(6, lost=True) == []
    assert camera.live(1) == [(Phase.END, alert_id)]


def test_a_camera_that_came_back_before_an_admission_was_taken_back_is_not_lost_again(watched):
    camera = Camera(watched)
    camera.live(10)
    camera.live(6, lost=True)
    say(watched, BedStatement.ADMIT)
    assert [phase for phase, _ in camera.live(6)] == [Phase.END]
    assert Code.CAMERA_LOST not in {item.code for item in undo(watched, BedStatement.ADMIT)}
    assert camera.live(6) == []


def test_a_pause_that_an_admission_by_mistake_had_ended_silences_again_what_it_silenced(watched):
    camera = Camera(watched)
    camera.live(10)
    ((_, alert_id),) = camera.live(6, lost=True)
    watched.monitor.pause("nurse-3", watched.now, 300.0)
    until = watched.monitor.pause_in_force().until_seconds
    say(watched, BedStatement.ADMIT)
    assert (Code.CAMERA_LOST, alert_id, Signal.ON) in signalled(watched)
    camera.live(3, lost=True)
    undo(watched, BedStatement.ADMIT)
    assert signalled(watched) == {(Code.CAMERA_LOST, alert_id, Signal.ACKNOWLEDGED)}
    (paused,) = watched.monitor.active()
    assert (paused.acknowledged_by, watched.monitor.pause_in_force().until_seconds) == ("nurse-3", until)
    camera.live(300, lost=True)
    assert (Code.CAMERA_LOST, alert_id, Signal.ON) in signalled(watched), "the pause is over at its time"


def test_what_began_since_an_admission_that_is_taken_back_goes_on_as_one_alert(watched):
    watched.show(10, 0.05)
    watched.show(8, 0.05, Visibility.AMBIGUOUS)
    watched.show(10, 0.05)
    say(watched, BedStatement.ADMIT)
    (start,) = watched.show(8, 0.05, Visibility.AMBIGUOUS)
    undo(watched, BedStatement.ADMIT)
    assert watched.show(10, 0.05, Visibility.AMBIGUOUS) == []
    assert [(item.phase, item.alert_id) for item in watched.show(5, 0.05)] == [(Phase.END, start.alert_id)]


EQUIPMENT = [Code.CAMERA_LOST, Code.PICTURE_FROZEN]
HAPPENINGS = st.one_of(
    st.tuples(st.just("see"), st.sampled_from(EQUIPMENT), st.booleans()),
    st.tuples(st.just("live"), st.floats(0.2, 12.0)),
    st.tuples(st.sampled_from(["acknowledge", "pause"])),
)


class Equipment:
    """A bed whose equipment is reported on five times a second."""

    def __init__(self, watched):
        self.watched = watched
        self.held = dict.fromkeys(EQUIPMENT, False)

    def see(self, code, present):
        self.held[code] = present

    def live(self, seconds):
        for _ in range(round(seconds * 5)):
            self.watched.now += 0.2
            for code, present in self.held.items():
                self.watched.note(self.watched.monitor.report(code, present, self.watched.now))

    def acknowledge(self):
        self.watched.note(self.watched.monitor.acknowledge(None, "nurse-3", self.watched.now))

    def pause(self):
        self.watched.note(self.watched.monitor.pause("nurse-3", self.watched.now))

    def play(self, story):
        for what, *rest in story:
            getattr(self, what)(*rest)

    def trouble(self):
        """Return what is signalled, and every alert that there was."""
        on = {(item.code, item.onset_seconds, item.signal) for item in self.watched.monitor.active()}
        starts = [item.code for item in self.watched.transitions if item.phase is Phase.START]
        return {item for item in on if item[0] in EQUIPMENT}, [code for code in starts if code in EQUIPMENT]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.lists(HAPPENINGS, max_size=8),
    during=st.lists(st.one_of(HAPPENINGS, st.just(("live", 5.0))), max_size=2),
    statement=st.sampled_from([BedStatement.ADMIT, BedStatement.STANDBY, BedStatement.RESUME]),
)
def test_a_word_that_does_not_concern_the_camera_and_its_undo_change_no_alert_of_the_camera(
    watch, before, during, statement
):
    one, other = Equipment(watch()), Equipment(watch())
    for bed in (one, other):
        if statement is BedStatement.RESUME:
            say(bed.watched, BedStatement.STANDBY)
        bed.play(before)
    call = getattr(one.watched.monitor, CALLS.get(statement, statement.value))
    one.watched.note(call("nurse-7", one.watched.now, *ARGUMENTS[statement]))
    said = one.watched.now
    during = [(what, *rest) for what, *rest in during if what in {"see", "live"}]
    for bed in (one, other):
        bed.play(during)
    if one.watched.now - said > 15.0:
        return
    one.watched.note(one.watched.monitor.undo(statement, "nurse-7", one.watched.now))
    for bed in (one, other):
        bed.live(9.0)
    assert one.trouble() == other.trouble()
