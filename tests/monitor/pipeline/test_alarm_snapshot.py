"""Stored alarm state: how old it is, and that damage of any kind is a ValueError, which its readers expect."""

from datetime import UTC, datetime, timedelta

import pytest

from monitor.pipeline.alarm_snapshot import pack, redate, unpack

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("later_seconds", "away_seconds"), [(0.0, 0.0), (90.0, 90.0), (-3_600.0, 0.0), (1e7, 86_400.0)]
)
def test_a_clock_that_was_set_makes_no_absence_longer_than_a_day_or_negative(later_seconds, away_seconds):
    text = pack({"bed": 1}, NOW)
    assert unpack(text, NOW + timedelta(seconds=later_seconds)) == ({"bed": 1}, away_seconds)


def test_the_state_of_another_machine_is_as_old_as_it_is_said_to_be():
    text = redate(pack({"bed": 1}, datetime(1999, 1, 1, tzinfo=UTC)), NOW, 7.5)
    assert unpack(text, NOW) == ({"bed": 1}, 7.5)


NESTED = pytest.param("[" * 100_000, id="nested")


@pytest.mark.parametrize("text", ["", "[]", "1", "null", NESTED])
def test_damaged_text_cannot_be_redated(text):
    with pytest.raises(ValueError):  # noqa: PT011 - of whatever words
        redate(text, NOW, 1.0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        NESTED,
        '{"saved_at": 1.0}',
        '{"saved_at": 1.0, "state": []}',
        '{"saved_at": null, "state": {}}',
        '{"saved_at": "soon", "state": {}}',
        pytest.param(f'{{"saved_at": 1{"0" * 400}, "state": {{}}}}', id="larger than any time"),
    ],
)
def test_damaged_text_holds_no_state(text):
    with pytest.raises(ValueError):  # noqa: PT011 - of whatever words
        unpack(text, NOW)
