"""What a bed says, in short stories."""

import math

import pytest

from monitor.config import AlarmSettings
from monitor.pain import BedAlarms, Code, Phase, Priority, Sample, Signal, Validity, Visibility
from monitor.pain.level_filter import FRAME_SPAN_SECONDS, LevelSegment


def changes_of(transitions):
    return [(t.code, t.phase) for t in transitions]


def of(transitions, code):
    return [t for t in transitions if t.code is code]


def test_pain_begins_after_its_hold_and_ends_after_its_clearing(watched):
    watched.show(20, 0.1)
    began = watched.show(10, 0.95)
    assert changes_of(began) == [(Code.PAIN_SIGN, Phase.START)]
    start = began[0]
    assert start.priority is Priority.LOW
    assert (start.signal, start.validity, start.condition_present) == (Signal.ON, Validity.VALID, True)
    assert start.determined_seconds - start.onset_seconds == pytest.approx(3.0)
    # From 0.1 towards 0.95 the level passes 0.6 after tau ln(0.85 / 0.35) = 4.44 s.
    assert start.onset_seconds == pytest.approx(20.0 + 4.44, abs=0.15)
    assert start.evidence.level >= 0.6
    assert start.evidence.frames_used == pytest.approx(138, abs=3)

    ended = watched.show(40, 0.1)
    assert changes_of(ended) == [(Code.PAIN_SIGN, Phase.END)]
    end = ended[0]
    assert (end.alert_id, end.onset_seconds) == (start.alert_id, start.onset_seconds)
    assert (end.signal, end.condition_present) == (Signal.LATCHED, False)
    assert end.evidence.level <= 0.4


def test_a_short_grimace_is_no_alarm(watched):
    watched.show(20, 0.1)
    watched.show(3, 0.95)
    watched.show(30, 0.1)
    assert watched.transitions == []


def test_a_level_between_the_thresholds_neither_begins_nor_ends_an_alarm(watched):
    watched.show(60, 0.5)
    assert watched.transitions == []
    watched.show(12, 0.95)
    assert changes_of(watched.transitions) == [(Code.PAIN_SIGN, Phase.START)]
    watched.show(300, 0.5)
    assert not any(t.phase is Phase.END for t in watched.transitions)


def test_lasting_pain_becomes_medium_and_worsens_once(watched):
    watched.show(20, 0.1)
    transitions = watched.show(60, 0.95)
    assert changes_of(transitions) == [
        (Code.PAIN_SIGN, Phase.START),
        (Code.PAIN_SUSTAINED, Phase.START),
        (Code.PAIN_SUSTAINED, Phase.ESCALATE),
    ]
    sign, sustained, maximal = transitions
    assert sustained.priority is maximal.priority is Priority.MEDIUM
    assert sustained.determined_seconds == pytest.approx(sign.onset_seconds + 0.4 * 30, abs=0.15)
    assert maximal.determined_seconds == pytest.approx(sign.onset_seconds + 0.7 * 30, abs=0.15)
    ended = watched.show(60, 0.1)
    assert changes_of(ended) == [(Code.PAIN_SUSTAINED, Phase.END), (Code.PAIN_SIGN, Phase.END)]


def test_a_return_within_a_minute_is_the_same_episode(watched):
    watched.show(20, 0.1)
    first = watched.show(12, 0.95)[0]
    watched.show(40, 0.1)
    back = watched.show(12, 0.95)[0]
    assert (back.alert_id, back.phase, back.condition_present) == (first.alert_id, Phase.UPDATE, True)
    assert (back.signal, back.onset_seconds) == (Signal.ON, first.onset_seconds)
    assert changes_of(watched.show(40, 0.1)) == [(Code.PAIN_SIGN, Phase.END)]


def test_a_return_after_the_merging_time_is_a_new_episode_and_replaces_the_old_one(watched):
    watched.show(20, 0.1)
    first = watched.show(12, 0.95)[0]
    watched.show(120, 0.1)
    replaced, new = watched.show(12, 0.95)
    assert (replaced.alert_id, replaced.phase, replaced.signal) == (first.alert_id, Phase.UPDATE, Signal.OFF)
    assert not replaced.condition_present
    assert (new.phase, new.signal) == (Phase.START, Signal.ON)
    assert new.alert_id != first.alert_id


