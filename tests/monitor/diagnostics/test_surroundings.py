"""`check` sees what a file names and this machine lacks, and settings with which no alarm would come."""

import importlib.util
import json

import pytest
import yaml
from click.testing import CliRunner

from export.bundle_writer import write_bundle
from monitor.commands.check import command
from monitor.config import AlarmSettings
from monitor.diagnostics.surroundings import find_silent_settings
from monitor.inference import engine_factory
from monitor.inference.bundle import read_bundle
from monitor.web.users import write_users


def check(directory, **sections):
    config = {"beds": [{"id": "bed-1", "camera": {"url": "synthetic://calm"}}], **sections}
    file = directory / "station.yaml"
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    done = CliRunner().invoke(command, [str(file), "--json"], standalone_mode=False)
    rows = json.loads(done.stdout)
    assert done.return_value == (1 if rows else 0)
    return [(row["field"], row["message"], row["line"]) for row in rows]


def packaged_classifier(directory, verification):
    """Store the packaged classifier as a bundle with another outcome of its verification."""
    packaged = read_bundle("ncnn-demo", kind="classifier")
    contents = {name: packaged.read(name) for name in packaged.manifest.files if name != "verification.json"}
    variants = tuple(one.model_copy(update={"verification": verification}) for one in packaged.manifest.variants)
    return write_bundle(directory, packaged.manifest.model_copy(update={"variants": variants}), contents).path


def beds(*urls):
    return [{"id": f"bed-{n}", "camera": {"url": url}} for n, url in enumerate(urls, start=1)]


def test_a_right_file_has_no_mistakes(tmp_path):
    video = tmp_path / "trial.mp4"
    video.write_bytes(b"pictures")
    users = tmp_path / "users"
    write_users(users, [])
    assert check(tmp_path, beds=beds(str(video), "synthetic://pain"), web={"users_file": str(users)}) == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("/nowhere/trial.mp4", "no video file at /nowhere/trial.mp4"),
        ("file:///nowhere/trial.mp4", "no video file at /nowhere/trial.mp4"),
        ("10.0.0.1/stream1", "write its protocol first, such as rtsp://10.0.0.1/..."),
        ("camera-1.ward.example/user=admin&password=hunter2", "such as rtsp://camera-1.ward.example/..."),
        ("synthetic://pain?speed=2", "unknown parts speed"),
        ("synthetic://panic", "no such synthetic scenario; choose one of calm, pain"),
    ],
)
def test_a_video_that_is_not_there_is_named_with_its_line(tmp_path, url, words):
    ((field, message, line),) = check(tmp_path, beds=beds("synthetic://calm", url))
    assert field == "beds[1].camera.url"
    assert words in message
    assert "hunter2" not in message
    assert (tmp_path / "station.yaml").read_text().splitlines()[line - 1].strip() == f"url: {url}"


def test_one_video_for_two_beds(tmp_path):
    video = tmp_path / "trial.mp4"
    video.write_bytes(b"pictures")
    ((field, message, _),) = check(tmp_path, beds=beds(str(video), f"file://{tmp_path}/../{tmp_path.name}/trial.mp4"))
    assert field == "beds[1].camera.url"
    assert "both beds would show one infant" in message


def test_a_bundle_and_users_that_are_not_there(tmp_path):
    found = check(tmp_path, models={"classifier": "no-such-model"}, web={"users_file": str(tmp_path / "users")})
    assert [field for field, _, _ in found] == ["models.classifier", "web.users_file"]
    assert "no bundle 'no-such-model'" in found[0][1]
    assert "cannot read the users file" in found[1][1]
    assert all(line for _, _, line in found)


def test_a_model_that_no_station_would_run_is_named(tmp_path):
    path = packaged_classifier(tmp_path / "bundle", {"onnxruntime": "failed"})
    ((field, message, line),) = check(tmp_path, models={"classifier": str(path)})
    assert (field, bool(line)) == ("models.classifier", True)
    assert "model.onnx of bundle ncnn-demo failed its verification and is not run" in message


