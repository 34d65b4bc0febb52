"""A station that is silent, or says that a part of it stopped, blinds its own beds on the page of a ward alone."""

import pytest
from alerts import make_draft
from ward_stations import StationsAndWard

from monitor.alerts.record import Alert
from monitor.board import BedState
from monitor.pain.vocabulary import Code


@pytest.fixture
def ward(redis_server):
    return StationsAndWard(redis_server)


def test_the_beds_of_a_dead_station_show_what_the_one_that_took_them_says_and_the_others_cannot_be_seen(ward):
    ward.run(10, {"a": ["bed-1", "bed-2"], "b": ["bed-3"]})
    assert ward.states() == dict.fromkeys(("bed-1", "bed-2", "bed-3"), BedState.NO_SIGN)
    ward.fall_silent("a")
    ward.run(20, {"b": ["bed-1", "bed-3"]})
    assert any("These stations are silent: a." in sentence for sentence in ward.notices())
    assert ward.states() == {
        "bed-1": BedState.NO_SIGN,
        "bed-2": BedState.CANNOT_SEE,
        "bed-3": BedState.NO_SIGN,
    }


def test_what_one_station_says_of_itself_is_not_said_of_the_beds_of_another(ward):
    ward.run(3, {"a": ["bed-1"], "b": ["bed-2"]})
    draft = make_draft("stopped", code=Code.SELF_CHECK_FAILED).model_dump(mode="json")
    of_station = {"station": "b", "bed": None, "camera": None}
    numbered = {"producer_id": "p", "seq": 1, "published_at": draft["determined_at"]}
    sent = Alert.model_validate({**draft, **of_station, **numbered})
    ward.client.xadd("nicu:alerts", {"alert": sent.model_dump_json()})
    ward.run(3, {"a": ["bed-1"], "b": ["bed-2"]})
    assert ward.states() == {"bed-1": BedState.NO_SIGN, "bed-2": BedState.CANNOT_SEE}
    ward.run(3, {"a": ["bed-1", "bed-2"], "b": []})
    assert ward.states() == dict.fromkeys(("bed-1", "bed-2"), BedState.NO_SIGN), "another station has it now"


def test_what_a_station_without_heartbeat_writes_on_is_not_shown_as_seen(ward):
    ward.run(3, {"a": ["bed-1"], "b": ["bed-2"]})
    ward.fall_silent("a")
    ward.run(10, {"b": ["bed-2"]}, written_by_silent={"a": ["bed-1"]})
    assert ward.states() == {"bed-1": BedState.CANNOT_SEE, "bed-2": BedState.NO_SIGN}
    ward.run(3, {"a": ["bed-1"], "b": ["bed-2"]})
    assert ward.states() == dict.fromkeys(("bed-1", "bed-2"), BedState.NO_SIGN)
