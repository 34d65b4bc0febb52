"""A face of which a region is hidden that the score rests on: it cannot be assessed, and the words say what is hidden.

The story: in pain with the lower half of the face under a cloth, every frame read calm and valid.
"""

import pytest

from monitor.pain import Code, Kind, Phase, Region, Sample, Signal, Validity, Visibility


def cover(watched, seconds, *hidden):
    changed = []
    for _ in range(round(seconds * watched.rate)):
        watched.now += 1 / watched.rate
        step = watched.monitor.observe(Sample(watched.now, None, Visibility.COVERED, 0, hidden))
        watched.observation = step.observation
        changed += step.transitions
    return changed


@pytest.mark.parametrize(
    ("hidden", "words"),
    [
        ((Region.MOUTH,), "The mouth is covered: pain cannot be determined."),
        ((Region.EYES,), "The eyes are covered: pain cannot be determined."),
        ((Region.EYES, Region.MOUTH), "The eyes and mouth are covered: pain cannot be determined."),
    ],
)
def test_a_covered_face_has_no_level_and_its_alert_says_what_is_hidden(watched, hidden, words):
    watched.show(40, 0.05)
    changed = cover(watched, 30, *hidden)
    assert [(t.code, t.phase, t.signal, t.detail) for t in changed] == [
        (Code.FACE_COVERED, Phase.START, Signal.ON, words)
    ]
    assert changed[0].determined_seconds - changed[0].onset_seconds == watched.settings.covered_after_seconds
    assert (watched.observation.level, watched.observation.validity) == (None, Validity.INVALID)
    assert watched.observation.hidden == hidden
    assert cover(watched, 600, *hidden) == [], "the face is not said to be out of sight besides"
    ended = watched.show(20, 0.05)
    assert [(t.code, t.phase) for t in ended] == [(Code.FACE_COVERED, Phase.END)]
    assert watched.observation.hidden == ()


def test_what_is_hidden_in_its_place_later_is_said_within_a_minute_and_is_no_news(watched):
    watched.show(40, 0.05)
    (start,) = cover(watched, 30, Region.MOUTH)
    watched.monitor.acknowledge(start.alert_id, "nurse-7", watched.now)
    changed = cover(watched, 62, Region.EYES)
    assert [(t.alert_id, t.phase, t.signal, t.detail) for t in changed] == [
        (start.alert_id, Phase.UPDATE, Signal.ACKNOWLEDGED, "The eyes are covered: pain cannot be determined.")
    ]


def test_a_pain_alarm_does_not_end_under_a_cloth(watched):
    watched.show(20, 0.05)
    watched.show(40, 0.95)
    changed = cover(watched, 600, Region.MOUTH)
    assert not [t for t in changed if t.kind is Kind.PHYSIOLOGICAL and t.phase is Phase.END]
    pain = [t for t in watched.monitor.active() if t.kind is Kind.PHYSIOLOGICAL]
    assert pain
    assert all(t.validity is Validity.QUESTIONABLE for t in pain)


def test_a_face_that_is_covered_and_then_gone_is_out_of_sight(watched):
    watched.show(40, 0.05)
    cover(watched, 30, Region.MOUTH)
    changed = watched.show(60)
    assert [(t.code, t.phase) for t in changed] == [
        (Code.FACE_COVERED, Phase.END),
        (Code.FACE_NOT_VISIBLE, Phase.START),
    ]


def test_a_face_that_is_covered_and_lost_by_turns_is_not_silent(watched):
    watched.show(40, 0.05)
    changed = []
    for _ in range(6):
        changed += cover(watched, 8, Region.MOUTH)
        changed += watched.show(8)
    assert {t.code for t in changed} == {Code.FACE_NOT_VISIBLE}


def test_a_hand_that_passes_the_mouth_raises_nothing(watched):
    watched.show(40, 0.05)
    assert cover(watched, 4, Region.MOUTH) == []
    assert watched.show(30, 0.05) == []
    assert watched.observation.validity is Validity.VALID
