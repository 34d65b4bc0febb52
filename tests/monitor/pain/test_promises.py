"""What holds for every sequence of frames, pauses, reports and people."""

import itertools
import json
from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.config import AlarmSettings
from monitor.pain import (
    CONDITIONS,
    BedAlarms,
    Code,
    Kind,
    Occupancy,
    Phase,
    Priority,
    Sample,
    Signal,
    Source,
    Validity,
    Visibility,
)
from monitor.pain.undoable_statement import UNDO_WITHIN_SECONDS

pytestmark = pytest.mark.timeout(600)  # a busy machine must not be taken for a broken promise

REPORTABLE = [code for code, condition in CONDITIONS.items() if condition.source in {Source.FRAMES, Source.REPORT}]
SETTINGS = AlarmSettings(
    hold_seconds=1.0,
    clear_seconds=3.0,
    merge_seconds=20.0,
    level_tau_seconds=2.0,
    face_lost_after_seconds=12.0,
    acknowledge_expires_seconds=40.0,
)
"""Shorter than the defaults, so that a short story meets every rule."""

EIGHTHS = st.integers(0, 80).map(lambda number: number / 8)
FRAMES = st.tuples(
    st.just("show"),
    st.floats(0.3, 25.0),
    st.sampled_from([2.0, 4.0, 16.0]),
    st.one_of(
        st.tuples(st.just(Visibility.USABLE), st.sampled_from([0.02, 0.3, 0.5, 0.7, 0.98])),
        st.tuples(st.just(Visibility.AMBIGUOUS), st.sampled_from([0.02, 0.98, None])),
        st.tuples(st.sampled_from([Visibility.NO_FACE, Visibility.POOR, Visibility.NO_SCORE]), st.none()),
    ),
)
WAITS = st.tuples(st.just("wait"), st.floats(0.1, 40.0))
REPORTS = st.tuples(
    st.just("report"),
    st.sampled_from(REPORTABLE),
    st.booleans(),
    EIGHTHS,
    st.sampled_from(["", "It is 3 s late.", "It is 4 s late.", "It is away."]),
    st.sampled_from([(), ("one",), ("one", "other")]),
)
PAUSES = st.one_of(st.tuples(st.just("pause"), st.sampled_from([5.0, 30.0])), st.tuples(st.just("resume")))
PEOPLE = st.one_of(
    st.tuples(st.just("acknowledge"), st.sampled_from([None, "pain_sign", "pain_sustained", "alert-1"])),
    st.tuples(st.just("withdraw"), st.sampled_from(["alert-1", "alert-2"])),
    PAUSES,
    st.tuples(st.sampled_from(["admit", "discharge"])),
    st.tuples(st.just("standby"), st.sampled_from([5.0, 30.0, None])),
    st.tuples(st.just("end_standby")),
)
STORIES = st.lists(st.one_of(FRAMES, FRAMES, FRAMES, WAITS, REPORTS, PEOPLE), min_size=1, max_size=14)
LOSSES = st.lists(
    st.one_of(
        WAITS,
        st.tuples(
            st.just("show"),
            st.floats(0.3, 60.0),
            st.sampled_from([2.0, 4.0, 16.0]),
            st.one_of(
                st.tuples(st.sampled_from([Visibility.NO_FACE, Visibility.POOR, Visibility.NO_SCORE]), st.none()),
                st.tuples(st.just(Visibility.AMBIGUOUS), st.sampled_from([0.0, 0.5, None])),
                st.tuples(st.just(Visibility.USABLE), st.sampled_from([0.5, 0.9])),
            ),
        ),
        REPORTS,
        PAUSES,
    ),
    max_size=12,
)


