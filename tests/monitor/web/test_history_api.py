"""Days past over the API: levels of any stretch, and the handover of a shift."""

import shutil
import time
from datetime import UTC, datetime, timedelta, timezone
from datetime import time as clock_time
from zoneinfo import ZoneInfo

import pytest
from recorded_board import write_day

from monitor.control.requests import Procedure
from monitor.pain.procedure import ProcedureKind
from monitor.web.periods import checked_period, local_moment, shift_begin

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    directory = tmp_path_factory.mktemp("day")
    write_day(directory, NOW)
    return directory


@pytest.fixture
def kept(make_rig, tmp_path, written):
    """A station at noon with a day behind it."""
    rig = make_rig(anonymous="nurse", history=True)
    rig.clock.advance_to(NOW.timestamp())
    shutil.copytree(written, tmp_path / "history")
    return rig


def test_a_stretch_of_a_bed_s_past(kept):
    client = kept.client()
    times = {"from": "2026-01-31T11:00:00Z", "to": "2026-01-31T11:01:00+00:00"}
    points = client.get("/api/v1/beds/bed-1/history", params=times).json()
    assert [point["at"] for point in points[:2]] == ["2026-01-31T11:00:00.000Z", "2026-01-31T11:00:02.000Z"]
    assert len(points) == 30
    assert {point["state"] for point in points} == {"no_sign"}
    assert all(0.1 < point["level"] < 0.3 for point in points)
    blind = {"from": "2026-01-31T09:30:00Z", "to": "2026-01-31T09:31:00Z"}
    assert {point["level"] for point in client.get("/api/v1/beds/bed-1/history", params=blind).json()} == {None}
    day = client.get("/api/v1/beds/bed-1/history", params={"from": "2026-01-30T12:00:00Z", "every": 60}).json()
    assert 1_400 < len(day) < 1_420  # half an hour is missing
    assert max(point["level"] or 0 for point in day) > 0.9
    zone = client.get("/api/v1/beds/bed-1/history", params={**times, "from": "2026-01-31T08:00:00-03:00"}).json()
    assert zone == points


@pytest.mark.parametrize(
    ("times", "status", "words"),
    [
        ({"from": "2026-01-31T11:00:00"}, 422, "timezone"),
        ({"from": "yesterday"}, 422, "datetime"),
        ({"to": "2026-01-31T11:00:00Z"}, 422, "say from when"),
        ({"from": "2026-01-31T13:00:00Z"}, 422, "the begin must lie before the end"),
        ({"from": "2026-01-01T00:00:00Z"}, 422, "at most 168 h"),
        ({"from": "2026-01-29T00:00:00Z"}, 422, "ask for less time or a larger `every`"),
        ({"from": "0001-01-01T00:00:00+14:00", "to": "0001-01-01T01:00:00+14:00"}, 422, "the begin must lie"),
        ({"from": "2026-01-31T11:00:00Z", "every": 1}, 422, "greater than or equal to 2"),
    ],
)
def test_a_wrong_stretch_is_refused_with_the_reason(kept, times, status, words):
    answer = kept.client().get("/api/v1/beds/bed-1/history", params=times)
    assert answer.status_code == status
    assert words in answer.text


def test_the_handover_begins_at_seven_on_the_station_s_clock(kept):
    client = kept.client()
    since = client.get("/api/v1/handover").json()["since"]
    local = datetime.fromisoformat(since).astimezone()
    assert (local.hour, local.minute) == (7, 0)
    found = client.get("/api/v1/handover", params={"since": "2026-01-31T04:00:00Z"}).json()
    assert found["until"] == "2026-01-31T12:00:00.000Z"
    assert "No alert does not mean no pain." in found["notice"]
    assert [bed["bed"] for bed in found["beds"]] == ["bed-1", "bed-2"]
    first = found["beds"][0]
    assert [episode["code"] for episode in first["pain"]] == ["pain_sustained"] * 3
    answers = [(one["acknowledged_by"], one["answer_seconds"]) for one in first["pain"]]
    assert answers == [("anna", 83.0), (None, None), ("anna", 83.0)]
    assert first["minutes_with_signs"] == pytest.approx(15, abs=2)
    assert first["minutes_not_seen"] == pytest.approx(48, abs=2)
    assert first["minutes_unwatched"] == pytest.approx(54, abs=2)
    assert first["minutes_unrecorded"] == pytest.approx(30, abs=2)
    assert [(one["action"], one["by"]) for one in first["actions"]] == [("standby", "ben"), ("procedure", "anna")]
    (only,) = client.get("/api/v1/handover", params={"bed": "bed-2"}).json()["beds"]
    assert only["bed"] == "bed-2"
    assert client.get("/api/v1/handover", params={"bed": "bed-9"}).status_code == 404


