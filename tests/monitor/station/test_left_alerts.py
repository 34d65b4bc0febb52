"""Alerts that nobody would end are ended at the start, and no others."""

from datetime import UTC, datetime

from alerts import make_draft

from monitor.pain.vocabulary import Phase, Signal, Validity
from monitor.station.left_alerts import end_left_alerts

NOW = datetime(2100, 1, 1, tzinfo=UTC)


def test_only_what_is_on_and_not_gone_on_with_is_ended() -> None:
    newest = [
        make_draft("of a removed bed", bed="bed-9"),
        make_draft("latched", bed="bed-9", condition_present=False, signal=Signal.LATCHED),
        make_draft("over", Phase.END, bed="bed-9"),
        make_draft("goes on", bed="bed-1"),
        make_draft("state is lost", bed="bed-1"),
    ]
    ends = end_left_alerts(newest, {"goes on"}, {"bed-1"}, NOW)
    assert [end.alert_id for end in ends] == ["of a removed bed", "latched", "state is lost"]
    for end in ends:
        assert (end.phase, end.condition_present, end.signal) == (Phase.END, False, Signal.OFF)
        assert (end.validity, end.determined_at) == (Validity.QUESTIONABLE, NOW)
    assert "bed-9 left the configuration" in ends[0].detail
    assert "could not be read" in ends[2].detail