def test_a_face_that_goes_away_leaves_the_alarm_on_and_questionable(watched):
    watched.show(20, 0.1)
    start = watched.show(12, 0.95)[0]
    gone = watched.show(120)
    update, technical = gone
    assert (update.alert_id, update.phase, update.validity) == (start.alert_id, Phase.UPDATE, Validity.QUESTIONABLE)
    assert update.determined_seconds == pytest.approx(37.0)
    assert update.condition_present
    assert (technical.code, technical.phase) == (Code.FACE_NOT_VISIBLE, Phase.START)
    assert technical.determined_seconds == pytest.approx(62.0)
    assert watched.observation.level is None
    assert watched.observation.validity is Validity.INVALID

    back = watched.show(40, 0.95)
    assert (Code.FACE_NOT_VISIBLE, Phase.END) in changes_of(back)
    assert of(back, Code.PAIN_SIGN)[0].validity is Validity.VALID
    assert not any(t.phase is Phase.END for t in of(back, Code.PAIN_SIGN))


def test_the_face_lost_alarm_ends_soon_after_the_face_is_back(watched):
    watched.show(10, 0.1)
    watched.show(100)
    assert watched.transitions[-1].code is Code.FACE_NOT_VISIBLE
    ended = watched.show(30, 0.1)
    assert changes_of(ended) == [(Code.FACE_NOT_VISIBLE, Phase.END)]
    assert ended[0].determined_seconds == pytest.approx(112.2, abs=0.3)


def test_a_face_seen_too_rarely_to_analyse_is_reported(watched):
    """Every gap is shorter than the delay, yet the pain is unknown: silence would read as calm."""
    watched.show(20, 0.1)
    for _ in range(30):
        watched.show(2, 0.1)
        watched.show(6)
    starts = [t for t in watched.transitions if t.phase is Phase.START]
    assert [t.code for t in starts] == [Code.FACE_NOT_VISIBLE]
    assert changes_of(watched.show(60, 0.1)) == [(Code.FACE_NOT_VISIBLE, Phase.END)]


def test_no_camera_is_reported_as_such_and_not_as_a_missing_face(watched):
    watched.show(20, 0.1)
    since = watched.now
    for _ in range(120):
        watched.wait(0.5)
        watched.note(
            watched.monitor.report(Code.CAMERA_LOST, present=True, time_seconds=watched.now, since_seconds=since)
        )
    assert changes_of(watched.transitions) == [(Code.CAMERA_LOST, Phase.START)]
    start = watched.transitions[0]
    assert (start.onset_seconds, start.determined_seconds) == (pytest.approx(20.0), pytest.approx(24.0))
    watched.note(watched.monitor.report(Code.CAMERA_LOST, present=False, time_seconds=watched.now))
    assert changes_of(watched.transitions) == [(Code.CAMERA_LOST, Phase.START), (Code.CAMERA_LOST, Phase.END)]
    missing = watched.show(31)
    assert changes_of(missing) == [(Code.FACE_NOT_VISIBLE, Phase.START)]


def test_after_a_lost_camera_only_a_person_ends_a_running_alarm(watched):
    """Nobody saw who lay there meanwhile: the same face and another one are alike."""
    watched.show(20, 0.1)
    watched.show(12, 0.95)
    since = watched.now
    watched.wait(1.0)
    watched.note(watched.monitor.report(Code.CAMERA_LOST, present=True, time_seconds=watched.now, since_seconds=since))
    lost = watched.wait(60.0)
    assert changes_of(lost)[:2] == [(Code.CAMERA_LOST, Phase.START), (Code.PAIN_SIGN, Phase.UPDATE)]
    assert of(lost, Code.PAIN_SIGN)[-1].validity is Validity.QUESTIONABLE
    assert of(lost, Code.PAIN_SIGN)[-1].needs_person
    watched.note(watched.monitor.report(Code.CAMERA_LOST, present=False, time_seconds=watched.now))
    assert of(watched.show(600, 0.02), Code.PAIN_SIGN) == []
    assert watched.observation.validity is Validity.QUESTIONABLE
    ended = watched.note(watched.monitor.acknowledge("pain_sign", "nurse-7", watched.now))
    assert [(t.phase, t.signal, t.acknowledged_by) for t in ended] == [
        (Phase.UPDATE, Signal.ACKNOWLEDGED, "nurse-7"),
        (Phase.END, Signal.OFF, "nurse-7"),
    ]
    assert watched.monitor.active() == ()


@pytest.mark.parametrize("code", [Code.CAMERA_LOST, Code.PICTURE_FROZEN, Code.PICTURE_DARK, Code.NO_LIFE_SEEN])
def test_calm_frames_of_a_doubtful_picture_end_no_alarm(watched, code):
    """A frozen picture of a calm face resembles relief and is none."""
    watched.show(20, 0.1)
    watched.show(12, 0.95)
    watched.note(watched.monitor.report(code, present=True, time_seconds=watched.now))
    during = watched.show(300, 0.05)
    assert not any(t.phase is Phase.END for t in of(during, Code.PAIN_SIGN))
    assert watched.observation.validity is Validity.QUESTIONABLE
    watched.note(watched.monitor.report(code, present=False, time_seconds=watched.now))
    after = watched.show(20, 0.05)
    assert of(after, Code.PAIN_SIGN)[-1].phase is Phase.END