@dataclass
class Teller:
    """Plays a story to a monitor and notes what it answers.

    All times are whole 32nds of a second, which floats add up exactly: whether a delay of 5 s is over after 5 s must
    not depend on how a test rounds.
    """

    monitor: BedAlarms
    now: float = 0.0

    def play(self, story):
        """Yield (observation or None, transitions) for every call."""
        for what, *rest in story:
            yield from getattr(self, what)(*rest)

    def show(self, seconds, rate, seen):
        visibility, score = seen
        for _ in range(max(1, int(seconds * rate))):
            self.now += 1 / rate
            step = self.monitor.observe(Sample(self.now, score, visibility))
            yield step.observation, step.transitions

    def wait(self, seconds):
        for _ in range(max(1, int(seconds / 0.75))):
            self.now += 0.75
            step = self.monitor.tick(self.now)
            yield step.observation, step.transitions

    def report(self, code, present, before, detail="", subjects=()):
        since = self.now - before
        yield None, self.monitor.report(code, present, self.now, detail, since_seconds=since, subjects=subjects)

    def acknowledge(self, target):
        yield None, self.monitor.acknowledge(target, "nurse-7", self.now)

    def withdraw(self, alert_id):
        yield None, self.monitor.withdraw(alert_id, "nurse-7", self.now)

    def pause(self, seconds):
        yield None, self.monitor.pause("nurse-7", self.now, seconds)

    def resume(self):
        yield None, self.monitor.resume(self.now)

    def admit(self):
        yield None, self.monitor.admit("nurse-7", self.now)

    def discharge(self):
        yield None, self.monitor.discharge("nurse-7", self.now)

    def standby(self, seconds):
        if self.monitor.occupancy.state is not Occupancy.EMPTY:
            yield None, self.monitor.standby("nurse-7", self.now, seconds, until_face=seconds is None)

    def end_standby(self):
        yield None, self.monitor.end_standby("nurse-7", self.now)


def teller(alarm_settings=SETTINGS, first=1):
    numbers = itertools.count(first)
    return Teller(BedAlarms(alarm_settings, lambda: f"alert-{next(numbers)}"))


def check_records(records):
    """Check that the records of one alert id form a story with a beginning and a defined state at every time."""
    assert records[0].phase is Phase.START
    assert len({(r.code, r.kind, r.onset_seconds) for r in records}) == 1
    present = False
    for number, record in enumerate(records):
        if record.phase is Phase.START:
            assert number == 0
            assert record.condition_present
        elif record.phase is Phase.ESCALATE:
            assert present
            assert record.condition_present
            assert record.signal is Signal.ON
        elif record.phase is Phase.END:
            assert present
            assert not record.condition_present
        elif present:
            assert record.condition_present
        elif record.condition_present:
            assert CONDITIONS[record.code].merges
        else:
            assert record.signal in {Signal.OFF, Signal.LATCHED}
        present = record.condition_present
        assert (record.signal in {Signal.ON, Signal.ACKNOWLEDGED}) == present
        assert (record.signal is Signal.ACKNOWLEDGED) <= (record.acknowledged_by is not None)
        assert record.onset_seconds <= record.determined_seconds
        assert record.detail
        assert record.remedy
        assert (record.evidence is not None) == (record.kind is Kind.PHYSIOLOGICAL)


@settings(max_examples=100, deadline=None)
@example(  # trouble that is over by the time its acknowledgement is taken back
    story=[
        ("report", Code.DISK_LOW, True, 0.0),
        ("acknowledge", None),
        ("report", Code.DISK_LOW, False, 0.0),
        ("wait", 12.0),
        ("withdraw", "alert-1"),
    ]
)
@given(story=STORIES)
def test_every_alert_is_well_formed(story):
    playing = teller()
    records = [t for _, transitions in playing.play(story) for t in transitions]
    by_id = {}
    for record in records:
        by_id.setdefault(record.alert_id, []).append(record)
    for alert in by_id.values():
        check_records(alert)
    times = [record.determined_seconds for record in records]
    assert times == sorted(times)
    assert not times or times[-1] <= playing.now
    for code in Code:
        last = {r.alert_id: r for r in records if r.code is code}
        assert sum(r.condition_present for r in last.values()) <= 1
        assert sum(r.signal is not Signal.OFF for r in last.values()) <= 1
    newest = {r.alert_id: r for r in records}
    assert {t.alert_id: t for t in playing.monitor.active()} == {
        i: r for i, r in newest.items() if r.signal is not Signal.OFF
    }
    sustained = {r.alert_id for r in records if r.code is Code.PAIN_SUSTAINED and r.condition_present}
    assert not sustained or any(r.code is Code.PAIN_SIGN for r in records)
    assert all(r.priority is not Priority.HIGH for r in records)
    assert all(r.kind is Kind.PHYSIOLOGICAL for r in records if r.signal is Signal.LATCHED)


