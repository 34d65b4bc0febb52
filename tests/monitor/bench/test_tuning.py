"""`nicu-monitor tune`: what is measured, what is left out, and what is chosen."""

import json

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from monitor.bench.tuning import Candidate, _choose, worker_counts
from monitor.commands import tune as tune_command
from monitor.config import StationConfig


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
