"""A bed that left its station's configuration leaves the page of a ward; one that nobody can see any more does not."""

import pytest
from ward_stations import StationsAndWard

from monitor.board import BedState


@pytest.fixture
def ward(redis_server):
    return StationsAndWard(redis_server)


def test_a_bed_that_was_removed_vanishes_without_an_alarm_and_returns_as_a_new_one(ward):
    ward.run(3, {"a": ["bed-1", "bed-2"]})
    ward.forget("bed-2")
    for _ in range(15):
        ward.run(1, {"a": ["bed-1"]})
        assert ward.notices() == []
    assert ward.states() == {"bed-1": BedState.NO_SIGN}
    assert set(ward.reader.view.beds) == {"bed-1"}
    ward.run(8, {"a": ["bed-1", "bed-2"]})
    assert ward.states() == dict.fromkeys(("bed-1", "bed-2"), BedState.NO_SIGN)


def test_a_bed_whose_station_names_it_but_does_not_say_what_it_shows_stays_and_is_an_alarm(ward):
    ward.run(3, {"a": ["bed-1", "bed-2"]})
    ward.forget("bed-2")
    for _ in range(30):
        ward.run(1, {"a": ["bed-1"]}, also_named={"a": ["bed-2"]})
    assert ward.states() == {"bed-1": BedState.NO_SIGN, "bed-2": BedState.CANNOT_SEE}
    assert any("No station watches bed-2" in sentence for sentence in ward.notices())


def test_the_beds_of_a_silent_station_and_of_one_that_names_none_stay_until_somebody_says_more(ward):
    ward.run(3, {"a": ["bed-1"], "b": ["bed-2"]})
    ward.fall_silent("a")
    ward.forget("bed-1")
    ward.forget("bed-2")
    ward.run(30, {"b": []}, names_beds=False)
    assert ward.states() == dict.fromkeys(("bed-1", "bed-2"), BedState.CANNOT_SEE)
    assert {bed.info.bed_id: bed.info.station for bed in ward.board.snapshot().beds} == {"bed-1": "a", "bed-2": "b"}
    assert any("No station watches bed-1, bed-2" in sentence for sentence in ward.notices())
    ward.run(10, {"a": [], "b": []})
    assert ward.states() == {}
    assert not any("No station watches" in sentence for sentence in ward.notices())


@pytest.mark.parametrize("heartbeat", ["", "[]", "7", "{", '{"beds": 7}', '{"beds": null}', "[" * 100_000])
def test_a_heartbeat_that_cannot_be_read_lets_no_bed_go(ward, heartbeat):
    ward.run(3, {"a": ["bed-1"]})
    ward.forget("bed-1")
    ward.client.set("nicu:heartbeat:a", heartbeat)
    ward.run(12, {})
    assert ward.states() == {"bed-1": BedState.CANNOT_SEE}
