"""A pain alarm ends by a person, or by seconds of usable, low scores of the face that raised it, and by nothing else.

What ends it is counted here once more, from frames and the level shown: time between two frames that both certainly
show that face, with a low level after them and nothing reported that casts doubt on the picture.
"""

import itertools
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.config import AlarmSettings
from monitor.pain import CONDITIONS, BedAlarms, Code, Kind, Phase, Sample, Source, Visibility
from monitor.pain.hold_timers import HoldTimer, HoldTimers
from monitor.pain.level_filter import LevelSegment

pytestmark = pytest.mark.timeout(600)

QUICK = AlarmSettings(
    hold_seconds=1.0, clear_seconds=3.0, merge_seconds=20.0, level_tau_seconds=2.0, face_lost_after_seconds=12.0
)
STEP_SECONDS = 0.25
LONGEST_FOLLOWED_SECONDS = 2.4
LONGEST_BRIDGED_SECONDS = 3.0
"""A frame speaks for a second before and after it, and a second more is bridged."""
CALM, PAINED = 0.02, 0.98
DOUBTS = [code for code, row in CONDITIONS.items() if row.casts_doubt and row.source in {Source.FRAMES, Source.REPORT}]

# What the frames of a stretch show in turn, over and over; None: time passes without a frame.
SIGHTS = st.lists(
    st.one_of(
        st.tuples(st.just(Visibility.USABLE), st.just(CALM), st.just(1)),
        st.tuples(st.just(Visibility.USABLE), st.sampled_from([CALM, PAINED]), st.sampled_from([1, 1, 1, 2, None])),
        st.tuples(st.just(Visibility.AMBIGUOUS), st.sampled_from([CALM, None]), st.just(1)),
        st.tuples(st.sampled_from([Visibility.NO_FACE, Visibility.POOR, Visibility.COVERED]), st.none(), st.just(1)),
        st.none(),
    ),
    min_size=1,
    max_size=4,
)
STRETCHES = st.tuples(st.just("show"), st.integers(1, 80), SIGHTS)
EVENTS = st.one_of(
    STRETCHES,
    STRETCHES,
    st.tuples(st.just("report"), st.sampled_from(DOUBTS), st.booleans()),
    st.tuples(st.just("restart"), st.booleans(), st.sampled_from([0.0, 0.5, 30.0])),
    st.tuples(st.just("pause")),
)
CALM_USABLE = (Visibility.USABLE, CALM, 1)
CALM_AMBIGUOUS = (Visibility.AMBIGUOUS, CALM, 1)
PAINED_USABLE = (Visibility.USABLE, PAINED, 1)


