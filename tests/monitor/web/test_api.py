"""The API and the gate before it: what programs get, and what strangers do not."""

import json
import re
import time
from pathlib import Path

import httpx
import jsonschema
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from monitor.board import StationStatus
from monitor.pain.vocabulary import (
    Phase,
    Signal,
)
from monitor.web.records import observation_json_schema

REPOSITORY = Path(__file__).resolve().parents[3]
TOKEN = {"Authorization": "Bearer " + "t" * 43}


PATHS = (
    "/api/v1/beds",
    "/api/v1/alerts",
    "/api/v1/station",
    "/api/v1/events",
    "/openapi.json",
    "/api/v1/beds/bed-1/preview.jpg",
)


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_revealed_to_a_stranger(rig, path):
    client = rig.client()
    assert client.get(path).status_code == 401
    assert client.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 401
    browser = client.get(path, headers={"Accept": "text/html"})
    is_page = not path.startswith("/api")
    assert browser.status_code == (303 if is_page else 401)
    assert browser.headers.get("location") == (f"/login?next={path}" if is_page else None)


def test_health_needs_no_login(rig):
    assert rig.client().get("/healthz").status_code == 200


def test_an_observation_follows_the_published_schema(rig):
    rig.observe()
    rig.board.station(StationStatus("station-1", "1.0", "test"))
    bed = rig.client().get("/api/v1/beds/bed-1", headers=TOKEN).json()
    schema = json.loads((REPOSITORY / "configs/schemas/observation.schema.json").read_text())
    assert schema == observation_json_schema()
    jsonschema.validate(bed["observation"], schema)
    assert bed["observation"]["state"] == "no_sign"
    assert bed["observation"]["level"] == 0.2
    blind = rig.client().get("/api/v1/beds/bed-2", headers=TOKEN).json()["observation"]
    jsonschema.validate(blind, schema)
    assert (blind["level"], blind["validity"], blind["can_see"]) == (None, "invalid", False)
    assert blind["on_share"] is None


def test_beds_come_in_order_of_urgency_with_their_alerts(rig):
    rig.observe("bed-1")
    rig.observe("bed-2")
    rig.alert(bed="bed-2")
    beds = rig.client().get("/api/v1/beds", headers=TOKEN).json()
    assert [bed["observation"]["bed"] for bed in beds] == ["bed-2", "bed-1"]
    assert beds[0]["open_alerts"][0]["why"]["share_of_window"] == 0.5


def test_history_has_labels_of_the_wall_clock(rig):
    rig.observe(level=0.3)
    rig.clock.advance(4.0)
    rig.observe(level=None)
    points = rig.client().get("/api/v1/beds/bed-1/history", headers=TOKEN).json()
    assert [point["level"] for point in points] == [0.3, None]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", points[0]["at"])


def test_alerts_can_be_narrowed(rig):
    rig.alert("a1")
    rig.alert("a2", bed="bed-2", phase=Phase.END, condition_present=False, signal=Signal.OFF)
    client = rig.client(headers=TOKEN)

    def ids(query):
        return [item["alert"]["alert_id"] for item in client.get(f"/api/v1/alerts{query}").json()]

    assert ids("") == ["a1", "a2"]
    assert ids("?open=true") == ["a1"]
    assert ids("?open=false") == ["a2"]
    assert ids("?bed=bed-2") == ["a2"]
    assert client.get("/api/v1/alerts/a2").json()["ended_at"] is not None


@pytest.mark.parametrize(
    "path", ["/api/v1/beds/none", "/api/v1/alerts/none", "/api/v1/fhir/Observation/none", "/api/v1/none"]
)
def test_what_is_not_there_is_404(rig, path):
    assert rig.client(headers=TOKEN).get(path).status_code == 404


def test_a_viewer_may_not_acknowledge(rig):
    rig.alert()
    assert rig.client(headers=TOKEN).post("/api/v1/alerts/a1/acknowledge").status_code == 403
    assert rig.acknowledged == []


def log_in(rig, client, guess=None):
    form = {"name": "anna", "secret": guess or "another password"}
    return client.post("/login", data=form, headers=rig.own)


