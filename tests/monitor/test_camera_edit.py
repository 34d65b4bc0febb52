"""A bed's camera is written into the configuration as somebody wrote it, and nothing else changes."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from monitor.config import CameraSettings
from monitor.config.camera_edit import write_camera
from monitor.config.file import read_config
from monitor.errors import ConfigError

WORD = "hunter2"
FORMS = {
    "block": "# ours\nbeds:\n  - id: bed-1  # by the window\n    camera:\n      url: rtsp://a/x  # main\n"
    "      username: monitor\n      password: hunter2\n      stall_seconds: 3  # slow\n"
    "  - id: bed-2\n    camera: {url: rtsp://b/x}\nalarms:\n  hold_seconds: 6  # as agreed\n",
    "flow": "beds: [{id: bed-1, camera: {username: monitor, url: rtsp://a/x, password: hunter2}}, "
    "{camera: {url: rtsp://b/x}, id: bed-2}] # 2\n",
    "login in the address": "beds:\n- camera:\n    url: rtsp://monitor:hunter2@a/x\n  id: bed-1\n"
    "- {id: bed-2, camera: {url: rtsp://b/x}}",
    "login first": "beds:\n- id: bed-1\n  camera:\n    password: hunter2\n    username: monitor\n    url: rtsp://a/x\n"
    "- {id: bed-2, camera: {url: rtsp://b/x}}\n",
    "other line ends": "beds:\r\n- id: bed-1\r\n  camera:\r\n    url: rtsp://a/x\r\n    username: monitor\r\n"
    "    password: hunter2\r\n- {id: bed-2, camera: {url: rtsp://b/x}}\r\n",
    "environment": "beds:\n  - id: bed-1\n    camera: {url: '${NICU_TRIAL_CAMERA:-rtsp://monitor:hunter2@a/x}'}\n"
    "  - {id: bed-2, camera: {url: rtsp://b/x}}\n",
}


def camera_of(file: Path, bed: str = "bed-1") -> CameraSettings:
    return next(one.camera for one in read_config(file).beds if one.id == bed)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_keeps_its_comments_and_all_but_the_camera(tmp_path: Path, form: str) -> None:
    file = tmp_path / "station.yaml"
    file.write_bytes(FORMS[form].encode())
    before = read_config(file)
    (tmp_path / "word").write_text("another word")
    there = camera_of(file)
    assert there.password == SecretStr(WORD)
    wanted = there.model_copy(
        update={"url": "rtsp://c:8554/y", "username": "new one", "password": None, "password_file": tmp_path / "word"}
    )
    old, new = write_camera(file, "bed-1", wanted)
    assert old == FORMS[form]
    assert new == file.read_bytes().decode()
    assert camera_of(file) == wanted
    assert read_config(file).beds[1] == before.beds[1]
    assert WORD not in new
    for comment in [line.partition("#")[2] for line in FORMS[form].splitlines() if "#" in line]:
        assert comment in new
    assert "\n" not in new.replace("\r\n", "") or "\r\n" not in new
    # Without any login: every one of its settings goes.
    without = wanted.model_copy(update={"username": None, "password_file": None})
    write_camera(file, "bed-1", without)
    assert camera_of(file) == without
    assert "username" not in file.read_text()


@settings(max_examples=40, deadline=None)
@given(
    form=st.sampled_from(sorted(FORMS)),
    changes=st.lists(
        st.fixed_dictionaries(
            {
                "url": st.sampled_from(["rtsp://a/x", "rtsp://[2001:db8::1]:554/ch1?x=1", "https://d/mjpg"]),
                "username": st.none()
                | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1),
                "password_file": st.none() | st.sampled_from(["one", "a blank and: colon #"]),
                "transport": st.sampled_from(["tcp", "udp"]),
                "allow_basic": st.booleans(),
            }
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_what_was_written_is_read_or_nothing_was_written(tmp_path_factory, form, changes) -> None:
    file = tmp_path_factory.mktemp("camera") / "station.yaml"
    file.write_bytes(FORMS[form].encode())
    for change in changes:
        word = None if change["password_file"] is None else file.with_name(change["password_file"])
        if word is not None:
            word.write_text("another word")
        wanted = camera_of(file).model_copy(update={**change, "password": None, "password_file": word})
        before = file.read_bytes()
        try:
            write_camera(file, "bed-1", wanted)
        except ConfigError:  # what looks like a variable of the environment is not one that can be written
            assert "${" in (change["username"] or "")
            assert file.read_bytes() == before
        else:
            assert camera_of(file) == wanted


def test_a_form_that_shares_its_camera_is_refused_and_no_password_is_ever_written(tmp_path: Path) -> None:
    file = tmp_path / "station.yaml"
    shared = "beds:\n  - {id: bed-1, camera: &one {url: rtsp://a/x}}\n"
    shared += "  - {id: bed-2, camera: *one, region_of_interest: {left: 0.5}}\n"
    file.write_text(shared)
    there = camera_of(file)
    with pytest.raises(ConfigError, match="write its camera by hand"):
        write_camera(file, "bed-1", there.model_copy(update={"url": "rtsp://c/x"}))
    with pytest.raises(ConfigError, match="names no camera of bed bed-9"):
        write_camera(file, "bed-9", there)
    with pytest.raises(ConfigError, match="file of its own") as refused:
        write_camera(file, "bed-1", there.model_copy(update={"password": SecretStr(WORD)}))
    assert WORD not in str(refused.value)
    assert file.read_text() == shared


def test_what_the_configuration_refuses_is_refused_in_its_words(tmp_path: Path) -> None:
    file = tmp_path / "station.yaml"
    file.write_text(FORMS["flow"])
    there = camera_of(file)
    with pytest.raises(ConfigError, match=r"station.yaml:1: beds\[1\].camera.url: the same camera"):
        write_camera(file, "bed-1", there.model_copy(update={"url": "rtsp://b/x"}))
    assert file.read_text() == FORMS["flow"]
    assert [path.name for path in tmp_path.iterdir()] == ["station.yaml"]
