"""`nicu-monitor tune`: what is measured, what is left out, and what is chosen."""

import json

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from monitor.bench import tuning
from monitor.bench.tuning import Candidate, _choose, worker_counts
from monitor.commands import tune as tune_command
from monitor.config import FaceSettings, ModelSettings, StationConfig
from monitor.config.file import read_config


def test_measures_what_is_verified_and_names_what_is_not(tmp_path) -> None:
    out = tmp_path / "tuned.yaml"
    arguments = ["--rounds", "1", "--seconds", "0.3", "--json", "--out", str(out)]
    done = CliRunner().invoke(tune_command.command, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert {row["engine"] for row in found["measured"]} >= {"onnxruntime"}
    assert all(row["rate"] > 0 for row in found["measured"])
    assert "tensorrt" in found["passed_over"]
    settings = yaml.safe_load(out.read_text())
    bed = {"id": "bed-1", "camera": {"url": "synthetic://calm"}}
    config = StationConfig.model_validate({"beds": [bed], **settings})
    assert config.models.engine == found["best"]["engine"]
    assert config.analysis.workers == found["best"]["workers"]


@given(st.integers(1, 256))
def test_the_number_of_cores_is_always_a_candidate(cores: int) -> None:
    counts = worker_counts(cores)
    assert cores in counts
    assert min(counts) >= 1
    assert len(counts) <= 3


rates = st.lists(st.floats(0.1, 1000.0), min_size=1, max_size=5)


@given(usual=rates, other=rates)
def test_only_what_is_noticeably_faster_changes_anything(usual: list[float], other: list[float]) -> None:
    first, second = Candidate("onnxruntime", 4, usual), Candidate("openvino", 4, other)
    best = _choose([Candidate("onnxruntime", 2, [0.01]), first, second], cores=4)
    assert best is (second if second.rate >= 1.1 * first.rate else first)


def test_the_median_of_the_rounds_counts() -> None:
    assert Candidate("onnxruntime", 1, [1.0, 100.0, 3.0]).rate == pytest.approx(3.0)


def test_int8_is_another_candidate_where_a_bundle_has_it_and_is_named_where_none_has(monkeypatch) -> None:
    measured = []

    def measure(models, faces, candidate, seconds) -> float:
        measured.append((candidate.name, models.cpu_precision))
        return 20.0 if candidate.cpu_precision == "int8" else 10.0

    monkeypatch.setattr(tuning, "_measure", measure)
    monkeypatch.setattr(tuning, "missing_reason", lambda name: None if name == "onnxruntime" else "not here")
    found = tuning.tune(ModelSettings(), FaceSettings(), rounds=1)
    assert {name for name, _ in measured} == {"onnxruntime"}
    assert "no bundle has an int8 file" in found.passed_over["onnxruntime int8"]
    monkeypatch.setattr(tuning, "_has_int8", lambda *_: True)
    found = tuning.tune(ModelSettings(), FaceSettings(), rounds=1)
    assert (found.best.name, found.best.cpu_precision) == ("onnxruntime int8", "int8")


def test_what_is_chosen_is_written_into_the_configuration(tmp_path) -> None:
    path = tmp_path / "station.yaml"
    path.write_text('beds: # mine\n  - {id: bed-1, camera: {url: "synthetic://calm"}}\n', encoding="utf-8")
    arguments = ["--config", str(path), "--write", "--rounds", "1", "--seconds", "0.1", "--json"]
    done = CliRunner().invoke(tune_command.command, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    best, config = json.loads(done.stdout)["best"], read_config(path)
    assert (config.models.engine, config.models.cpu_precision) == (best["engine"], best["cpu_precision"])
    assert config.analysis.workers == best["workers"]
    assert "# mine" in path.read_text(encoding="utf-8")


def test_the_settings_do_not_take_the_place_of_the_configuration(tmp_path):
    file = tmp_path / "station.yaml"
    file.write_text("beds: [{id: a, camera: {url: synthetic://calm}}]\n")
    done = CliRunner().invoke(tune_command.command, ["--config", str(file), "--out", str(file)])
    assert (done.exit_code, "would write over" in done.output) == (2, True)
    assert file.read_text().startswith("beds:")
