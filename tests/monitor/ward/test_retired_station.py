"""A station leaves the page of a ward when somebody says that it is out of service, and never by falling silent."""

import json

import pytest
import yaml
from alerts import make_draft
from click.testing import CliRunner
from ward_stations import StationsAndWard

from monitor.alerts.record import Alert
from monitor.board import BedState
from monitor.commands.beds import beds
from monitor.config.fleet import FleetBed
from monitor.delivery.keys import Keys
from monitor.fleet.lease_table import LeaseTable
from monitor.pain.vocabulary import Code, Phase


@pytest.fixture
def ward(redis_server):
    return StationsAndWard(redis_server)


@pytest.fixture
def retire(redis_server, tmp_path):
    """Run the command, and return its exit code and what it says."""
    file = tmp_path / "station.yaml"
    fields = {"station": {"id": "ward"}, "fleet": {}, "redis": {"url": redis_server.url}}
    file.write_text(yaml.safe_dump(fields), encoding="utf-8")

    def run(station):
        result = CliRunner().invoke(beds, ["retire", station, "--config", str(file)], standalone_mode=False)
        return result.return_value, result.output

    return run


def test_a_retired_station_leaves_with_its_beds_and_one_that_died_stays(ward, retire):
    ward.run(3, {"a": ["bed-1"], "b": ["bed-2"], "c": ["bed-3"]})
    for station, bed in (("a", "bed-1"), ("b", "bed-2")):
        ward.fall_silent(station)
        ward.forget(bed)
    ward.run(60, {"c": ["bed-3"]})
    assert any("These stations are silent: a, b." in sentence for sentence in ward.notices())
    assert retire("a") == (0, "every ward's page that shows a as silent forgets it within half a minute\n")
    ward.run(20, {"c": ["bed-3"]})
    assert ward.reader.view.stations == {"b": False, "c": True}
    assert ward.states() == {"bed-2": BedState.CANNOT_SEE, "bed-3": BedState.NO_SIGN}
    ward.run(40, {"c": ["bed-3"]})
    assert any("These stations are silent: b." in sentence for sentence in ward.notices())
    assert any("No station watches bed-2:" in sentence for sentence in ward.notices())


def test_what_a_retired_station_left_on_ends_on_the_page_and_in_the_record(ward, retire, redis_server):
    ward.run(3, {"a": ["bed-1", "bed-3"], "b": ["bed-2"]})
    LeaseTable(ward.client, Keys("nicu", "b")).publish(
        FleetBed.model_validate({"id": "bed-3", "camera": {"url": "rtsp://camera/3"}})
    )
    report(redis_server, "a", None, "disk of a", code=Code.DISK_LOW)
    report(redis_server, "a", "bed-1", "pain at its own bed")
    report(redis_server, "a", "bed-3", "pain at a shared bed")
    report(redis_server, "b", None, "disk of b", code=Code.DISK_LOW)
    report(redis_server, "a", None, "over", Phase.END, code=Code.DISK_LOW)
    report(redis_server, "a", "bed-2", "went over to b")
    report(redis_server, "b", "bed-2", "went over to b")
    ward.run(1, {"b": ["bed-2"]})
    assert {"disk of a", "disk of b"} <= open_ids(ward)
    ward.fall_silent("a")
    ward.forget("bed-1")
    ward.run(30, {"b": ["bed-2"]})
    code, words = retire("a")
    assert (code, words.splitlines()[0]) == (0, "alerts that a left on and that have ended now: 2")
    ward.run(20, {"b": ["bed-2"]})
    assert "disk of a" not in open_ids(ward)
    assert "disk of b" in open_ids(ward)
    records = [json.loads(fields["alert"]) for _, fields in ward.client.xrange("nicu:alerts")]
    ended = {one["alert_id"]: one for one in records if "out of service" in one["detail"]}
    assert set(ended) == {"disk of a", "pain at its own bed"}
    assert all(one["signal"] == "off" and one["validity"] == "questionable" for one in ended.values())
    assert "See for yourself" in ended["pain at its own bed"]["remedy"]
    retire("a")
    assert len(records) == ward.client.xlen("nicu:alerts")
    ward = StationsAndWard(redis_server)  # a page that starts later
    ward.run(1, {"b": ["bed-2"]})
    assert "disk of a" not in open_ids(ward)


def open_ids(ward):
    return {alert.newest.alert_id for alert in ward.board.snapshot().open_alerts}


def report(redis_server, station, bed, alert_id, phase=Phase.START, **changes):
    """Write an alert as a station does."""
    draft = make_draft(alert_id, phase, **changes).model_copy(update={"station": station, "bed": bed, "camera": bed})
    alert = Alert(**draft.model_dump(by_alias=False), producer_id=station, seq=1, published_at=draft.determined_at)
    redis_server.client().xadd("nicu:alerts", {"alert_id": alert_id, "alert": alert.model_dump_json()})


def test_a_station_that_lives_is_not_retired(ward, retire):
    ward.run(3, {"a": ["bed-1"]})
    code, words = retire("a")
    assert (code, words) == (1, "a gives its heartbeat; stop it first. Nothing was changed\n")
    ward.run(20, {"a": ["bed-1"]})
    assert ward.states() == {"bed-1": BedState.NO_SIGN}


def test_a_station_that_came_back_after_it_was_retired_is_missed_when_it_dies(ward, retire):
    ward.run(3, {"a": ["bed-1"], "b": []})
    ward.fall_silent("a")
    ward.run(3, {"b": []})
    retire("a")  # the state of its bed is still there
    ward.run(10, {"b": []})
    assert ward.reader.view.stations == {"b": True}
    ward.run(5, {"a": ["bed-1"], "b": []})
    ward.fall_silent("a")
    ward.run(30, {"b": []})
    assert ward.reader.view.stations == {"a": False, "b": True}
    assert ward.states() == {"bed-1": BedState.CANNOT_SEE}
