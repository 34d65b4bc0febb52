"""Whose face ends an alarm: that of the infant that raised it, followed without a break, or a person.

The story: an infant in pain was covered by a blanket, and the calm face of a carer beside it ended the alarm.
"""

import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.config import AlarmSettings
from monitor.faces import face_identity
from monitor.pain import BedAlarms, Code, Kind, Occupancy, Phase, Sample, Signal, Validity, Visibility, bed_alarms

RATE = 4.0
QUICK = AlarmSettings(
    hold_seconds=1.0, clear_seconds=3.0, merge_seconds=20.0, level_tau_seconds=2.0, face_lost_after_seconds=12.0
)


class Bedside:
    """Shows faces to the alarm logic of one bed; a time without a face is a break in following it."""

    def __init__(self, alarm_settings=QUICK):
        numbers = itertools.count(1)
        self.alarms = BedAlarms(alarm_settings, lambda: f"alert-{next(numbers)}")
        self.now = 0.0

    def show(self, face, seconds, score=None, visibility=None):
        """Show a face (None: nobody's) for a while, and return what changed."""
        seen = visibility or (Visibility.NO_FACE if score is None else Visibility.USABLE)
        changed = []
        for _ in range(max(1, round(seconds * RATE))):
            self.now += 1 / RATE
            step = self.alarms.observe(Sample(self.now, score, seen, face))
            self.observation = step.observation
            changed += step.transitions
        return changed

    def in_pain(self, face, seconds=6.0):
        self.show(face, 5, 0.1)
        return self.show(face, seconds, 0.98)

    def acknowledge(self, target=None):
        return self.alarms.acknowledge(target, "nurse-7", self.now)


def ends(transitions):
    return [t for t in transitions if t.kind is Kind.PHYSIOLOGICAL and t.phase is Phase.END]


def pain_is_on(bed):
    return any(t.code is Code.PAIN_SIGN and t.condition_present for t in bed.alarms.active())


@pytest.fixture
def bed():
    return Bedside()


def test_the_face_that_raised_it_ends_it(bed):
    bed.in_pain(1)
    assert ends(bed.show(1, 20, 0.02))


@pytest.mark.parametrize("break_seconds", [0.0, 30.0])
def test_another_face_never_ends_it(bed, break_seconds):
    bed.in_pain(1)
    if break_seconds:
        bed.show(None, break_seconds)
    changed = bed.show(2, 3600, 0.02)
    assert not ends(changed)
    assert pain_is_on(bed)
    (newest,) = [t for t in bed.alarms.active() if t.code is Code.PAIN_SIGN]
    assert (newest.validity, newest.needs_person) == (Validity.QUESTIONABLE, True)
    assert "acknowledge" in newest.remedy
    assert bed.observation.validity is Validity.QUESTIONABLE


@settings(max_examples=40, deadline=None)
@example(steps=[2.4])
@given(steps=st.lists(st.floats(0.2, 2.4), min_size=1, max_size=6))
def test_a_face_that_is_followed_ends_it_however_rarely_frames_come(steps):
    """As long as a face may be out of sight and keep its name, frames may be apart."""
    bed, times = Bedside(), itertools.cycle(steps)
    changed = []
    for score in (0.05, 0.98, 0.02):
        until = bed.now + 60.0
        while bed.now < until:
            bed.now += next(times)
            changed += bed.alarms.observe(Sample(bed.now, score, Visibility.USABLE, 1)).transitions
    assert not any(t.needs_person for t in changed)
    assert {t.code for t in ends(changed)} == {Code.PAIN_SIGN, Code.PAIN_SUSTAINED}


def test_a_face_is_let_go_where_those_that_name_it_let_it_go_too():
    assert bed_alarms._FOLLOWED_SECONDS == face_identity._LONGEST_SECONDS


def test_an_identity_that_comes_back_is_not_believed(bed):
    bed.in_pain(1)
    bed.show(2, 1, 0.02)
    assert not ends(bed.show(1, 600, 0.02))


