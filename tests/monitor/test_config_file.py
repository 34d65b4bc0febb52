"""A person who edits a configuration sees every mistake at once, with its line, and never a secret."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from monitor.commands.check import command
from monitor.config import StationConfig, WebSettings
from monitor.config.file import find_mistakes, read_config
from monitor.config.fleet_settings import FleetSettings
from monitor.errors import ConfigError

RIGHT = """\
beds:
  - id: bed-1
    camera: {url: "rtsp://camera.invalid/stream"}
"""


@pytest.fixture
def write(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "station.yaml"
        path.write_text(text)
        return path

    return write


def test_a_minimal_file_is_right_and_has_the_documented_defaults(write):
    config = read_config(write(RIGHT))
    assert config.beds[0].camera.latency_milliseconds == 200
    assert (config.alarms.on_level, config.alarms.off_level, config.alarms.hold_seconds) == (0.60, 0.40, 3.0)
    assert config.analysis.frames_per_second == 5.0


def test_every_mistake_is_reported_at_once_with_its_line(write):
    path = write(
        """\
bedz: []
beds:
  - id: bed-1
    camera: {url: "ftp://camera.invalid"}
  - id: bed-1
    region_of_interest: {left: 0.9, right: 0.1}
    camera: {url: "rtsp://camera.invalid", password_file: nowhere.txt}
alarms: {on_level: "${UNSET_VARIABLE}", of_level: 0.1}
models: {engine: cuda}
models: {}
"""
    )
    found = {(m.line, m.field) for m in find_mistakes(path, environment={})}
    assert found >= {
        (1, "bedz"),
        (4, "beds[0].camera.url"),
        (5, "beds[1].id"),
        (6, "beds[1].region_of_interest"),
        (7, "beds[1].camera.password_file"),
        (8, "alarms.on_level"),
        (8, "alarms.of_level"),
        (10, "models"),
    }


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "empty"),
        ("just a sentence", 1, "beds:"),
        ("beds: [", 1, "YAML"),
        ("beds: []\n", 1, "1 to 256 beds"),
        ("beds:\n  - camera: {url: x}\n", 2, "missing"),
        (RIGHT + "alarms: {on_level: 0.3}\n", 4, "off_level must lie below on_level"),
        (RIGHT + "station: {id: 'a b'}\n", 4, "pattern"),
        (RIGHT + "station: !!python/object/apply:os.system ['true']\n", 4, "station"),
        (RIGHT + "a: &a [*a, *a]\n", 4, "nested too deeply"),
    ],
)
def test_a_wrong_file_gets_one_clear_sentence(write, text, line, words):
    mistakes = find_mistakes(write(text), environment={})
    assert any(m.line == line and words in str(m) for m in mistakes), mistakes


def test_aliases_that_multiply_are_refused_quickly(write):
    levels = "\n".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 12))
    mistakes = find_mistakes(write(f"l0: &l0 [x, x]\n{levels}\n"))
    assert any("too large" in m.message for m in mistakes)


def test_no_mistake_repeats_a_secret(write):
    secret = "hunter2"  # noqa: S105 - stands for one
    path = write(
        f"""\
beds:
  - id: b
    camera: {{url: "rtsp://nurse:{secret}@camera.invalid:99999/x", password: {secret}, nonsense: 1}}