class Watch:
    """Plays a story to a bed whose alarm is on, and counts apart what may end it."""

    def __init__(self):
        self.ids = (f"alert-{number}" for number in itertools.count())
        self.bed = BedAlarms(QUICK, lambda: next(self.ids))
        self.now, self.calm_seconds = 0.0, 0.0
        self.seen_seconds = self.scored_seconds = 0.0
        self.is_its_face = self.was_certain = False
        self.doubts = set()
        self.show(20, [CALM_USABLE])
        self.show(32, [PAINED_USABLE])
        assert self.alarms(), "pain raises it"
        self.is_its_face, self.calm_seconds = True, 0.0

    def alarms(self):
        return {item.alert_id for item in self.bed.active() if item.code is Code.PAIN_SIGN and item.condition_present}

    def show(self, steps, sights):
        for sight in itertools.islice(itertools.cycle(sights), steps):
            self.now += STEP_SECONDS
            if sight is None:
                self.check(self.bed.tick(self.now).transitions)
            else:
                update = self.bed.observe(Sample(self.now, sight[1], sight[0], sight[2]))
                self.count(*sight, update.observation.level)
                self.check(update.transitions)

    def count(self, visibility, score, face, level):
        if face != 1 or self.now - self.seen_seconds > LONGEST_FOLLOWED_SECONDS:
            self.is_its_face = False
        self.seen_seconds = self.now
        if self.doubts:
            self.calm_seconds = 0.0
        if score is None:
            return  # what is missed for a moment is bridged
        is_certain = visibility is Visibility.USABLE
        seconds = min(self.now - self.scored_seconds, LONGEST_BRIDGED_SECONDS)
        if is_certain and self.was_certain and not self.doubts:
            self.calm_seconds += seconds
        if level is None or level > QUICK.off_level:
            self.calm_seconds = 0.0
        self.scored_seconds, self.was_certain = self.now, is_certain

    def check(self, transitions):
        for item in transitions:
            if item.kind is Kind.PHYSIOLOGICAL and item.phase is Phase.END:
                assert self.is_its_face, "no face that was not followed without a break ends it"
                assert self.calm_seconds >= QUICK.clear_seconds - 1e-6, "only seconds of calm end it"

    def report(self, code, present):
        (self.doubts.add if present else self.doubts.discard)(code)
        self.check(self.bed.report(code, present, self.now))

    def restart(self, is_killed, away_seconds):
        """Go on from the snapshot; after a real restart nobody has followed a face meanwhile."""
        before, state = self.alarms(), json.loads(json.dumps(self.bed.snapshot()))
        self.bed = BedAlarms(QUICK, lambda: next(self.ids))
        self.now += away_seconds
        self.bed.restore(state, self.now, away_seconds)
        self.check(self.bed.tick(self.now).transitions)
        assert self.alarms() == before, "what was on is on"
        if is_killed:
            self.bed.lose_face()
            self.is_its_face = False

    def pause(self):
        self.check(self.bed.pause("nurse-7", self.now))


@settings(max_examples=150, deadline=None)
@example(story=[("show", 80, [CALM_USABLE, CALM_AMBIGUOUS])])
@example(story=[("show", 80, [CALM_USABLE, CALM_USABLE, CALM_AMBIGUOUS])])
@example(story=[("show", 80, [CALM_USABLE, None, None, None, None, None, None, None, None, None])])
@example(story=[("show", 15, [CALM_USABLE]), ("show", 12, [CALM_AMBIGUOUS, CALM_USABLE])])
@example(story=[("show", 18, [CALM_USABLE]), ("show", 12, [CALM_AMBIGUOUS, CALM_USABLE])])
@example(story=[("show", 15, [CALM_USABLE]), ("restart", True, 0.0), ("show", 80, [CALM_USABLE])])
@example(story=[("show", 15, [CALM_USABLE]), ("restart", False, 30.0), ("show", 80, [CALM_USABLE])])
@given(story=st.lists(EVENTS, max_size=8))
def test_only_seconds_of_usable_low_scores_of_its_own_face_end_an_alarm(story):
    watch = Watch()
    for what, *rest in story:
        if not watch.alarms():
            return
        getattr(watch, what)(*rest)


def segment(seconds, *, is_certain=True, below=()):
    return LevelSegment(0.0, seconds, seconds, (), below, 0.0, 0.0, is_certain)


def test_time_beyond_a_threshold_counts_without_a_break_only():
    timer = HoldTimer()
    assert timer.extend(segment(3.0), ((0.0, 1.0), (2.0, 3.0)), 1.5) is None
    assert (timer.onset_seconds, timer.lasted_seconds) == (2.0, 1.0)
    assert timer.extend(segment(1.0), ((0.0, 0.4),), 1.5) is None
    assert timer.lasted_seconds == 0.0
    assert timer.extend(segment(2.0), ((0.0, 2.0),), 1.5) == (0.0, 1.5)


def test_a_face_that_may_be_somebody_elses_adds_nothing_to_relief_and_takes_it_where_the_level_rises():
    timers = HoldTimers()
    calm = ((0.0, 2.0),)
    assert timers.relief_proof(segment(2.0, below=calm), 3.0) is None
    assert timers.relief_proof(segment(2.0, below=calm, is_certain=False), 3.0) is None
    assert timers.relief.lasted_seconds == 2.0
    assert timers.relief_proof(segment(2.0, below=((0.0, 1.0),), is_certain=False), 3.0) is None
    assert timers.relief.lasted_seconds == 0.0