def test_another_face_may_escalate_it(bed):
    bed.in_pain(1, 3.0)
    changed = bed.show(2, 60, 0.98)
    assert {t.code for t in changed if t.phase is Phase.START} == {Code.PAIN_SUSTAINED}
    assert [t.code for t in changed if t.phase is Phase.ESCALATE] == [Code.PAIN_SUSTAINED]
    assert all(t.needs_person for t in changed if t.phase in {Phase.START, Phase.ESCALATE})
    assert not ends(bed.show(2, 600, 0.02))


def test_an_alarm_that_two_faces_raised_is_nobodys(bed):
    bed.show(1, 5, 0.1)
    bed.show(1, 1.6, 0.98)
    began = bed.show(2, 3, 0.98)
    assert [(t.phase, t.validity, t.needs_person) for t in began] == [(Phase.START, Validity.QUESTIONABLE, True)]
    assert not ends(bed.show(2, 600, 0.02))


def test_a_person_ends_it_and_the_level_starts_again(bed):
    bed.in_pain(1)
    bed.show(2, 5, 0.02)
    ended = bed.acknowledge()
    assert [(t.phase, t.signal, t.needs_person) for t in ended] == [
        (Phase.UPDATE, Signal.ACKNOWLEDGED, True),
        (Phase.END, Signal.OFF, False),
    ]
    observation = bed.alarms.observation()
    assert (observation.level, observation.coverage, observation.on_share) == (None, 0.0, None)
    assert observation.seconds_since_face is None
    assert bed.show(2, 60, 0.02) == []
    assert bed.observation.validity is Validity.VALID


def test_pain_that_goes_on_after_a_person_ended_it_is_the_same_episode_and_stays_acknowledged(bed):
    (start,) = bed.in_pain(1)
    bed.show(2, 2, 0.98)
    bed.acknowledge()
    back = bed.show(2, 3, 0.98)[0]
    assert (back.alert_id, back.phase, back.signal) == (start.alert_id, Phase.UPDATE, Signal.ACKNOWLEDGED)
    assert not back.needs_person
    assert ends(bed.show(2, 20, 0.02)), "the face that raised it again ends it"


def test_acknowledging_the_lesser_alarm_ends_neither(bed):
    bed.in_pain(1, 40)
    bed.show(2, 1, 0.5)
    assert not ends(bed.acknowledge("pain_sign"))
    assert [t.code for t in ends(bed.acknowledge("pain_sustained"))] == [Code.PAIN_SUSTAINED, Code.PAIN_SIGN]


def test_acknowledging_an_alarm_that_its_face_can_end_does_not_end_it(bed):
    bed.in_pain(1)
    assert not ends(bed.acknowledge())
    bed.show(2, 1, 0.98)
    assert not ends(bed.alarms.acknowledge("camera_lost", "nurse-7", bed.now))
    assert ends(bed.acknowledge())


def test_a_pause_ends_nothing(bed):
    bed.in_pain(1)
    bed.show(2, 1, 0.98)
    assert not ends(bed.alarms.pause("nurse-7", bed.now))
    assert pain_is_on(bed)


def test_frames_that_stop_coming_are_a_break(bed):
    bed.in_pain(1)
    bed.now += 2.5
    assert not ends(bed.show(1, 600, 0.02))


def test_a_face_missed_for_a_moment_is_still_followed(bed):
    bed.in_pain(1)
    bed.show(1, 1.0, None)
    assert ends(bed.show(1, 20, 0.02))


def test_after_a_restart_nobody_is_the_face_that_raised_it(bed):
    bed.in_pain(1)
    again = Bedside()
    again.alarms.restore(bed.alarms.snapshot(), 100.0)
    again.alarms.lose_face()
    again.now = 100.0
    assert not ends(again.show(1, 600, 0.02))
    assert ends(again.acknowledge())


FACES = st.sampled_from([1, 2, 3])
EVENTS = st.one_of(
    st.tuples(st.just("face"), FACES, st.floats(0.3, 30.0), st.sampled_from([0.02, 0.3, 0.98])),
    st.tuples(st.just("face"), FACES, st.floats(0.3, 30.0), st.sampled_from([0.02, 0.98])),
    st.tuples(st.just("carer"), FACES, st.floats(0.3, 20.0), st.sampled_from([0.02, 0.98, None])),
    st.tuples(st.just("cover"), st.floats(0.3, 40.0)),
    st.tuples(st.just("cover_mouth"), FACES, st.floats(0.3, 40.0)),
    st.tuples(st.sampled_from(["admit", "discharge"])),
    st.tuples(st.just("standby"), st.sampled_from([5.0, 30.0, None])),
    st.tuples(st.just("frozen"), st.booleans()),
    st.tuples(st.just("pause")),
)