def test_evidence_from_before_a_freeze_was_noticed_does_not_count(watched):
    watched.show(20, 0.1)
    watched.show(12, 0.95)
    watched.show(12, 0.05)
    watched.note(
        watched.monitor.report(
            Code.PICTURE_FROZEN, present=True, time_seconds=watched.now, since_seconds=watched.now - 8
        )
    )
    watched.show(2, 0.05)
    watched.note(watched.monitor.report(Code.PICTURE_FROZEN, present=False, time_seconds=watched.now))
    assert not any(t.phase is Phase.END for t in of(watched.show(9, 0.05), Code.PAIN_SIGN))
    assert of(watched.show(4, 0.05), Code.PAIN_SIGN)[-1].phase is Phase.END


def test_two_candidates_are_questionable_at_once_and_reported_after_their_delay(watched):
    watched.show(20, 0.1)
    watched.show(0.2, 0.1, Visibility.AMBIGUOUS)
    assert watched.observation.validity is Validity.QUESTIONABLE
    changed = watched.show(20, 0.1, Visibility.AMBIGUOUS)
    assert changes_of(changed) == [(Code.PATIENT_AMBIGUOUS, Phase.START)]
    assert changed[0].determined_seconds == pytest.approx(25.1)
    assert changes_of(watched.show(10, 0.1)) == [(Code.PATIENT_AMBIGUOUS, Phase.END)]
    assert watched.observation.validity is Validity.VALID


def test_somebody_elses_calm_face_ends_no_alarm(watched):
    watched.show(20, 0.1)
    watched.show(12, 0.95)
    during = watched.show(600, 0.02, Visibility.AMBIGUOUS)
    assert not any(t.phase is Phase.END for t in during)
    assert of(during, Code.PAIN_SIGN)[-1].validity is Validity.QUESTIONABLE
    assert (Code.PAIN_SIGN, Phase.END) in changes_of(watched.show(15, 0.02))


def test_what_somebody_elses_calm_face_took_from_the_level_ends_no_alarm_afterwards(watched):
    watched.show(20, 0.1)
    watched.show(12, 0.95)
    watched.show(60, 0.02, Visibility.AMBIGUOUS)
    # On its way from there to 0.45 the level is below `off_level` for longer than an alarm needs to end.
    after = watched.show(120, 0.45)
    assert watched.observation.level == pytest.approx(0.45, abs=0.001)
    assert not any(t.phase is Phase.END for t in of(after, Code.PAIN_SIGN))
    assert (Code.PAIN_SIGN, Phase.END) in changes_of(watched.show(25, 0.1))


def test_pain_seen_on_one_of_two_candidates_is_signalled_as_questionable(watched):
    watched.show(20, 0.1)
    began = watched.show(12, 0.95, Visibility.AMBIGUOUS)
    start = of(began, Code.PAIN_SIGN)[0]
    assert (start.phase, start.validity) == (Phase.START, Validity.QUESTIONABLE)


@pytest.mark.parametrize(
    ("score", "visibility"),
    [
        (None, Visibility.NO_SCORE),
        (math.nan, Visibility.USABLE),
        (math.inf, Visibility.USABLE),
        (1.2, Visibility.USABLE),
        (None, Visibility.USABLE),
        (math.nan, Visibility.AMBIGUOUS),
    ],
)
def test_a_model_without_an_answer_is_degraded_and_ends_nothing(watched, score, visibility):
    watched.show(20, 0.1)
    watched.show(12, 0.95)
    changed = watched.show(120, score, visibility)
    assert (Code.MODEL_DEGRADED, Phase.START) in changes_of(changed)
    assert of(changed, Code.FACE_NOT_VISIBLE) == []
    assert not any(t.phase is Phase.END for t in changed)
    assert watched.observation.level is None
    assert watched.observation.score is None
    assert (Code.MODEL_DEGRADED, Phase.END) in changes_of(watched.show(10, 0.95))


def test_poor_faces_are_no_evidence(watched):
    watched.show(20, 0.1)
    watched.show(12, 0.95)
    changed = watched.show(120, None, Visibility.POOR)
    assert changes_of(changed) == [(Code.PAIN_SIGN, Phase.UPDATE), (Code.FACE_NOT_VISIBLE, Phase.START)]