redis: {{url: "redis://:{secret}@host/x", timeout_seconds: -1, password: {secret}, password_file: none}}
"""
    )
    mistakes = find_mistakes(path)
    assert len(mistakes) >= 3
    assert secret not in "\n".join(map(str, mistakes))
    with pytest.raises(ConfigError) as error:
        read_config(path)
    assert secret not in str(error.value)


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ("beds: rtsp://nurse:hunter2@camera/x", "beds", "begins with `- `"),
        ("beds: {bed-1: {camera: hunter2}}", "beds", "begins with `- `"),
        ("beds: ['rtsp://nurse:hunter2@camera/x']", "beds[0]", "such as `id: ...`"),
        ("beds: [{id: b, camera: 'rtsp://nurse:hunter2@camera/x'}]", "beds[0].camera", "such as `url: ...`"),
        (f"{RIGHT}redis: redis://:hunter2@server/0", "redis", "such as `url: ...`"),
        (f"{RIGHT}redis: {{key_prefix: 'redis://:hunter2@server/0'}}", "redis.key_prefix", "Begin of every key"),
        (f"{RIGHT}redis: {{password_file: hunter2}}", "redis.password_file", "a path belongs here, no password"),
        ("fleet: {command_token_file: nope}\n", "fleet.command_token_file", "no file of this name"),
        ("beds: [{id: 'x@hunter2', camera: {url: synthetic://calm, id: 'x@hunter2'}}]", "beds[0].camera.id", "twice"),
    ],
)
def test_a_login_in_the_wrong_place_is_not_repeated(write, text, field, words):
    mistakes = [mistake for mistake in find_mistakes(write(text)) if mistake.field == field]
    assert any(words in mistake.message for mistake in mistakes)
    assert "hunter2" not in "\n".join(map(str, find_mistakes(write(text))))


def test_a_long_value_is_cut_and_a_decimal_comma_is_explained(write):
    (mistake,) = find_mistakes(write(RIGHT.replace("bed-1", "b" * 5000)))
    assert len(str(mistake)) < 400
    (mistake,) = find_mistakes(write(f"{RIGHT}alarms: {{on_level: 0,6}}"))
    assert "a decimal is written with a point, such as 0.6" in mistake.message


def test_credentials_move_out_of_a_camera_url(write):
    config = read_config(write(RIGHT.replace("camera.invalid", "nurse:p%40ss@camera.invalid")))
    camera = config.beds[0].camera
    assert (camera.url, camera.username) == ("rtsp://camera.invalid/stream", "nurse")
    assert camera.password is not None
    assert camera.password.get_secret_value() == "p@ss"
    assert "p@ss" not in repr(config)


def test_environment_and_defaults_fill_in_values(write):
    path = write(RIGHT + "station: {id: '${STATION:-fallback}'}\nhttp: {port: '${PORT}'}\n")
    assert read_config(path, {"PORT": "9000"}).http.port == 9000
    assert read_config(path, {"PORT": "9000"}).station.id == "fallback"
    assert read_config(path, {"PORT": "1", "STATION": "north"}).station.id == "north"


def test_relative_paths_are_relative_to_the_file(write, tmp_path):
    assert read_config(write(RIGHT + "spool: {directory: here}\n")).spool.directory == tmp_path / "here"


def test_a_missing_file_and_a_binary_file_are_named(tmp_path):
    assert "no such file" in str(find_mistakes(tmp_path / "absent.yaml")[0])
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in str(find_mistakes(tmp_path / "binary.yaml")[0])
    assert "cannot be read" in str(find_mistakes(tmp_path)[0])


def test_the_command_prints_json_for_scripts(write):
    good = CliRunner().invoke(command, [str(write(RIGHT)), "--json"], standalone_mode=False)
    assert (json.loads(good.output), good.return_value) == ([], 0)
    bad = CliRunner().invoke(command, [str(write("beds: 1")), "--json"], standalone_mode=False)
    assert bad.return_value == 1
    assert json.loads(bad.output)[0]["field"] == "beds"


def test_the_example_is_right():
    example = Path(__file__).resolve().parents[2] / "configs" / "example.yaml"
    assert find_mistakes(example, environment={}) == []
    # It shows every section, so that a reader need not search elsewhere; one that excludes `beds` in a comment.
    text = example.read_text()
    assert set(yaml.safe_load(text)) == set(StationConfig.model_fields) - {"fleet"}
    shared = text.partition("# fleet:")[2]
    fleet = yaml.safe_load(
        "".join(f"{line.removeprefix('#')}\n" for line in shared.splitlines() if line.startswith("#   "))
    )
    assert set(fleet) == set(FleetSettings.model_fields)


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=12,
)


@given(tree=st.dictionaries(st.sampled_from([*StationConfig.model_fields, "x"]), _values, max_size=5))
def test_any_tree_is_answered_with_mistakes_and_never_an_exception(tree, tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz") / "station.yaml"
    path.write_text(yaml.safe_dump(tree))
    for mistake in find_mistakes(path, environment={}):
        assert mistake.message


def _setting_names(model: type[BaseModel]) -> list[tuple[str, str]]:
    """Section and name of every setting of the sections of a configuration."""
    sections = {name: field.annotation for name, field in model.model_fields.items()}
    return [
        (name, setting)
        for name, kind in sections.items()
        if isinstance(kind, type) and issubclass(kind, BaseModel)
        for setting in kind.model_fields
    ]


_WORDS = st.sampled_from(["Nowhere/Nothing", "Europe", "a/b", "~nobody/x", "http://[", "1e999"]) | st.text(max_size=30)


@given(setting=st.sampled_from(_setting_names(StationConfig)), value=_WORDS)
@example(setting=("station", "time_zone"), value="Nowhere/Nothing")
def test_any_word_at_any_setting_is_answered_with_mistakes_and_never_an_exception(setting, value, tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz") / "station.yaml"
    path.write_text(RIGHT + yaml.safe_dump({setting[0]: {setting[1]: value}}))
    for mistake in find_mistakes(path, environment={}):
        assert mistake.message


@given(text=st.text(max_size=200))
def test_any_text_is_answered_with_mistakes_and_never_an_exception(text, tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz") / "station.yaml"
    path.write_text(text, encoding="utf-8")
    find_mistakes(path, environment={})


def test_the_text_of_a_validation_error_repeats_no_input():
    camera = {"url": "ftp://nurse:hunter2@camera.invalid", "nonsense": 1}
    with pytest.raises(ValueError, match="unknown kind") as error:
        StationConfig.model_validate({"beds": [{"id": "b", "camera": camera}]})
    assert "hunter2" not in str(error.value)


def test_merge_keys_bring_the_fields_of_another_entry(write):
    config = read_config(
        write(
            """\
beds:
  - id: bed-1
    camera: &usual {url: "rtsp://192.0.2.10/a", transport: udp, stall_seconds: 4}
  - id: bed-2
    camera:
      <<: *usual
      url: "rtsp://192.0.2.11/a"
  - id: bed-3
    camera:
      <<: [{url: "rtsp://192.0.2.12/a", stall_seconds: 3}, *usual]