def test_a_nurse_acknowledges_under_her_own_name(rig):
    rig.alert()
    client = rig.client()
    answer = log_in(rig, client)
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    posted = client.post("/api/v1/alerts/a1/acknowledge", json={"by": "somebody else"}, headers=rig.own)
    assert (posted.status_code, posted.json()) == (202, {"alert_id": "a1", "by": "anna"})
    assert [(one.alert_id, one.by) for one in rig.acknowledged] == [("a1", "anna")]
    assert client.post("/api/v1/alerts/none/acknowledge", headers=rig.own).status_code == 404


def test_without_a_login_the_name_must_be_given(open_rig):
    open_rig.alert()
    client = open_rig.client()
    assert client.post("/api/v1/alerts/a1/acknowledge").status_code == 422
    assert client.post("/api/v1/alerts/a1/acknowledge", json={"by": "a\nb"}).json()["by"] == "a b"
    assert client.post("/api/v1/alerts/a1/acknowledge", json={"by": "\x00"}).status_code == 422


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "http://[", "https://127.0.0.1"]
)
def test_another_site_cannot_act_in_a_users_name(open_rig, origin):
    open_rig.alert()
    client = open_rig.client()
    assert client.post("/api/v1/alerts/a1/acknowledge", json={"by": "x"}, headers={"Origin": origin}).status_code == 403
    assert client.post("/login", data={"name": "a", "secret": "b"}, headers={"Origin": origin}).status_code == 403
    assert client.post("/logout", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert open_rig.acknowledged == []


def test_a_websocket_from_another_site_is_refused(open_rig):
    address = open_rig.url.replace("http", "ws") + "/_nicegui_ws/socket.io/"
    with pytest.raises(InvalidStatus) as caught, connect(address, origin="http://evil.example"):
        pass
    assert caught.value.response.status_code == 403


def test_a_websocket_without_a_login_is_refused(rig):
    address = rig.url.replace("http", "ws") + "/_nicegui_ws/socket.io/"
    with pytest.raises(InvalidStatus) as caught, connect(address, origin=rig.url):
        pass
    assert caught.value.response.status_code == 403


HOSTS = {
    "evil.example": 421,
    "127.0.0.1.evil.example": 421,
    "[": 421,
    "localhost:1": 200,
    "[::1]:9108": 200,
    "127.0.0.1": 200,
}


@pytest.mark.parametrize(("host", "status"), HOSTS.items())
def test_a_name_that_only_points_here_gets_nothing(open_rig, host, status):
    assert open_rig.client().get("/api/v1/beds", headers={"Host": host}).status_code == status


def test_names_of_a_proxy_are_allowed_by_configuration(make_rig):
    rig = make_rig(anonymous="viewer", allowed_hosts=("nicu.example",))
    assert rig.client().get("/api/v1/beds", headers={"Host": "nicu.example"}).status_code == 200


def test_prometheus_and_probes_may_come_by_any_name_where_others_reach_the_station(make_rig):
    """A pod's probes come by its address, which nobody can list; what they read is open to all who reach the port."""
    rig = make_rig(anonymous="none", host="0.0.0.0", allowed_hosts=("nicu.example",))  # noqa: S104 - only configured
    other = {"Host": "10.1.2.3:9108"}
    assert rig.client().get("/healthz", headers=other).status_code == 200
    assert rig.client().get("/api/v1/beds", headers=other).status_code == 421
    assert rig.client().post("/healthz", headers=other).status_code == 421
    # On a loopback address, other names come from pages that point them there.
    alone = make_rig(anonymous="none")
    assert alone.client().get("/healthz", headers={"Host": "evil.example"}).status_code == 421


def test_guessing_at_a_password_is_slowed_down(rig):
    client = rig.client()
    statuses = [log_in(rig, client, f"guess {n}").status_code for n in range(6)]
    assert statuses == [401] * 5 + [429]
    # Even the right one has to wait now.
    answer = log_in(rig, client)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    rig.clock.advance(31.0)
    assert log_in(rig, client).status_code == 303


def test_a_login_leads_to_this_station_only(rig):
    client = rig.client()
    for path in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\nb", "//["):
        assert 'name="next" value="/"' in client.get("/login", params={"next": path}).text
    form = {"name": "anna", "secret": "another password", "next": "//evil.example"}
    assert client.post("/login", data=form, headers=rig.own).headers["location"] == "/"


def test_what_is_typed_into_the_address_is_not_run(rig):
    text = rig.client().get("/login", params={"next": '/"><script>alert(1)</script>'}).text
    assert "<script>" not in text


def test_the_form_says_that_a_login_has_ended_also_where_nobody_can_log_in(make_rig):
    client = make_rig().client()
    text = client.get("/login", params={"ended": "1", "next": "/bed/bed-1"}).text
    assert "Nothing is signalled here." in text
    assert "Nobody can log in yet" in text
    assert "ended%3D1%26next%3D/bed/bed-1" in text, "and says it in another language, too"
    assert "Nothing is signalled here." not in client.get("/login").text


def test_every_answer_forbids_to_load_from_elsewhere(rig):
    for path in ("/login", "/healthz", "/api/v1/beds"):
        headers = rig.client().get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "http" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["cache-control"] == "no-store"


def test_the_description_names_every_route(rig):
    paths = rig.client(headers=TOKEN).get("/openapi.json").json()["paths"]
    assert set(paths) == {
        "/api/v1/session", "/api/v1/station", "/api/v1/beds", "/api/v1/beds/{bed}", "/api/v1/beds/{bed}/history",
        "/api/v1/beds/{bed}/preview.jpg", "/api/v1/alerts", "/api/v1/alerts/{alert_id}",
        "/api/v1/alerts/{alert_id}/acknowledge", "/api/v1/alerts/{alert_id}/withdraw",
        "/api/v1/events", "/api/v1/fhir/Observation/{bed}",
        "/api/v1/fhir/DetectedIssue/{alert_id}", "/api/v1/beds/{bed}/pause", "/api/v1/beds/{bed}/resume",
        "/api/v1/beds/{bed}/admit", "/api/v1/beds/{bed}/discharge", "/api/v1/beds/{bed}/standby",
        "/api/v1/beds/{bed}/procedure", "/api/v1/beds/{bed}/undo", "/api/v1/handover", "/api/v1/reload", "/api/v1/ward",
        "/api/v1/beds/{bed}/region", "/api/v1/beds/{bed}/camera", "/api/v1/beds/{bed}/camera/try",
        "/api/v1/export/episodes.csv", "/api/v1/export/levels.csv", "/api/v1/push", "/api/v1/push/devices",
        "/api/v1/push/devices/{device}/remove", "/api/v1/push/devices/{device}/test",
    }  # fmt: skip
    # Read-only, but for what people say of alerts and beds, and what reads the configuration again.
    assert {method for path in paths.values() for method in path} == {"get", "post"}
    assert {path.rsplit("/", 1)[1] for path, methods in paths.items() if "post" in methods} == {
        "acknowledge", "pause", "reload", "resume", "withdraw", "admit", "discharge", "standby",
        "procedure", "undo", "region", "camera", "try", "devices", "remove", "test",
    }  # fmt: skip


def test_a_pause_silences_a_bed_in_the_nurse_s_name_until_it_is_ended(stage):
    station = stage()

    def is_signalled_as(signal):
        # What is shown is at most a second old.
        give_up = time.monotonic() + 20
        while [item["alert"]["signal"] for item in station.alerts("bed-1")] != [signal]:
            assert time.monotonic() < give_up, station.alerts("bed-1")
            time.sleep(0.1)
        return station.alerts("bed-1")[0]

    with httpx.Client(base_url=f"{station.url}/api/v1/beds/bed-1", timeout=20, trust_env=False) as client:
        calm = client.post("/pause", json={"by": "nurse 7"})
        assert calm.json() == {"bed": "bed-1", "by": "nurse 7", "changed": False}
        station.set_bed("bed-1", camera="lost")
        is_signalled_as("on")
        paused = client.post("/pause", json={"by": "nurse  7", "seconds": 60})
        assert paused.json() == {"bed": "bed-1", "by": "nurse 7", "changed": True}
        assert is_signalled_as("acknowledged")["acknowledgement"]["by"] == "nurse 7"
        pause = client.get(f"{station.url}/api/v1/beds/bed-1").json()["pause"]
        assert pause["by"] == "nurse 7"
        assert 30.0 < pause["seconds_left"] <= 60.0
        assert client.post("/resume", json={"by": "nurse 7"}).json()["changed"] is True
        is_signalled_as("on")


def test_who_lies_in_a_bed_is_said_by_a_nurse_and_shown_everywhere(stage):
    station = stage()

    def bed_once(state):
        give_up = time.monotonic() + 20
        while (bed := client.get(f"{station.url}/api/v1/beds/bed-1").json())["observation"]["state"] != state:
            assert time.monotonic() < give_up, bed
            time.sleep(0.1)
        return bed

    with httpx.Client(base_url=f"{station.url}/api/v1/beds/bed-1", timeout=20, trust_env=False) as client:
        station.set_bed("bed-1", score=0.95)
        bed_once("pain_sustained")
        assert client.post("/discharge", json={"by": "nurse 7"}).json()["changed"] is True
        bed = bed_once("empty")
        assert [(item["alert"]["code"], item["alert"]["signal"]) for item in bed["open_alerts"]] == [
            ("bed_empty", "acknowledged")
        ]
        assert bed["observation"]["level"] is None
        assert (bed["observation"]["can_see"], bed["observation"]["occupancy"]) == (False, "empty")
        assert bed["occupancy"]["by"] == "nurse 7"
        assert bed["rank"] > max(
            other["rank"] for other in client.get(f"{station.url}/api/v1/beds").json()
            if other["observation"]["bed"] != "bed-1"
        )  # fmt: skip
        refused = client.post("/standby", json={"by": "nurse 7", "seconds": 60})
        assert (refused.status_code, refused.json()["detail"]) == (409, "the bed is empty; admit an infant first")
        assert client.post("/discharge", json={"by": "nurse 7"}).json()["changed"] is False
        assert client.post("/admit", json={"by": "nurse 8", "infant": "infant-12"}).json()["changed"] is True
        assert bed_once("pain_sustained")["occupancy"]["infant"] == "infant-12"
        assert client.post("/standby", json={"by": "nurse 8"}).status_code == 409
        long = client.post("/standby", json={"by": "nurse 8", "seconds": 99_999})
        assert "at most 14400 s" in long.json()["detail"]
        wanted = {"by": "nurse 8", "seconds": 600, "until_face": True, "reason": "bath"}
        assert client.post("/standby", json=wanted).json()["changed"] is True
        bed = bed_once("standby")
        assert 500 < bed["occupancy"]["seconds_left"] <= 600
        assert (bed["occupancy"]["until_face"], bed["occupancy"]["reason"]) == (True, "bath")
        said = "By nurse 8, until a face returns, 10 min left. Pain is not watched. Reason: bath."
        assert bed["observation"]["detail"].startswith(said)
        assert client.post("/standby", json={**wanted, "reason": "a\u0007"}).status_code == 422


@pytest.mark.parametrize("action", ["pause", "resume", "admit", "discharge", "standby"])
def test_pausing_needs_a_nurse_a_bed_and_a_name(rig, open_rig, action):
    token = {"Authorization": "Bearer " + "t" * 43}  # a viewer's
    assert rig.client().post(f"/api/v1/beds/bed-1/{action}", headers=token).status_code == 403
    client = open_rig.client()
    assert client.post(f"/api/v1/beds/bed-9/{action}", json={"by": "nurse"}).status_code == 404
    assert client.post(f"/api/v1/beds/bed-1/{action}").status_code == 422
    assert client.post(f"/api/v1/beds/bed-1/{action}", json={"by": " "}).status_code == 422
    assert client.post("/api/v1/beds/bed-1/pause", json={"by": "a", "seconds": -1}).status_code == 422
    assert open_rig.acknowledged == []
    foreign = {"Origin": "https://evil.example"}
    assert client.post(f"/api/v1/beds/bed-1/{action}", json={"by": "a"}, headers=foreign).status_code == 403


def test_an_acknowledgement_is_withdrawn_by_a_nurse_within_seconds(stage):
    station = stage()
    station.set_bed("bed-1", camera="lost")
    station.wait_for_phase("bed-1", "start")
    (item,) = station.alerts("bed-1")
    with httpx.Client(base_url=f"{station.url}/api/v1/alerts", timeout=20, trust_env=False) as client:
        path = f"/{item['alert']['alert_id']}"
        assert client.post(f"{path}/withdraw", json={"by": "anna"}).status_code == 404
        assert client.post(f"{path}/acknowledge", json={"by": "anna"}).status_code == 202
        assert client.post(f"{path}/withdraw", json={"by": "bert"}).status_code == 404
        assert client.post(f"{path}/withdraw", json={"by": "anna"}).status_code == 202
        assert client.post(f"{path}/withdraw").status_code == 422


def test_a_viewer_cannot_withdraw_an_acknowledgement(rig):
    rig.alert()
    assert rig.client(headers=TOKEN).post("/api/v1/alerts/a1/withdraw").status_code == 403
    assert rig.acknowledged == []
