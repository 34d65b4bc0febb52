"""A researcher reads and exports what was recorded, acts on nothing, and sees no picture unless that is granted."""

import csv
import io
import shutil
from datetime import UTC, datetime

import numpy as np
import pytest
from click.testing import CliRunner
from recorded_board import write_day

from monitor.commands.users import command
from monitor.control.access import AccessList, Role, hash_token
from monitor.control.bed_scope import BedScope
from monitor.errors import HistoryError
from monitor.faces.patient_tracker import FrameFaces
from monitor.history.database import HistoryView
from monitor.pain.vocabulary import Observation, Validity, Visibility
from monitor.video.frame import Frame
from monitor.web.users import User, read_users, write_users

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
HOUR = {"from": "2026-01-31T11:00:00Z", "to": "2026-01-31T12:00:00Z"}


def bearer(letter):
    return {"Authorization": "Bearer " + letter * 43}


RESEARCHER, GRANTED, VIEWER, NURSE, ADMIN, NORTH = (bearer(letter) for letter in "rgvnas")


@pytest.fixture
def study(make_rig, tmp_path, written):
    path = tmp_path / "users"
    write_users(
        path,
        [
            User("study", Role.RESEARCHER, hash_token("r" * 43)),
            User("granted", Role.RESEARCHER, hash_token("g" * 43), pictures=True),
            User("wall", Role.VIEWER, hash_token("v" * 43)),
            User("anna", Role.NURSE, hash_token("n" * 43)),
            User("boss", Role.ADMIN, hash_token("a" * 43)),
            User("one-bed", Role.RESEARCHER, hash_token("s" * 43), BedScope.parse("bed-1")),
        ],
    )
    rig = make_rig(path, history=True, preview="full")
    rig.clock.advance_to(NOW.timestamp())
    shutil.copytree(written, tmp_path / "history")
    return rig


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    directory = tmp_path_factory.mktemp("day")
    write_day(directory, NOW)
    return directory


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("path", ["/beds", "/beds/bed-1/history", "/alerts", "/handover", "/station", "/session"])
def test_a_researcher_reads_what_a_viewer_reads(study, path):
    assert study.client().get(f"/api/v1{path}", headers=RESEARCHER).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/alerts/a1/acknowledge", "/alerts/a1/withdraw", "/beds/bed-1/pause", "/beds/bed-1/resume", "/beds/bed-1/admit",
        "/beds/bed-1/discharge", "/beds/bed-1/standby", "/beds/bed-1/procedure", "/beds/bed-1/undo",
        "/beds/bed-1/region", "/reload",
    ],
)  # fmt: skip
def test_a_researcher_acts_on_nothing_and_configures_nothing(study, path):
    study.alert("a1")
    content = {"/beds/bed-1/procedure": {"kind": "heel_lance"}, "/beds/bed-1/undo": {"statement": "admit"}}
    refused = study.client().post(f"/api/v1{path}", json=content.get(path, {}), headers=GRANTED)
    assert (refused.status_code, refused.json()["code"]) == (403, "role_missing")
    assert study.acknowledged == []


def test_the_live_picture_is_there_for_who_may_see_it_only(study):
    now = study.clock.monotonic()
    seen = Observation(now, 0.1, 0.1, 0.1, 1.0, 0.0, Validity.VALID, 0.0)
    frame = Frame(np.zeros((54, 96, 3), np.uint8), now, None, 1)
    study.board.observe("bed-1", seen, frame, FrameFaces((), None, Visibility.NO_FACE, None, 0, 0))

    def status(headers):
        return study.client().get("/api/v1/beds/bed-1/preview.jpg", headers=headers).status_code

    assert [status(who) for who in (RESEARCHER, GRANTED, VIEWER, NURSE)] == [404, 200, 200, 200]


def test_the_levels_of_an_hour_are_those_of_the_history_with_nothing_for_what_is_not_known(study):
    client = study.client()
    answer = client.get("/api/v1/export/levels.csv", params=HOUR, headers=RESEARCHER)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="levels-20260131T1100Z.csv"' in answer.headers["content-disposition"]
    local = {"from": "2026-01-31T08:00:00-03:00", "to": "2026-01-31T09:00:00-03:00"}
    same = client.get("/api/v1/export/levels.csv", params=local, headers=RESEARCHER)
    assert same.headers["content-disposition"] == answer.headers["content-disposition"]
    exported = [row for row in rows(answer.text) if row["bed"] == "bed-1"]
    points = client.get("/api/v1/beds/bed-1/history", params=HOUR, headers=RESEARCHER).json()
    assert len(points) > 1_700
    read = [
        {"at": row["at"], "level": float(row["level"]) if row["level"] else None, "state": row["state"]}
        for row in exported
    ]
    assert read == [{name: point[name] for name in ("at", "level", "state")} for point in points]
    blind = {"from": "2026-01-31T09:30:00Z", "to": "2026-01-31T09:31:00Z", "bed": "bed-1"}
    unseen = rows(client.get("/api/v1/export/levels.csv", params=blind, headers=RESEARCHER).text)
    assert {row["level"] for row in unseen} == {""}