"""
        )
    )
    assert [(bed.camera.url, bed.camera.transport, bed.camera.stall_seconds) for bed in config.beds[1:]] == [
        ("rtsp://192.0.2.11/a", "udp", 4.0),
        ("rtsp://192.0.2.12/a", "udp", 3.0),
    ]


def test_a_merge_key_of_something_else_is_explained(write):
    (mistake,) = find_mistakes(write(RIGHT + "redis: {<<: 3}\n"))
    assert (mistake.line, mistake.field) == (4, "redis")
    assert "`<<: *name`" in mistake.message


@given(name=st.sampled_from(["07", "no", "on", "12:30", "1e3", "2026-01-01", "1_0", "0x1F", "1.50", "Y"]))
def test_what_resembles_a_number_is_the_text_that_stands_there(tmp_path_factory, name):
    path = tmp_path_factory.mktemp("yaml") / "station.yaml"
    path.write_text(f"beds:\n  - id: {name.replace(':', '-')}\n    camera: {{url: rtsp://cam/x, username: {name}, ")
    with path.open("a") as file:
        file.write(f"password: {name}}}\n")
    config = read_config(path)
    camera = config.beds[0].camera
    assert (camera.username, camera.password.get_secret_value()) == (name, name)
    assert config.beds[0].id == name.replace(":", "-")


def test_a_number_with_a_leading_zero_is_not_read_as_octal(write):
    (mistake,) = find_mistakes(write(RIGHT + "http: {port: 010}\n"))
    assert "leave the zero out" in mistake.message


@pytest.mark.parametrize(
    "line",
    [
        "spool: {directory: ~nobody-of-that-name/state}",
        "redis: {password_file: ~nobody-of-that-name/pw}",
        "models: {classifier: ~nobody-of-that-name/bundle}",
    ],
)
def test_a_home_that_does_not_exist_is_a_mistake_with_its_line(write, line):
    (mistake,) = find_mistakes(write(RIGHT + line + "\n"))
    assert mistake.line == 4
    assert "home directory" in mistake.message


@pytest.mark.parametrize(
    ("second", "is_right"),
    [
        ('camera: {url: "RTSP://viewer:x@Camera.invalid:554/stream"}', False),
        ('camera: {url: "rtsp://camera.invalid/other"}', True),
        ('camera: {url: "rtsp://camera.invalid/stream"}\n    region_of_interest: {left: 0.5}', True),
    ],
)
def test_two_beds_do_not_show_one_picture(write, second, is_right):
    mistakes = find_mistakes(write(RIGHT + f"  - id: bed-2\n    {second}\n"))
    assert [(m.line, m.field) for m in mistakes] == ([] if is_right else [(5, "beds[1].camera.url")])


def test_two_trial_beds_may_play_one_file(write):
    text = "beds:\n" + "".join(f"  - id: bed-{n}\n    camera: {{url: synthetic://calm}}\n" for n in (1, 2))
    assert len(read_config(write(text)).beds) == 2


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("nicu.hospital.example:8443", "nicu.hospital.example"),
        ("https://NICU.Hospital.Example/", "nicu.hospital.example"),
        ("nicu.hospital.example.", "nicu.hospital.example"),
        ("spital-z\u00fcrich.example", "xn--spital-zrich-klb.example"),
        ("192.0.2.7:443", "192.0.2.7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
    ],
)
def test_allowed_hosts_are_what_browsers_send(written, name):
    assert WebSettings(allowed_hosts=(written,)).allowed_hosts == (name,)


@pytest.mark.parametrize("written", ["*.hospital.example", "", "a b", "http://", "a/b", "*"])
def test_allowed_hosts_that_no_browser_can_send(written):
    with pytest.raises(ValidationError, match="name of one host"):
        WebSettings(allowed_hosts=(written,))


def test_a_variable_that_is_not_set_is_one_mistake(write):
    path = write('station: {id: "${STATION}"}\nbeds: [{id: bed-1, camera: {url: "rtsp://${USER_A}:${PASS}@/1"}}]\n')
    found = [(m.line, m.field, m.message.partition(";")[0]) for m in find_mistakes(path, environment={})]
    assert found == [
        (1, "station.id", "the environment variable STATION is not set"),
        (2, "beds[0].camera.url", "the environment variable USER_A is not set"),
        (2, "beds[0].camera.url", "the environment variable PASS is not set"),
    ]


@pytest.mark.parametrize(
    ("text", "checked_by"),
    [
        (Path("configs/forward.example.yaml").read_text(), "nicu-monitor forward --config {path} --check"),
        (Path("deploy/compose/fleet/beds.yaml").read_text(), "nicu-monitor beds publish {path} --config STATION.yaml"),
    ],
    ids=["forwarder", "shared beds"],
)
def test_a_file_of_another_command_is_called_that(write, text, checked_by):
    path = write(text)
    (mistake,) = find_mistakes(path, environment={})
    assert checked_by.format(path=path) in mistake.message