@settings(max_examples=100, deadline=None)
@given(story=STORIES)
def test_what_cannot_be_determined_never_reads_as_no_pain(story):
    for observation, _ in teller().play(story):
        if observation is None:
            continue
        assert (observation.level is None) == (observation.validity is Validity.INVALID)
        assert (observation.display_level is None) == (observation.level is None)
        if observation.level is not None:
            assert observation.seconds_since_face <= SETTINGS.indeterminate_after_seconds
            assert observation.coverage >= SETTINGS.minimum_coverage


@settings(max_examples=100, deadline=None)
@example(  # somebody else's face lowers the level, and the patient's keeps it there for a while
    losses=[("show", 8.0, 2.0, (Visibility.AMBIGUOUS, 0.0)), ("show", 4.0, 4.0, (Visibility.USABLE, 0.5))]
)
@example(  # the same after so long without a face that nothing is left of the level before
    losses=[
        ("wait", 28.0),
        ("show", 14.0, 2.0, (Visibility.AMBIGUOUS, 0.0)),
        ("show", 4.0, 4.0, (Visibility.USABLE, 0.5)),
    ]
)
@given(losses=LOSSES)
def test_no_sequence_of_face_losses_ends_a_pain_alarm(losses):
    """Whatever is lost, covered, confused, frozen, paused or waited for: without a calm face or a person it goes on."""
    playing = teller()
    before = [("show", 5.0, 5.0, (Visibility.USABLE, 0.1)), ("show", 8.0, 5.0, (Visibility.USABLE, 0.98))]
    began = [t for _, transitions in playing.play(before) for t in transitions]
    pain = {t.alert_id for t in began if t.code is Code.PAIN_SIGN}
    assert len(pain) == 1
    for _, transitions in playing.play(losses):
        assert not [t for t in transitions if t.kind is Kind.PHYSIOLOGICAL and t.phase is Phase.END]
    assert pain == {t.alert_id for t in playing.monitor.active() if t.code is Code.PAIN_SIGN}


@settings(max_examples=100, deadline=None)
@example(  # calm and certain, then calm and ambiguous for so long that it is declared, then certain for a moment
    calm=[(Visibility.USABLE, 4.25, 4.0), (Visibility.AMBIGUOUS, 6.0, 4.0), (Visibility.USABLE, 5.0, 4.0)], flickers=[]
)
@given(
    calm=st.lists(
        st.tuples(
            st.sampled_from([Visibility.USABLE, Visibility.USABLE, *Visibility]),
            st.floats(0.3, 14.0),
            st.sampled_from([2.0, 4.0, 16.0]),
        ),
        max_size=8,
    ),
    flickers=st.lists(st.tuples(st.integers(0, 8), REPORTS), max_size=3),
)
def test_no_pain_alarm_ends_by_a_face_while_something_casts_doubt(calm, flickers):
    playing = teller()
    list(playing.play([("show", 5.0, 4.0, (Visibility.USABLE, 0.1)), ("show", 8.0, 4.0, (Visibility.USABLE, 0.98))]))
    assert playing.monitor.active()
    doubts = {code for code, condition in CONDITIONS.items() if condition.casts_doubt}
    present = {t.code for t in playing.monitor.active() if t.condition_present}
    for number, (seen, seconds, rate) in enumerate(calm):
        reports = [report for place, report in flickers if place == number]
        score = 0.02 if seen in {Visibility.USABLE, Visibility.AMBIGUOUS} else None
        for _, transitions in playing.play([*reports, ("show", seconds, rate, (seen, score))]):
            for changed in transitions:
                if changed.kind is Kind.PHYSIOLOGICAL and changed.phase is Phase.END:
                    assert not present & doubts
                present = present | {changed.code} if changed.condition_present else present - {changed.code}


@settings(max_examples=100, deadline=None)
@given(before=STORIES, after=STORIES)
def test_a_restart_goes_on_exactly(before, after):
    whole = teller()
    list(whole.play(before))
    state = json.loads(json.dumps(whole.monitor.snapshot(), allow_nan=False))
    ids = int(whole.monitor._new_id().removeprefix("alert-"))
    again = teller(first=ids + 1)
    again.now = whole.now
    again.monitor.restore(state, whole.monitor.snapshot()["memory"]["now_seconds"] or 0.0)
    assert again.monitor.active() == whole.monitor.active()
    assert list(again.play(after)) == list(whole.play(after))


