"""A station leaves the page of a ward when somebody says that it is out of service, and never by falling silent."""

import pytest
import yaml
from click.testing import CliRunner
from ward_stations import StationsAndWard

from monitor.board import BedState
from monitor.commands.beds import beds


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