def test_a_history_that_cannot_be_read_is_503_and_none_at_all_is_404(kept, open_rig, tmp_path):
    (tmp_path / "history" / "history.sqlite").write_bytes(b"nothing" * 1_000)
    answer = kept.client().get("/api/v1/handover")
    assert (answer.status_code, "damaged" in answer.json()["detail"]) == (503, True)
    assert open_rig.client().get("/api/v1/handover").status_code == 404


def test_a_procedure_needs_a_nurse_a_bed_and_a_kind(rig, open_rig):
    token = {"Authorization": "Bearer " + "t" * 43}  # a viewer's
    wanted = {"kind": "heel_lance", "by": "anna", "seconds": 300, "note": "left foot"}
    assert rig.client().post("/api/v1/beds/bed-1/procedure", json=wanted, headers=token).status_code == 403
    client = open_rig.client()
    assert client.post("/api/v1/beds/bed-9/procedure", json=wanted).status_code == 404
    for wrong in (
        {},
        {"kind": "operation"},
        {"kind": "injection", "seconds": 3_601},
        {"kind": "injection", "note": "a\u0007"},
    ):
        assert client.post("/api/v1/beds/bed-1/procedure", json={"by": "anna", **wrong}).status_code == 422, wrong
    assert client.post("/api/v1/beds/bed-1/procedure", json=wanted).json()["changed"] is True
    assert open_rig.acknowledged == [Procedure("bed-1", "anna", ProcedureKind.HEEL_LANCE, 300.0, "left foot")]


ZONE = timezone(timedelta(hours=-3))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("07:00", "2026-01-31T10:00:00+00:00"),
        ("09:00", "2026-01-31T12:00:00+00:00"),
        ("09:01", "2026-01-30T12:01:00+00:00"),
        ("19:00", "2026-01-30T22:00:00+00:00"),
        ("2026-01-31T08:30", "2026-01-31T11:30:00+00:00"),
        ("2026-01-31T08:30:00+01:00", "2026-01-31T07:30:00+00:00"),
    ],
)
def test_a_time_of_day_is_the_newest_one_on_the_station_s_clock(text, moment):
    assert local_moment(text, NOW, ZONE).isoformat() == moment


@pytest.mark.parametrize("text", ["", "7", "noon", "25:00", "2026-13-01T00:00", "07:00:00:00", "9999-12-31T23:59"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match="write a time such as 07:00"):
        local_moment(text, NOW, ZONE)


@pytest.fixture
def berlin():
    """Let the machine's own zone be that of Berlin."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize("zone", [None, ZoneInfo("Europe/Berlin")])
@pytest.mark.parametrize(
    ("now", "began"),
    [
        ("2026-10-25T05:00+01:00", "2026-10-24T17:00+00:00"),
        ("2026-03-29T06:00+02:00", "2026-03-28T18:00+00:00"),
    ],
)
def test_a_night_in_which_the_clocks_change_begins_at_the_time_that_the_clock_showed_then(zone, now, began):
    """The story: by the machine's own zone, the handover of a night in autumn left out its first hour."""
    moment = datetime.fromisoformat(now)
    assert shift_begin(moment, zone, clock_time(19)) == datetime.fromisoformat(began)


def test_a_shift_that_begins_this_moment_is_a_day_long_at_most():
    assert shift_begin(NOW, UTC) == NOW.replace(hour=7)
    assert shift_begin(NOW.replace(hour=6), UTC) == NOW.replace(day=30, hour=7)
    with pytest.raises(ValueError, match="before the end"):
        checked_period(NOW, NOW)
