"""Who may see some beds only: for them there are no others, by any way in."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.control.access import AccessList, Role, hash_token
from monitor.control.bed_scope import EVERY_BED, BedScope
from monitor.control.requests import Acknowledge, Pause
from monitor.errors import ConfigError, RefusedError
from monitor.web.limited_site import limit_site
from monitor.web.users import User, read_users, write_users

NORTH, ALL = {"Authorization": "Bearer " + "n" * 43}, {"Authorization": "Bearer " + "a" * 43}


@pytest.fixture
def limited(make_rig, tmp_path):
    """A station with two beds, a nurse of bed-1, and one of every bed."""
    path = tmp_path / "users"
    write_users(
        path,
        [
            User("north", Role.NURSE, hash_token("n" * 43), BedScope.parse("bed-1,north-*")),
            User("all", Role.NURSE, hash_token("a" * 43)),
        ],
    )
    rig = make_rig(path)
    for bed in ("bed-1", "bed-2"):
        rig.observe(bed)
        rig.alert(f"alert-of-{bed}", bed)
    return rig


@pytest.mark.parametrize(
    "path",
    [
        "/beds/{bed}",
        "/beds/{bed}/history",
        "/alerts/alert-of-{bed}",
        "/fhir/Observation/{bed}",
        "/fhir/DetectedIssue/alert-of-{bed}",
    ],
)
def test_one_bed_is_there_for_who_may_see_it(limited, path):
    client = limited.client()

    def status(bed, headers):
        return client.get("/api/v1" + path.format(bed=bed), headers=headers).status_code

    assert (status("bed-1", NORTH), status("bed-2", NORTH), status("bed-2", ALL)) == (200, 404, 200)


@pytest.mark.parametrize("path", ["/beds", "/alerts", "/alerts?bed=bed-2"])
def test_no_list_holds_another_bed(limited, path):
    client = limited.client()
    assert "bed-2" not in client.get(f"/api/v1{path}", headers=NORTH).text.replace("alert-of-bed-1", "")
    assert "bed-2" in client.get(f"/api/v1{path}", headers=ALL).text


@pytest.mark.parametrize("what", ["pause", "resume", "admit", "discharge", "standby"])
def test_nothing_is_asked_of_another_bed(limited, what):
    client = limited.client()
    content = {"seconds": 60} if what == "standby" else {}
    assert client.post(f"/api/v1/beds/bed-2/{what}", json=content, headers=NORTH).status_code == 404
    assert limited.acknowledged == []
    assert client.post(f"/api/v1/beds/bed-1/{what}", json=content, headers=NORTH).status_code == 200
    assert [request.bed for request in limited.acknowledged] == ["bed-1"]


def test_another_bed_s_alert_is_not_acknowledged_nor_one_of_the_station(limited):
    client = limited.client()
    limited.alert("of-the-station", None)

    def status(alert_id, what="acknowledge"):
        return client.post(f"/api/v1/alerts/{alert_id}/{what}", headers=NORTH).status_code

    assert status("alert-of-bed-2") == 404
    assert status("alert-of-bed-2", "withdraw") == 404
    assert status("of-the-station") == 409
    assert limited.acknowledged == []
    assert status("alert-of-bed-1") == 202
    assert limited.acknowledged == [Acknowledge("alert-of-bed-1", "north")]


def test_events_are_those_of_the_own_beds_and_end_when_others_are_given(limited, tmp_path):
    client = limited.client()
    with client.stream("GET", "/api/v1/events", headers={**NORTH, "Last-Event-ID": "other-0"}) as answer:
        seen = []
        for line in answer.iter_lines():
            if line.startswith("data:"):
                seen.append(line)
            if len(seen) == 2:
                write_users(tmp_path / "users", [User("north", Role.NURSE, hash_token("n" * 43), BedScope(("x",)))])
    assert "alert-of-bed-1" in seen[0]
    assert not any('"bed-2"' in line for line in seen)
    assert client.get("/api/v1/beds", headers=NORTH).json() == []


def test_the_ward_and_the_pictures_are_limited_as_well(limited):
    whole = {"beds": {"bed-1": "a", "bed-2": "b"}, "shared": ["bed-1", "bed-2"], "unwatched": ["bed-2"], "silent": []}
    site = limit_site(limited.site, BedScope(("bed-1",)))
    assert site.ward is None
    assert site.previews.jpeg("bed-2") is None
    assert site.board.picture("bed-2") is None
    object.__setattr__(limited.site, "ward", lambda: whole)
    found = limit_site(limited.site, BedScope(("bed-1",))).ward()
    assert found == {"beds": {"bed-1": "a"}, "shared": ["bed-1"], "unwatched": [], "silent": []}
    assert limit_site(limited.site, EVERY_BED) is limited.site
    with pytest.raises(RefusedError, match="every bed"):
        site.handle(Pause(None, "north"))


def test_the_limit_is_in_the_file_and_a_wrong_one_is_named(tmp_path):
    path = tmp_path / "users"
    user = User("north", Role.NURSE, hash_token("n" * 43), BedScope.parse("north-*, bed-7"))
    write_users(path, [user])
    assert read_users(path).get("north") == user
    assert AccessList.read(path).identify("n" * 43).beds == user.beds
    path.write_text(f"north nurse {'0' * 64} beds=nörth\n")
    for read in (read_users, AccessList.read):
        with pytest.raises(ConfigError, match=r":1: beds=: write ids of beds"):
            read(path)


@given(st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,10}", fullmatch=True), min_size=1), st.data())
def test_plain_ids_cover_themselves_and_nothing_else(beds, data):
    scope = BedScope.parse(",".join(beds))
    other = data.draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,10}", fullmatch=True))
    assert scope.covers(other) == (other in beds)
    assert not scope.covers(None)
    assert BedScope.parse(str(scope)) == scope
    assert json.dumps(scope.patterns)
