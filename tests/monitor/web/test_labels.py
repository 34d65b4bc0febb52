"""Small words and drawings of the page: what is not known is never shown as a number."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.board import AlarmLimits, BedInfo, BedSnapshot, BedState, BedStatus, HistoryPoint
from monitor.localization import Localizer
from monitor.pain.vocabulary import Code, Signal
from monitor.video.status import CameraState, CameraStatus
from monitor.web.pages.bed_page import _note_values
from monitor.web.pages.handover_page import zone_words
from monitor.web.pages.labels import _TITLES, ICONS, acknowledged_words, camera_words, face_words, history_span_seconds
from monitor.web.pages.sparkline import sparkline

T = Localizer(zone=UTC)
LIMITS = AlarmLimits(0.6, 0.4, 600.0)


def bed(*points: HistoryPoint) -> BedSnapshot:
    status = BedStatus(
        BedState.NO_SIGN, "", "", can_see=True, is_acknowledged=False, needs_acknowledgement=False, rank=8
    )
    return BedSnapshot(BedInfo("b", "c"), status, None, None, None, None, points, None, None, (), (), None)


def test_every_state_has_a_shape_of_its_own_and_every_condition_a_title():
    assert set(ICONS) == set(BedState)
    assert len(set(ICONS.values())) == len(BedState)
    assert set(_TITLES) == set(Code)


@pytest.mark.parametrize(
    ("level", "text"),
    [(None, "\N{EN DASH}"), (float("nan"), "\N{EN DASH}"), (1.5, "\N{EN DASH}"), (0.0, "0.00"), (0.756, "0.76")],
)
def test_a_level_that_cannot_be_determined_is_a_dash(level, text):
    assert T.level(level) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "never"), (0.4, "now"), (4.2, "4 s ago"), (17.0, "15 s ago"), (125.0, "2 min ago")]
)
def test_the_time_since_a_face_does_not_flicker(seconds, text):
    assert face_words(seconds, T) == text


def test_hours_are_shown_as_hours():
    assert T.duration(2 * 3600 + 300) == "2 h 5 min"


def test_a_camera_is_shown_with_its_rate_only_while_it_plays():
    assert camera_words(None, T) == "not known"
    assert (
        camera_words(CameraStatus("c", "a", CameraState.PLAYING, frames_per_second=24.7), T) == "playing, 25 pictures/s"
    )
    assert camera_words(CameraStatus("c", "a", CameraState.LOST, frames_per_second=24.7), T) == "lost"


def test_a_threshold_that_is_not_known_is_not_drawn():
    point = HistoryPoint(990.0, 0.3, 0.9)
    assert "spark-on" in sparkline(bed(point), 1000.0, LIMITS, T)
    assert "spark-on" not in sparkline(bed(point), 1000.0, None, T)


def acknowledged(limits, hour=12):
    given = SimpleNamespace(by="anna", at=datetime(2026, 12, 31, hour, 0, tzinfo=UTC))
    episode = SimpleNamespace(newest=SimpleNamespace(signal=Signal.ACKNOWLEDGED, acknowledgement=given))
    seen = replace(bed(), open_alerts=(episode,))
    seen = replace(seen, status=replace(seen.status, is_acknowledged=True))
    return acknowledged_words(seen, limits, given.at, T)


def test_how_long_an_acknowledgement_lasts_is_said_only_where_it_is_known():
    assert acknowledged(replace(LIMITS, acknowledge_expires_seconds=3_600.0)) == "Acknowledged by anna until 13:00"
    assert acknowledged(None) == "Acknowledged by anna"


def test_a_time_of_another_day_is_shown_with_its_day():
    """The story: a bed whose camera was lost since yesterday was said to be analysed at 12:00:00, as if today."""
    assert acknowledged(replace(LIMITS, acknowledge_expires_seconds=3_600.0), 23).endswith(" until Jan 1 00:00")
    newest = datetime(2026, 12, 31, 12, tzinfo=UTC)
    seen = replace(bed(), observed_at=newest)
    assert _note_values(seen, newest + timedelta(hours=11), T)[1] == "12:00:00"
    assert _note_values(seen, newest + timedelta(hours=13), T)[1] == "Dec 31 12:00:00"
    assert _note_values(bed(), newest, T)[1] == "\N{EN DASH}"


def test_a_handover_over_a_change_of_the_clocks_names_both_zones():
    """The story: all times of that night were said to be of the zone in which it ended, the first hours wrongly."""
    t = Localizer(zone=ZoneInfo("Europe/Berlin"))
    since, until = datetime(2026, 10, 24, 17, tzinfo=UTC), datetime(2026, 10, 25, 5, tzinfo=UTC)
    assert zone_words(since, until, t) == "CEST / CET"
    assert zone_words(since, since + timedelta(hours=1), t) == "CEST"


def test_the_line_breaks_where_nothing_is_known():
    points = [HistoryPoint(float(t), 0.5, 0.9) for t in range(400, 440, 2)]
    points += [HistoryPoint(float(t), None, 0.1) for t in range(440, 460, 2)]
    points += [HistoryPoint(float(t), 0.2, 0.9) for t in range(480, 500, 2)]
    svg = sparkline(bed(*points), 500.0, LIMITS, T)
    assert svg.count("<polyline") == 2
    assert svg.count("<rect") == 1
    assert "highest 0.5 of 1, not known for 25% of the time" in svg


@pytest.mark.parametrize(
    ("age_seconds", "span_seconds"), [(0, 120), (119, 120), (121, 300), (299, 300), (301, 600), (599, 600), (700, 600)]
)
def test_the_first_minutes_fill_the_drawing_and_later_ten_do(age_seconds, span_seconds):
    seen = bed(HistoryPoint(1000.0 - age_seconds, 0.5, 0.9), HistoryPoint(1000.0, 0.5, 0.9))
    assert history_span_seconds(seen, 1000.0) == span_seconds
    assert f"last {span_seconds / 60:.0f} minutes" in sparkline(seen, 1000.0, LIMITS, T)


def test_without_a_history_nothing_is_claimed():
    assert "not known" in sparkline(bed(), 1000.0, LIMITS, T)


_points = st.builds(
    HistoryPoint,
    time_seconds=st.floats(0, 1200),
    level=st.none() | st.floats(0, 1),
    coverage=st.floats(0, 1),
)


@given(points=st.lists(_points, max_size=40), now=st.floats(600, 1300))
def test_any_history_is_drawn_within_its_frame(points, now):
    svg = sparkline(bed(*sorted(points, key=lambda point: point.time_seconds)), now, LIMITS, T)
    ET.fromstring(svg)  # noqa: S314 - made here
    vertices = re.findall(r"(-?[\d.]+),(-?[\d.]+)", svg.split("<polyline", 1)[-1] if "<polyline" in svg else "")
    assert bool(vertices) == ("<polyline" in svg)
    for x, y in vertices:
        assert 0 <= float(x) <= 300
        assert 0 <= float(y) <= 60
