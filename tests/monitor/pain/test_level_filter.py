import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config import AlarmSettings
from monitor.pain import level_filter
from monitor.pain.exponential_average import TimeAverage
from monitor.pain.level_filter import LevelFilter
from monitor.pain.simulation import irregular_times, regular_times, signal_of_segments

SIGNAL = signal_of_segments([(10.0, 0.1), (12.0, 0.9), (6.0, 0.3), (15.0, 0.95), (20.0, 0.05)], ripple=0.03, seed=3)


def filled(scores, rate=5.0, settings=None):
    """Return a filter that has seen these scores (None: no face) at a rate, and the time of the last."""
    level = LevelFilter(settings or AlarmSettings())
    for number, score in enumerate(scores):
        level.observe(number / rate, score)
    return level, (len(scores) - 1) / rate


@pytest.mark.parametrize("rate", [2.0, 5.0, 10.0, 25.0])
def test_the_level_does_not_depend_on_the_frame_rate(rate):
    exact, coarse = LevelFilter(AlarmSettings()), LevelFilter(AlarmSettings())
    times, fine_times = regular_times(rate, SIGNAL.seconds), iter(regular_times(50.0, SIGNAL.seconds))
    for time in times:
        for fine in fine_times:
            exact.observe(fine, SIGNAL.at(fine))
            if fine >= time - 1e-9:
                break
        coarse.observe(time, SIGNAL.at(time))
        assert coarse.read(time).level == pytest.approx(exact.read(time).level, abs=0.02)


def test_the_level_does_not_depend_on_even_gaps():
    even, uneven = LevelFilter(AlarmSettings()), LevelFilter(AlarmSettings())
    for time in regular_times(25.0, SIGNAL.seconds):
        even.observe(time, SIGNAL.at(time))
    for time in [time for time in irregular_times(SIGNAL.seconds, seed=5) if time < SIGNAL.seconds]:
        uneven.observe(time, SIGNAL.at(time))
    assert uneven.read(SIGNAL.seconds).level == pytest.approx(even.read(SIGNAL.seconds).level, abs=0.03)


def test_frames_without_a_face_leave_the_level_alone():
    level, now = filled([0.8] * 100)
    before = level.read(now).level
    for number in range(1, 20):
        level.observe(now + number / 5, None)
        assert level.read(now + number / 5).level == pytest.approx(before)


def test_without_a_face_the_level_becomes_unknown_after_five_seconds_and_never_falls():
    level, now = filled([0.8] * 200)
    for tenth in range(600):
        reading = level.read(now + tenth / 10)
        assert (reading.level is None) == (tenth > 50)
        assert (reading.display_level is None) == (reading.level is None)
        if reading.level is not None:
            assert reading.level == pytest.approx(0.8)


@pytest.mark.parametrize("frames", [1, 10])
def test_before_the_first_face_there_is_no_level(frames):
    level, now = filled([None] * frames)
    reading = level.read(now)
    assert (reading.level, reading.seconds_since_face, reading.coverage) == (None, None, 0.0)


def test_coverage_is_a_share_of_time_and_not_of_frames():
    """A camera that sends 25 frames/s while the face is there and 2 while it is not still covers half of the time."""
    level, now = LevelFilter(AlarmSettings()), 0.0
    for _ in range(20):
        for _ in range(50):
            now += 0.04
            level.observe(now, 0.2)
        for _ in range(4):
            now += 0.5
            level.observe(now, None)
    reading = level.read(now)
    assert reading.coverage == pytest.approx(0.5, abs=0.06)
    assert reading.frames_used == pytest.approx(7.5 * 50, rel=0.08)


@pytest.mark.parametrize("rate", [2.0, 5.0, 25.0])
@pytest.mark.parametrize(("seen", "is_known"), [(4, False), (6, True)])
def test_below_half_coverage_there_is_no_level(rate, seen, is_known):
    scores = [0.7 if number % 10 < seen else None for number in range(int(60 * rate))]
    level, now = filled(scores, rate)
    reading = level.read(now)
    assert reading.coverage == pytest.approx(seen / 10, abs=0.1 if rate < 5 else 0.03)
    assert (reading.level is not None) == is_known


def test_a_silent_camera_covers_nothing():
    level, now = filled([0.5] * 300)
    assert level.read(now + 16.0).coverage == pytest.approx(0.5, abs=0.04)
    assert level.read(now + 60.0).coverage == 0.0


def test_one_score_after_a_long_absence_does_not_carry_the_old_level_on():
    level, now = filled([0.95] * 300)
    for number in range(200):
        level.observe(now + 20.0 + number / 5, 0.1)
    assert level.read(now + 20.0 + 199 / 5).level == pytest.approx(0.1, abs=0.01)


def test_the_display_follows_faster():
    level, now = filled([0.0] * 100 + [1.0] * 15)
    reading = level.read(now)
    assert reading.display_level > reading.level > 0.4