def test_episodes_say_how_long_an_answer_took_and_not_whose_it_was(study):
    day = {"from": "2026-01-30T13:00:00Z"}
    client = study.client()
    text = client.get("/api/v1/export/episodes.csv", params=day, headers=RESEARCHER).text
    shift = client.get(
        "/api/v1/handover", params={"since": day["from"], "until": "2026-01-31T12:00:00Z"}, headers=RESEARCHER
    ).json()
    named = {one["acknowledged_by"] for bed in shift["beds"] for one in bed["pain"]} - {None}
    pain = [row for row in rows(text) if row["code"].startswith("pain_")]
    assert len(pain) == sum(len(bed["pain"]) for bed in shift["beds"]) > 0
    assert named
    assert not any(name in text for name in named)
    assert any(row["answer_seconds"] for row in pain)


@pytest.mark.parametrize(("file", "records"), [("levels", "minutes"), ("episodes", "alerts")])
@pytest.mark.parametrize("damaged", ["bed-1", "bed-2"])
def test_a_record_that_is_damaged_is_a_refusal_and_not_half_a_file(study, monkeypatch, file, records, damaged):
    """Whichever bed it is of: who counts episodes would not notice that the last beds are missing."""
    read = getattr(HistoryView, records)

    def fail(view, bed, *stretch):
        if bed == damaged:
            raise HistoryError("history.sqlite is damaged", damaged=True)
        return read(view, bed, *stretch)

    monkeypatch.setattr(HistoryView, records, fail)
    refused = study.client().get(f"/api/v1/export/{file}.csv", params=HOUR, headers=RESEARCHER)
    assert (refused.status_code, "damaged" in refused.json()["detail"]) == (503, True)


@pytest.mark.parametrize("file", ["levels", "episodes"])
def test_who_may_export(study, file):
    def status(headers, **params):
        path = f"/api/v1/export/{file}.csv"
        return study.client().get(path, params={**HOUR, **params}, headers=headers).status_code

    assert [status(who) for who in (RESEARCHER, ADMIN, NURSE, VIEWER)] == [200, 200, 403, 403]
    assert [status(NORTH, bed=bed) for bed in ("bed-1", "bed-2")] == [200, 404]
    assert status(RESEARCHER, to="2026-03-01T00:00:00Z") == 422
    only = study.client().get(f"/api/v1/export/{file}.csv", params=HOUR, headers=NORTH).text
    assert "bed-2" not in only


def test_the_description_for_machines_names_the_role_of_every_route(study):
    document = study.client().get("/openapi.json", headers=RESEARCHER).json()
    roles = {
        (method, path): {role for way in operation["security"] for named in way.values() for role in named}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert roles["get", "/api/v1/beds"] == {"viewer"}
    assert roles["get", "/api/v1/export/levels.csv"] == {"researcher"}
    settings = {
        f"/api/v1/{path}" for path in ("reload", "beds/{bed}/region", "beds/{bed}/camera", "beds/{bed}/camera/try")
    }
    assert {frozenset(roles["post", path]) for path in settings} == {frozenset({"admin"})}
    own_devices = {path for method, path in roles if method == "post" and path.startswith("/api/v1/push/")}
    assert {frozenset(roles["post", path]) for path in own_devices} == {frozenset({"viewer"})}
    others = {path for method, path in roles if method == "post"} - settings - own_devices
    assert {frozenset(roles["post", path]) for path in others} == {frozenset({"nurse"})}
    assert set(document["components"]["securitySchemes"]) == {"token", "session"}


def test_the_grant_is_written_read_and_given_to_researchers_only(tmp_path):
    file = tmp_path / "users"
    run = CliRunner().invoke
    made = run(command, ["token", str(file), "study-7", "--role", "researcher", "--pictures", "--beds", "north-*"])
    assert made.exit_code == 0
    assert run(command, ["token", str(file), "study-8", "--role", "researcher"]).exit_code == 0
    first, second = read_users(file).all()
    assert (first.pictures, first.sees_pictures, second.pictures, second.sees_pictures) == (True, True, False, False)
    listed = run(command, ["list", str(file)]).output.splitlines()
    assert [line.split()[0] for line in listed if "with pictures" in line] == ["study-7"]
    assert AccessList.read(file).identify(made.output.strip()).role is Role.RESEARCHER
    refused = run(command, ["token", str(file), "anna", "--role", "nurse", "--pictures"])
    assert refused.exit_code == 2
    assert "only a researcher needs it" in refused.output