def test_an_engine_that_would_be_refused_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(engine_factory, "missing_reason", lambda name: None if "openvino" not in name else "not here")
    models = {"classifier": "ncnn-demo", "classifier_engine": "openvino"}
    assert check(tmp_path, models=models) == []
    ((field, message, _),) = check(tmp_path, models={**models, "on_missing_engine": "refuse"})
    assert field == "models.classifier"
    assert "bundle ncnn-demo cannot run on openvino here (openvino: not here)" in message

    monkeypatch.setattr(engine_factory, "missing_reason", lambda _: None)
    path = packaged_classifier(tmp_path / "bundle", {"onnxruntime": "passed"})
    models = {"classifier": str(path), "classifier_engine": "openvino-bf16", "on_missing_engine": "refuse"}
    ((field, message, _),) = check(tmp_path, models=models)
    assert field == "models.classifier"
    assert "is not verified with openvino-bf16" in message


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("on_level", 0.99, "clear pain"),
        ("face_lost_after_seconds", 3_600.0, "out of sight"),
        ("camera_lost_after_seconds", 3_600.0, "a camera that is lost"),
    ],
)
def test_a_value_with_which_no_alarm_would_come(field, value, words):
    found = list(find_silent_settings(AlarmSettings(**{field: value})))
    assert [path for path, _ in found] == [("alarms", field)]
    assert words in found[0][1]


def test_a_rate_at_which_no_alarm_would_come(tmp_path):
    ((field, message, _),) = check(tmp_path, analysis={"frames_per_second": 0.1})
    assert field == "analysis.frames_per_second"
    assert "clear pain" in message
    assert check(tmp_path, analysis={"frames_per_second": 1.0}) == []


def test_a_password_file_that_holds_no_password(tmp_path):
    (tmp_path / "empty").touch()
    camera = {"url": "rtsp://camera.example/1", "username": "nicu", "password_file": str(tmp_path / "empty")}
    (tmp_path / "long").write_text("p" * 5_000)
    redis = {"url": "redis://redis.example:6379/0", "password_file": str(tmp_path / "long")}
    found = check(tmp_path, beds=[{"id": "bed-1", "camera": camera}], redis=redis)
    assert [field for field, _, _ in found] == ["beds[0].camera.password_file", "redis.password_file"]
    assert "is empty" in found[0][1]
    assert "is longer than 4096 bytes" in found[1][1]


@pytest.mark.parametrize("changes", [{}, {"on_level": 0.8, "off_level": 0.5}, {"hold_seconds": 30.0}])
def test_usual_values_alarm(changes):
    assert list(find_silent_settings(AlarmSettings(**changes))) == []


def test_notices_on_devices_without_their_extra_or_without_users_are_named(tmp_path, monkeypatch):
    push = {"enabled": True, "contact": "mailto:it@hospital.example"}
    users = tmp_path / "users"
    write_users(users, [])
    assert check(tmp_path, web={"users_file": str(users), "push": push}) == []
    assert [message for _, message, _ in check(tmp_path, web={"push": push})] == [
        "only people with a login get notices, and there is no web.users_file"
    ]
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "pywebpush" else find(name, *a))
    ((field, message, line),) = check(tmp_path, web={"users_file": str(users), "push": push})
    assert (field, line) == ("web.push.enabled", 8)
    assert message == "no notice can be sent: pip install 'nicu-pain-monitor[push]'"


@pytest.mark.parametrize("inner", ["", "/state"])
def test_a_state_directory_that_a_file_stands_in_the_way_of(tmp_path, inner):
    (tmp_path / "state").write_text("a file")
    ((field, message, _),) = check(tmp_path, spool={"directory": f"{tmp_path}/state{inner}"})
    assert field == "spool.directory"
    assert message.startswith(f"{tmp_path}/state is a file")
    assert check(tmp_path, spool={"directory": f"{tmp_path}/new/state"}) == []
