"""Single settings are written into a configuration file, whatever its form, and nothing else of it changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.file import read_config
from monitor.config.settings_edit import write_settings
from monitor.errors import ConfigError

BEDS = """# the ward's own words
beds:
  - id: bed-1 # by the window
    camera: {url: "synthetic://calm"}
"""
CHOSEN = {"models": {"engine": "openvino", "cpu_precision": "int8"}, "analysis": {"workers": 3}}

FORMS = {
    "no section": "",
    "block": "models:\n  # why\n  engine: auto # fast\n  on_missing_engine: refuse\n",
    "flow": "models: {on_missing_engine: refuse, engine: auto} # one line\nanalysis: {workers: 2}\n",
    "block without the setting": "analysis:\n    frames_per_second: 4\nmodels:\n    on_missing_engine: refuse\n",
    "quoted": 'models: {"engine": "auto"}\n',
}


@pytest.mark.parametrize("first", [True, False], ids=["before the beds", "after the beds"])
@pytest.mark.parametrize("form", FORMS)
def test_settings_are_written_into_every_form(tmp_path, form, first):
    path = tmp_path / "station.yaml"
    text = FORMS[form] + BEDS if first else BEDS + FORMS[form]
    path.write_text(text, encoding="utf-8")
    before = read_config(path)
    write_settings(path, CHOSEN)
    after = read_config(path)
    assert (after.models.engine, after.models.cpu_precision, after.analysis.workers) == ("openvino", "int8", 3)
    unchanged = {"models": before.models, "analysis": before.analysis}
    assert after.model_copy(update=unchanged) == before
    assert after.models.on_missing_engine == before.models.on_missing_engine
    written = path.read_text(encoding="utf-8")
    assert [word for word in ("# the ward's own words", "# by the window", "# why", "# fast", "# one line")
            if word in text and word not in written] == []  # fmt: skip
    assert (tmp_path / "station.yaml.previous").read_text(encoding="utf-8") == text
    write_settings(path, CHOSEN)
    assert path.read_text(encoding="utf-8") == written


@pytest.mark.parametrize("form", ["models:\n", "models: &m {engine: auto}\nx-copy: *m\n"])
def test_a_form_that_is_not_understood_leaves_the_file_as_it_is(tmp_path, form):
    path = tmp_path / "station.yaml"
    path.write_text(BEDS + form, encoding="utf-8")
    with pytest.raises(ConfigError):
        write_settings(path, CHOSEN)
    assert path.read_text(encoding="utf-8") == BEDS + form
    assert [file.name for file in tmp_path.iterdir()] == ["station.yaml"]


@given(workers=st.integers(1, 64), engine=st.sampled_from(["onnxruntime", "openvino", "auto"]))
def test_what_is_written_is_what_is_read(tmp_path_factory, workers, engine):
    path = tmp_path_factory.mktemp("edit") / "station.yaml"
    path.write_text(BEDS, encoding="utf-8")
    write_settings(path, {"analysis": {"workers": workers}, "models": {"engine": engine}})
    found = read_config(path)
    assert (found.analysis.workers, found.models.engine) == (workers, engine)
