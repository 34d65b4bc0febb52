"""The exact moments at which a face counts as lost and as back."""

from monitor.pain.face_absence import FaceAbsence
from monitor.pain.level_filter import FRAME_SPAN_SECONDS

AFTER, CLEAR = 20.0, 3.0


def _lost(seen_until: float = 10.0) -> FaceAbsence:
    """A face that was seen without a break until it was declared lost."""
    absence = FaceAbsence()
    absence.pass_time(seen_until, is_level_known=True, is_hidden=False)
    absence.see(seen_until)
    absence.pass_time(seen_until + AFTER, is_level_known=False, is_hidden=False)
    assert absence.lost_at(seen_until + AFTER, AFTER) is not None
    return absence


def test_a_face_is_lost_at_the_end_of_the_time_and_not_before():
    absence = FaceAbsence()
    absence.pass_time(10.0, is_level_known=True, is_hidden=False)
    absence.see(10.0)
    assert absence.lost_at(29.99, AFTER) is None
    assert absence.lost_at(30.0, AFTER) == (10.0, 30.0)


def test_before_the_first_frame_nothing_is_lost():
    assert FaceAbsence().lost_at(100.0, AFTER) is None


def test_time_in_which_an_alert_says_why_no_face_is_seen_does_not_count():
    absence = FaceAbsence()
    absence.see(10.0)
    absence.pass_time(15.0, is_level_known=True, is_hidden=False)
    absence.pass_time(25.0, is_level_known=False, is_hidden=True)
    assert absence.lost_at(39.99, AFTER) is None
    assert absence.lost_at(40.0, AFTER) == (20.0, 40.0)


def test_what_is_unknown_is_counted_anew_after_the_first_explanation_and_only_then():
    absence = FaceAbsence()
    absence.pass_time(10.0, is_level_known=True, is_hidden=False)
    for now, is_hidden, unknown_since in (
        (20, False, 10),
        (30, True, 30),
        (40, True, 40),
        (45, False, 40),
        (50, True, 45),
    ):
        absence.see(float(now))
        absence.pass_time(float(now), is_level_known=False, is_hidden=is_hidden)
        assert absence.unknown_since == unknown_since
    absence.pass_time(51.0, is_level_known=True, is_hidden=False)
    absence.pass_time(61.0, is_level_known=False, is_hidden=False)
    absence.pass_time(71.0, is_level_known=False, is_hidden=True)
    assert absence.unknown_since == 71.0


def test_a_face_that_is_lost_again_before_a_level_is_known_is_back_only_with_one():
    absence = _lost()
    for now in (40.0, 41.0, 42.0, 43.0):
        absence.see(now)
    assert absence.found_at(43.0, CLEAR, is_level_known=False) == 43.0
    absence.pass_time(63.0, is_level_known=False, is_hidden=False)
    assert absence.lost_at(63.0, AFTER) == (43.0, 63.0)
    for now in (64.0, 65.0, 66.0, 67.0):
        absence.see(now)
        absence.pass_time(now, is_level_known=False, is_hidden=False)
    assert absence.found_at(67.0, CLEAR, is_level_known=False) is None
    absence.pass_time(70.0, is_level_known=True, is_hidden=False)
    assert absence.found_at(70.0, CLEAR, is_level_known=True) == 70.0
    assert not absence.was_glimpsed


def test_a_face_that_is_seen_too_rarely_is_lost_and_was_glimpsed():
    absence = FaceAbsence()
    absence.pass_time(10.0, is_level_known=True, is_hidden=False)
    for second in range(11, 31):
        absence.see(float(second))
        absence.pass_time(float(second), is_level_known=False, is_hidden=False)
    assert absence.lost_at(30.0, AFTER) == (10.0, 30.0)
    assert absence.was_glimpsed
    # Seen as before is not enough; the level has to be known.
    absence.see(30.2)
    assert absence.found_at(30.2, 0.0, is_level_known=False) is None
    assert absence.found_at(31.0, CLEAR, is_level_known=True) == 31.0


def test_a_face_is_back_when_it_was_seen_for_exactly_as_long_as_asked():
    absence = _lost()
    step = FRAME_SPAN_SECONDS / 2
    count = round(CLEAR / step)
    for number in range(count):
        absence.see(40.0 + CLEAR * number / count)
        assert absence.found_at(absence.seen_until, CLEAR, is_level_known=False) is None
    absence.see(40.0 + CLEAR)
    assert absence.found_at(50.0, CLEAR, is_level_known=False) == 40.0 + CLEAR
    assert absence.unknown_since == 50.0, "the time in which the level was unknown begins again"


def test_one_missed_frame_does_not_end_a_sight_of_the_face_and_a_longer_gap_does():
    absence = _lost()
    absence.see(40.0)
    absence.see(40.0 + 2 * FRAME_SPAN_SECONDS)
    assert absence.seen_from == 40.0
    absence.see(40.0 + 4.5 * FRAME_SPAN_SECONDS)
    assert absence.seen_from == 40.0 + 4.5 * FRAME_SPAN_SECONDS


def test_a_face_that_was_seen_before_it_was_lost_is_not_back():
    assert _lost().found_at(31.0, 0.0, is_level_known=False) is None


def test_another_origin_of_time_changes_nothing_else():
    absence = _lost()
    absence.see(40.0)
    before_passed = absence.passed_seconds
    before = FaceAbsence(absence.unseen_since, absence.unknown_since, absence.seen_from, absence.seen_until)
    absence.shift(100.0)
    assert absence.passed_seconds == before_passed + 100.0
    assert absence.unseen_since == before.unseen_since + 100.0
    assert absence.unknown_since == before.unknown_since + 100.0
    assert absence.seen_from == before.seen_from + 100.0
    assert absence.seen_until == before.seen_until + 100.0
    FaceAbsence().shift(1.0)