@pytest.mark.parametrize("code", [Code.PAIN_SIGN, Code.PAIN_SUSTAINED, Code.FACE_NOT_VISIBLE])
def test_what_follows_from_the_frames_cannot_be_reported(watched, code):
    with pytest.raises(ValueError, match=f"{code} follows from the bed's frames or from a person's request"):
        watched.monitor.report(code, present=True, time_seconds=1.0)


@pytest.mark.parametrize("time", [math.nan, math.inf, -math.inf])
def test_a_time_that_is_none_is_refused(watched, time):
    with pytest.raises(ValueError, match="finite"):
        watched.monitor.observe(Sample(time, 0.5, Visibility.USABLE))
    with pytest.raises(ValueError, match="finite"):
        watched.monitor.tick(time)
    watched.show(1, 0.5)
    assert watched.observation.level == pytest.approx(0.5)


def test_late_and_repeated_frames_change_nothing(watched):
    watched.show(20, 0.1)
    before = watched.observation
    for time in (watched.now, watched.now - 5.0):
        step = watched.monitor.observe(Sample(time, 1.0, Visibility.USABLE))
        assert step.observation == before
        assert step.transitions == ()


def test_frames_may_lag_behind_ticks(watch):
    """Frames carry the time they were taken; by the time they are analysed, the clock has gone on."""
    prompt, late = watch(), watch()
    for number in range(1, 600):
        time, score = number / 5, 0.95 if 100 <= number < 200 else 0.1
        prompt.note(prompt.monitor.observe(Sample(time, score, Visibility.USABLE)).transitions)
        late.note(late.monitor.tick(time + 0.35).transitions)
        late.note(late.monitor.observe(Sample(time, score, Visibility.USABLE)).transitions)
    assert changes_of(late.transitions) == changes_of(prompt.transitions)
    for one, other in zip(prompt.transitions, late.transitions, strict=True):
        assert other.determined_seconds == pytest.approx(one.determined_seconds, abs=0.4)


def test_the_first_frames_give_a_level_at_once(watched):
    watched.show(0.2, 0.9)
    assert watched.observation.level == pytest.approx(0.9)
    assert watched.observation.coverage == 1.0
    assert changes_of(watched.show(5, 0.9)) == [(Code.PAIN_SIGN, Phase.START)]


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_the_ends_of_the_unit_interval_are_scores(watched, score):
    watched.show(30, score)
    assert watched.observation.level == pytest.approx(score)
    assert Code.MODEL_DEGRADED not in {item.code for item in watched.transitions}


def test_a_score_is_shown_until_it_is_two_frame_spans_old():
    monitor = BedAlarms(AlarmSettings(), lambda: "one")
    monitor.observe(Sample(0.0, 0.25, Visibility.USABLE))
    assert monitor.tick(2 * FRAME_SPAN_SECONDS).observation.score == 0.25
    assert monitor.tick(2 * FRAME_SPAN_SECONDS + 0.001).observation.score is None


def test_settings_are_obeyed():
    settings = AlarmSettings(on_level=0.8, off_level=0.7, hold_seconds=1.0, clear_seconds=2.0, level_tau_seconds=1.0)
    monitor = BedAlarms(settings, lambda: "one")
    changes = [
        t
        for n in range(200)
        for t in monitor.observe(Sample(n / 5, 0.9 if n < 100 else 0.1, Visibility.USABLE)).transitions
    ]
    assert [t.determined_seconds for t in of(changes, Code.PAIN_SIGN)] == pytest.approx([1.0, 22.2], abs=0.2)


@pytest.mark.parametrize("visibility", [Visibility.AMBIGUOUS, Visibility.NO_SCORE])
def test_what_the_first_frame_shows_began_with_it_and_not_before(watched, visibility):
    """Between two frames a change counts half-way; before the first there is nothing."""
    began = next(item for item in watched.show(60.0, visibility=visibility) if item.phase is Phase.START)
    assert began.onset_seconds == pytest.approx(1 / watched.rate)


@pytest.mark.parametrize(
    ("before", "after", "reached"),
    [
        (0.2, 0.39, None),  # not reached by the end
        (0.2, 0.4, 12.0),  # at its very end
        (0.3, 0.5, 11.0),  # half-way
        (0.4, 0.5, 10.0),  # from its beginning on
        (0.6, 0.5, 10.0),
        (0.6, 0.3, None),  # lost again before its end
    ],
)
def test_a_share_of_the_window_is_reached_where_its_line_crosses(before, after, reached):
    segment = LevelSegment(10.0, 12.0, 2.0, (), (), before, after, is_certain=True)
    found = segment.reached(before, after, 0.4)
    assert found == (None if reached is None else pytest.approx(reached))
