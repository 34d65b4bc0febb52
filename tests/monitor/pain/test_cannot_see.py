"""A bed that cannot see says so within its delay, whatever comes and goes meanwhile.

The stories: a camera that failed for less than half a second twice a minute, a picture that was dark for a moment, a
station that could not keep up and a model on its second choice of an engine each kept a bed silent for hours.
"""

import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.config import AlarmSettings
from monitor.pain import CONDITIONS, BedAlarms, Code, Kind, Sample, Source, Visibility

SETTINGS = AlarmSettings(face_lost_after_seconds=12.0, covered_after_seconds=8.0)
STEP_SECONDS = 0.25
STORY_SECONDS = 120.0
REPORTABLE = [code for code, condition in CONDITIONS.items() if condition.source in {Source.FRAMES, Source.REPORT}]
DOUBTS = {code for code, row in CONDITIONS.items() if row.casts_doubt and row.kind is Kind.TECHNICAL}
STEPS = st.integers(1, 60).map(lambda number: number * STEP_SECONDS)

# What the frames of a story show in turn, over and over; None: no frames come.
SIGHTS = st.lists(st.tuples(st.sampled_from([None, *Visibility]), STEPS), min_size=1, max_size=3)
# What is reported to hold for so long, and then not for so long, over and over; each code by one reporter, as there is.
FLICKERS = st.lists(st.tuples(st.sampled_from(REPORTABLE), STEPS, STEPS), max_size=2, unique_by=lambda turn: turn[0])
NO_FACE = [(Visibility.NO_FACE, 1.0)]


def at(turns, seconds):
    """Return the one whose turn it is."""
    seconds %= sum(turn[-1] for turn in turns)
    for what, length in turns:
        if seconds < length:
            return what
        seconds -= length
    raise AssertionError


def silences(sights, flickers):
    """Yield (at once, altogether) for every step: for how long the bed has had no level and said nothing about it.

    At once: since something was last said. Altogether: since a level was last known.
    """
    numbers = itertools.count()
    bed = BedAlarms(SETTINGS, lambda: f"alert-{next(numbers)}")
    for number in range(80):
        bed.observe(Sample(number * STEP_SECONDS, 0.1, Visibility.USABLE))
    at_once = altogether = 0.0
    begin = 80 * STEP_SECONDS
    for number in range(int(STORY_SECONDS / STEP_SECONDS)):
        seconds = number * STEP_SECONDS
        now = begin + seconds
        was_said = is_said(bed)
        for code, on, off in flickers:
            bed.report(code, at([(True, on), (False, off)], seconds), now)
        sight = at(sights, seconds)
        if sight is None:
            bed.tick(now)
        else:
            bed.observe(Sample(now, 0.1 if sight in {Visibility.USABLE, Visibility.AMBIGUOUS} else None, sight))
        step = 0.0 if was_said or is_said(bed) else STEP_SECONDS
        at_once = at_once + step if step else 0.0
        altogether += step
        if bed.observation().level is not None:
            at_once = altogether = 0.0
        yield at_once, altogether


def is_said(bed):
    return any(alert.code in DOUBTS and alert.condition_present for alert in bed.active())


@settings(max_examples=150, deadline=None)
@example(sights=NO_FACE, flickers=[(Code.CAMERA_LOST, 0.5, 10.0)])
@example(sights=NO_FACE, flickers=[(Code.CAMERA_LOST, 5.0, 6.0)])  # declared for a second now and then
@example(sights=NO_FACE, flickers=[(Code.PICTURE_DARK, 1.0, 10.0)])
@example(sights=NO_FACE, flickers=[(Code.PICTURE_DARK, 4.75, 1.25)])  # never declared
@example(sights=NO_FACE, flickers=[(Code.OVERLOAD, 15.0, 0.25)])
@example(sights=[(Visibility.NO_SCORE, 2.0), (Visibility.NO_FACE, 4.0)], flickers=[])
@example(sights=[(Visibility.COVERED, 9.0), (Visibility.NO_FACE, 2.5)], flickers=[])
@example(sights=[(Visibility.USABLE, 2.25), (Visibility.NO_FACE, 13.0)], flickers=[])  # lost and back, and never known
@given(sights=SIGHTS, flickers=FLICKERS)
def test_a_bed_without_a_level_says_so_within_its_delay_whatever_comes_and_goes(sights, flickers):
    delay = SETTINGS.face_lost_after_seconds
    for at_once, altogether in silences(sights, flickers):
        assert at_once <= delay
        # Before a level is known again the count starts again twice at most: after an alert that says why no face is
        # seen, and after a face that was back for two seconds.
        assert altogether <= 3 * delay


def test_a_face_that_is_gone_is_said_although_the_station_runs_on_its_reserve_engine(watched):
    """Reported for days, while every frame is analysed: it explains nothing about a face."""
    watched.note(watched.monitor.report(Code.MODEL_DEGRADED, present=True, time_seconds=watched.now))
    watched.show(20, 0.1)
    watched.note(watched.monitor.report(Code.OVERLOAD, present=True, time_seconds=watched.now))
    changed = watched.show(60)
    (lost,) = [alert for alert in changed if alert.code is Code.FACE_NOT_VISIBLE]
    assert lost.determined_seconds == pytest.approx(20.0 + watched.settings.face_lost_after_seconds)


def test_what_hides_the_face_stops_the_count_and_does_not_begin_it_again(watched):
    watched.show(20, 0.1)
    watched.show(20)
    watched.note(
        watched.monitor.report(
            Code.CAMERA_LOST, present=True, time_seconds=watched.now, since_seconds=watched.now - 4.0
        )
    )
    assert [alert.code for alert in watched.wait(100) if alert.code is Code.FACE_NOT_VISIBLE] == []
    watched.note(watched.monitor.report(Code.CAMERA_LOST, present=False, time_seconds=watched.now))
    (lost,) = watched.show(30)
    assert lost.code is Code.FACE_NOT_VISIBLE
    # Of the 30 s, 20 had passed before; of the loss, only its delay of 4 s was without an alert.
    assert lost.determined_seconds == pytest.approx(140.0 + 10.0)


def pain_is_on(watched):
    return any(item.kind is Kind.PHYSIOLOGICAL and item.condition_present for item in watched.monitor.active())


def test_calm_from_before_a_time_of_which_nothing_is_known_does_not_help_to_end_a_pain_alarm(watched):
    watched.show(20, 0.05)
    watched.show(12, 0.95)
    watched.show(12, 0.05)  # calm, and not yet for the 10 s that end it
    watched.show(6)
    assert watched.observation.level is None
    watched.show(9.5, 0.05)
    assert pain_is_on(watched)
    watched.show(1, 0.05)
    assert not pain_is_on(watched)


def test_pain_from_before_a_time_of_which_nothing_is_known_does_not_help_to_raise_an_alarm(watched):
    watched.show(20, 0.05)
    watched.show(7, 0.95)  # a high level, and not yet for the 3 s that raise it
    watched.show(6)
    assert watched.observation.level is None
    watched.show(2.5, 0.95)
    assert watched.observation.level > 0.6
    assert not pain_is_on(watched)
    watched.show(1, 0.95)
    assert pain_is_on(watched)