class Story:
    """Plays who comes and goes, and checks at every change that the alarm ends by its own face alone."""

    def __init__(self):
        self.bed = Bedside()
        self.identities = itertools.count(100)
        self.person = self.followed = self.owner = None
        self.former_alerts, self.alerts = set(), set()

    def play(self, what, *rest):
        before = self.followed
        changes = getattr(self, what)(*rest)
        if what in {"admit", "discharge", "standby"}:
            self.occupancy_changed(changes)
            assert what == "standby" or not self.bed.alarms.paused_codes()
            return
        self.alerts |= {change.alert_id for change in changes if change.kind is Kind.PHYSIOLOGICAL}
        assert not self.alerts & self.former_alerts, "an alert of the infant before goes on"
        if self.owner is not None and self.followed != before:
            self.owner = "nobody"
        for change in changes:
            if change.code is Code.PAIN_SIGN and change.phase is Phase.END:
                assert self.owner == self.followed, "another face ended it"
                self.owner = None
            elif change.code is Code.PAIN_SIGN and change.condition_present and self.owner is None:
                assert self.bed.alarms.occupancy.state is Occupancy.OCCUPIED, "a bed that nobody watches alarms"
                self.owner = self.followed

    def occupancy_changed(self, changes):
        """Whatever was on is over, in a person's name, and no alert of before is heard of again."""
        for change in changes:
            if change.kind is Kind.PHYSIOLOGICAL:
                assert (change.condition_present, change.signal) == (False, Signal.OFF)
                assert change.acknowledged_by == "nurse-7"
        assert not [t for t in self.bed.alarms.active() if t.kind is Kind.PHYSIOLOGICAL]
        assert self.bed.alarms.observation().level is None
        self.former_alerts |= self.alerts
        self.alerts = set()
        self.followed = self.owner = None

    def admit(self):
        return self.bed.alarms.admit("nurse-7", self.bed.now)

    def discharge(self):
        return self.bed.alarms.discharge("nurse-7", self.bed.now)

    def standby(self, seconds):
        if self.bed.alarms.occupancy.state is Occupancy.EMPTY:
            return ()
        return self.bed.alarms.standby("nurse-7", self.bed.now, seconds, until_face=seconds is None)

    def cover_mouth(self, person, seconds):
        return self.face(person, seconds, None, Visibility.COVERED)

    def face(self, person, seconds, score, visibility=None):
        if person != self.person or self.followed is None:
            self.followed, self.person = next(self.identities), person
        return self.bed.show(self.followed, seconds, score, visibility)

    def carer(self, person, seconds, score):
        return self.face(person, seconds, score, Visibility.AMBIGUOUS)

    def cover(self, seconds):
        self.followed = None
        return self.bed.show(None, seconds)

    def frozen(self, present):
        return self.bed.alarms.report(Code.PICTURE_FROZEN, present, self.bed.now)

    def pause(self):
        return self.bed.alarms.pause("nurse-7", self.bed.now)


@settings(max_examples=80, deadline=None)
@given(story=st.lists(EVENTS, max_size=16))
def test_an_alarm_ends_only_by_the_face_that_raised_it_followed_without_a_break(story):
    playing = Story()
    for event in story:
        playing.play(*event)


@settings(max_examples=60, deadline=None)
@given(
    pain=st.floats(4.0, 40.0),
    misses=st.lists(st.tuples(st.floats(1.0, 5.0), st.floats(0.25, 1.0)), max_size=5),
)
def test_it_does_end_by_its_own_calm_face_followed_without_a_break(pain, misses):
    bed = Bedside()
    assert bed.in_pain(1, pain)
    for seen, missed in misses:
        bed.show(1, seen, 0.9)
        bed.show(1, missed, None)
    ended = ends(bed.show(1, 30, 0.02))
    assert {t.code for t in ended} >= {Code.PAIN_SIGN}
    assert not pain_is_on(bed)