@settings(deadline=None)
@given(scores=st.lists(st.one_of(st.none(), st.floats(0.0, 1.0)), max_size=60), gaps=st.data())
def test_every_figure_stays_a_share(scores, gaps):
    level, now = LevelFilter(AlarmSettings()), 0.0
    for score in scores:
        now += gaps.draw(st.floats(0.01, 8.0))
        level.observe(now, score)
        reading = level.read(now)
        shares = [
            reading.coverage,
            reading.on_share,
            *(x for x in (reading.level, reading.display_level) if x is not None),
        ]
        assert all(-1e-9 <= share <= 1.0 + 1e-9 for share in shares)
        assert reading.frames_used >= 0


def test_the_on_share_is_that_of_the_time_above_the_threshold():
    level, now = filled([0.0] * 300 + [1.0] * 100)
    crossing = 5.0 * 0.9163  # -tau ln(1 - 0.6)
    assert level.read(now).on_share == pytest.approx((20.0 - crossing) / 30.0, abs=0.01)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (0.6, 0.6, ((0.0, 2.0),)),
        (0.2, 0.6, ((1.0, 2.0),)),  # exactly at the threshold counts
        (0.6, 0.2, ((0.0, 1.0),)),
        (0.2, 0.59, ()),
    ],
)
def test_a_score_at_the_threshold_counts_as_above(first, last, expected):
    assert level_filter._time_at_or_above(0.6, first, last, 2.0) == expected


def test_a_face_that_is_missed_for_a_moment_over_and_over_leaves_no_hole():
    level = LevelFilter(AlarmSettings())
    segments = [level.observe(number * 0.4, None if number % 2 else 0.5) for number in range(60)]
    known = [segment.seconds for segment in segments if segment is not None]
    assert known == pytest.approx([0.8] * 29)


def test_of_a_longer_loss_only_a_second_is_bridged():
    level = LevelFilter(AlarmSettings())
    *_, segment = [level.observe(time, score) for time, score in ((0, 0.5), (1, 0.5), (2, None), (3, None), (4, 0.5))]
    assert segment.seconds == pytest.approx(2.0)  # half a second beside each of the two frames, and one between


@pytest.mark.parametrize(("away_seconds", "is_bridged"), [(5.0, True), (5.01, False)])
def test_pain_and_calm_are_counted_on_over_a_loss_for_as_long_as_the_level_stays_known(away_seconds, is_bridged):
    level, now = filled([0.8] * 200, rate=4.0)
    assert (level.read(now + away_seconds).level is not None) == is_bridged
    assert (level.observe(now + away_seconds, 0.8) is not None) == is_bridged


@pytest.mark.parametrize(("away_seconds", "forgotten_seconds"), [(3.0, 0.0), (4.0, 1.0), (8.0, 8.0)])
def test_the_longer_a_loss_the_less_counts_what_was_before_it(away_seconds, forgotten_seconds):
    """A second beside each frame and one between are known; what was before is older by all that is not."""
    level, now = filled([0.1] * 1000, rate=4.0)
    level.observe(now + away_seconds, 0.9)
    level.observe(now + away_seconds + 1.0, 0.9)
    tau, expected = AlarmSettings().level_tau_seconds, TimeAverage(0.1, 1.0)
    expected.forget(forgotten_seconds, tau)
    expected.follow(0.1, 0.9, away_seconds - forgotten_seconds, tau)
    expected.follow(0.9, 0.9, 1.0, tau)
    assert level.read(now + away_seconds + 1.0).level == pytest.approx(expected.value())


def test_the_first_face_of_an_infant_in_pain_has_its_level_at_once():
    level, now = filled([0.9])
    assert level.read(now).level == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("scores", "coverage"),
    [
        ([0.2] * 24 + [None] * 16, 0.6),
        ([0.2] * 12 + [None] * 28, 0.3),
        ([0.2, None, None, 0.2], 1 / 3),
        ([0.2, None], 0.5),
    ],
)
def test_soon_after_the_first_frame_coverage_is_the_share_of_the_time_since_then(scores, coverage):
    level, now = LevelFilter(AlarmSettings()), 5000.0
    assert level.read(now).coverage == 0.0
    for number, score in enumerate(scores):
        now = 5000.0 + number / 4
        level.observe(now, score)
    assert level.read(now).coverage == pytest.approx(coverage, abs=0.02)
    assert (level.read(now).level is not None) == (coverage >= 0.5)


@pytest.mark.parametrize("away_seconds", [0.25, 100.0])
def test_what_a_face_that_may_be_somebody_elses_takes_from_the_level_is_no_calm_of_the_patient(away_seconds):
    level, now = filled([0.9] * 400, rate=4.0)
    now += away_seconds
    for number in range(81):
        level.observe(now + number / 4, 0.02, certain=False)
    now += 20.0
    assert level.read(now).level < 0.1
    segments = [level.observe(now + number / 4, 0.02) for number in range(1, 41)]
    own_calm_seconds = AlarmSettings().level_tau_seconds * math.log((0.9 - 0.02) / (0.4 - 0.02))
    first = next(segment for segment in segments if segment is not None and segment.below)
    assert first.time_at(first.below[0][0]) - now == pytest.approx(own_calm_seconds, abs=0.5)