@settings(max_examples=40, deadline=None)
@given(before=STORIES, after=STORIES, origin=st.integers(-1_000_000, 1_000_000))
def test_a_restart_survives_another_origin_of_time(before, after, origin):
    whole = teller()
    list(whole.play(before))
    now = whole.monitor.snapshot()["memory"]["now_seconds"]
    if now is None:
        return
    again = teller(first=int(whole.monitor._new_id().removeprefix("alert-")) + 1)
    again.monitor.restore(json.loads(json.dumps(whole.monitor.snapshot())), now + origin)
    again.now = whole.now + origin
    one = [t for _, transitions in whole.play(after) for t in transitions]
    other = [t for _, transitions in again.play(after) for t in transitions]
    assert [(t.alert_id, t.code, t.phase, t.signal) for t in other] == [
        (t.alert_id, t.code, t.phase, t.signal) for t in one
    ]
    assert [t.determined_seconds - origin for t in other] == pytest.approx(
        [t.determined_seconds for t in one], abs=1e-3
    )


@settings(max_examples=40, deadline=None)
@given(story=STORIES)
def test_the_log_of_inputs_replays_identically(story):
    assert list(teller().play(story)) == list(teller().play(story))


@settings(max_examples=40, deadline=None)
@given(before=STORIES, kind=st.sampled_from(REPORTABLE))
def test_a_pause_never_hides_a_new_kind_of_condition(before, kind):
    playing = teller()
    list(playing.play(before))
    if playing.monitor.occupancy.state is not Occupancy.OCCUPIED:
        list(playing.admit())
    list(playing.report(kind, present=False, before=0.0))
    list(playing.wait(40.0))
    list(playing.pause(30.0))
    if kind in playing.monitor.paused_codes():
        return
    began = [t for _, ts in (*playing.report(kind, present=True, before=40.0), *playing.wait(2.0)) for t in ts]
    began += [t for t in playing.monitor.active() if t.code is kind]
    assert all(t.signal is Signal.ON for t in began if t.code is kind)
    assert [t for t in began if t.code is kind]


def test_a_restored_memory_is_not_shared_with_the_snapshot():
    playing = teller()
    list(playing.show(30.0, 5.0, (Visibility.USABLE, 0.98)))
    state = playing.monitor.snapshot()
    text = json.dumps(state)
    list(playing.show(30.0, 5.0, (Visibility.USABLE, 0.02)))
    assert json.dumps(state) == text


@settings(max_examples=60, deadline=None)
@example(
    before=[
        ("show", 5.0, 4.0, (Visibility.USABLE, 0.02)),
        ("show", 20.0, 4.0, (Visibility.USABLE, 0.98)),
        ("acknowledge", "pain_sign"),
    ],
    after=[("wait", 3.0), ("show", 25.0, 4.0, (Visibility.USABLE, 0.02))],
    window=60.0,
)
@given(before=STORIES, after=LOSSES, window=st.sampled_from([10.0, 20.0, 60.0, 600.0]))
def test_a_start_with_another_window_forgets_nothing_but_the_level(before, after, window):
    """The story: the window was changed; the next start watched an empty bed, and ended pain that nobody had seen."""
    whole = teller()
    list(whole.play(before))
    state = json.loads(json.dumps(whole.monitor.snapshot()))
    again = teller(SETTINGS.model_copy(update={"window_seconds": window}), first=1_000)
    again.now = whole.monitor.now_seconds
    again.monitor.restore(state, again.now)
    assert again.monitor.active() == whole.monitor.active()
    assert again.monitor.occupancy == whole.monitor.occupancy
    said = whole.monitor.recent_statement
    if said is not None and again.now - said.at_seconds <= UNDO_WITHIN_SECONDS:
        assert again.monitor.recent_statement == said
    assert again.monitor.paused_codes() == whole.monitor.paused_codes()
    assert (again.monitor.observation().level, again.monitor.observation().coverage) == (None, 0.0)
    painful = {item.alert_id for item in again.monitor.active() if item.kind is Kind.PHYSIOLOGICAL}
    changed = [item for _, transitions in again.play(after) for item in transitions if item.alert_id in painful]
    assert not [item for item in changed if item.phase is Phase.END], "a person ends it"


def test_a_damaged_window_is_refused():
    playing = teller()
    list(playing.show(3.0, 5.0, (Visibility.USABLE, 0.5)))
    state = json.loads(json.dumps(playing.monitor.snapshot()))
    state["memory"]["level"]["covered"]["total"] += 1
    with pytest.raises(ValueError, match="a window that is damaged"):
        teller().monitor.restore(state, 0.0)
