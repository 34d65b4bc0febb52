"""`nicu-monitor tune`: what is measured, what is left out, and what is chosen."""

import json
import logging
import statistics
from collections.abc import Callable

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from monitor.bench import tuning
from monitor.bench.tuning import Candidate, _choose, worker_counts
from monitor.commands import tune as tune_command
from monitor.config import FaceSettings, ModelSettings, StationConfig
from monitor.config.base import ModelRole
from monitor.config.file import read_config
from monitor.errors import EngineError
from monitor.inference.manifest import EngineName
from monitor.station.workers import worker_count


def test_measures_what_is_verified_and_names_what_is_not(tmp_path) -> None:
    out = tmp_path / "tuned.yaml"
    arguments = ["--rounds", "1", "--seconds", "0.3", "--json", "--out", str(out)]
    done = CliRunner().invoke(tune_command.command, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    pairs = [pair for row in found["models"] for pair in row["engines"].items()]
    assert {("detector", "onnxruntime"), ("classifier", "onnxruntime")} <= set(pairs)
    assert all(set(row["engines"]) == {"detector", "classifier"} for row in found["measured"])
    assert all(row["rate"] > 0 for row in found["measured"] + found["models"])
    assert "tensorrt" in found["passed_over"]
    settings = yaml.safe_load(out.read_text())
    bed = {"id": "bed-1", "camera": {"url": "synthetic://calm"}}
    config = StationConfig.model_validate({"beds": [bed], **settings})
    assert config.models.engines == found["best"]["engines"]
    assert config.analysis.workers == found["best"]["workers"]


def test_a_pair_runs_on_the_engine_that_it_names(caplog) -> None:
    """The packaged classifier is verified with OpenVINO, the detector that is installed here perhaps is not."""
    pytest.importorskip("openvino", reason="openvino is not installed")
    models = ModelSettings(classifier="ncnn-demo")
    pair = Candidate({"classifier": "openvino"}, 1)
    with caplog.at_level(logging.INFO, "monitor.pipeline.models"):
        assert tuning._measure(models, FaceSettings(), pair, 0.1) > 0.0
    runs = [record.getMessage() for record in caplog.records]
    assert any("ncnn-demo runs on openvino" in line for line in runs)
    assert not any("retinaface runs on openvino" in line for line in runs)


def fail(*_: object) -> None:
    raise RuntimeError("the driver was updated\nmore of it")


def test_an_engine_in_whose_place_another_one_answers_is_passed_over_with_the_reason(monkeypatch) -> None:
    """Its figure would be that of the other."""
    openvino_engine = pytest.importorskip("monitor.inference.openvino_engine")
    monkeypatch.setattr(openvino_engine.OpenVinoEngine, "run", fail)
    said: list[str] = []
    models = ModelSettings(classifier="ncnn-demo")
    found = tuning.tune(models, FaceSettings(), rounds=1, seconds=0.05, full_precision=True, progress=said.append)
    assert found.best.engines == both("onnxruntime")
    (reason,) = [reason for name, reason in found.passed_over.items() if name.startswith("classifier on openvino,")]
    assert "openvino failed" in reason
    assert f"classifier on openvino is passed over: {reason}" in said


def test_an_error_of_a_library_is_one_line_and_ends_nothing_but_its_engine(monkeypatch, machine) -> None:
    machine({**USUAL, ("classifier", "openvino"): 0.01})
    measure = tuning._measure

    def measure_or_fail(models, faces, candidate: Candidate, seconds: float) -> float:
        if "openvino" in candidate.engines.values():
            fail()
        return measure(models, faces, candidate, seconds)

    monkeypatch.setattr(tuning, "_measure", measure_or_fail)
    found = tuning.tune(ModelSettings(), FaceSettings(), rounds=2)
    assert found.best.engines == both("onnxruntime")
    assert [pair.name for pair in found.pairs] == ["detector on onnxruntime", "classifier on onnxruntime"]
    assert found.passed_over["classifier on openvino, 2 workers"] == "the driver was updated"
    monkeypatch.setattr(tuning, "_measure", fail)
    with pytest.raises(EngineError, match=r"can run the detector here .*: the driver was updated"):
        tuning.tune(ModelSettings(), FaceSettings(), rounds=1)


@given(st.integers(1, 256))
def test_the_number_of_cores_is_always_a_candidate(cores: int) -> None:
    counts = worker_counts(cores)
    assert cores in counts
    assert min(counts) >= 1
    assert len(counts) <= 3


def both(engine: EngineName) -> dict[ModelRole, EngineName]:
    return {"detector": engine, "classifier": engine}


rates = st.lists(st.tuples(st.floats(0.1, 1000.0), st.floats(0.1, 1000.0)), min_size=1, max_size=5)


@given(rates)
def test_only_what_is_noticeably_faster_round_by_round_changes_anything(rates: list[tuple[float, float]]) -> None:
    first = Candidate(both("onnxruntime"), 4, [usual for usual, _ in rates])
    second = Candidate(both("openvino"), 4, [other for _, other in rates])
    slow = Candidate(both("onnxruntime"), 2, [0.01] * len(rates))
    best = _choose([slow, first, second], first)
    assert best is (second if statistics.median(other / usual for usual, other in rates) >= 1.1 else first)


def test_a_machine_that_becomes_busy_within_the_rounds_changes_no_choice() -> None:
    """Rounds are compared each by itself, however much slower the later ones are."""
    usual = Candidate(both("onnxruntime"), 2, [10.0, 2.0, 1.0])
    other = Candidate(both("openvino"), 2, [12.0, 2.4, 1.2])
    assert other.gain(usual) == pytest.approx(1.2)
    assert _choose([usual, other], usual) is other


def test_the_median_of_the_rounds_counts() -> None:
    assert Candidate(both("onnxruntime"), 1, [1.0, 100.0, 3.0]).rate == pytest.approx(3.0)


Costs = dict[tuple[ModelRole, str], float]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[Costs], list[Candidate]]:
    """A machine of two cores that has these engines, on which runs cost these seconds."""

    def make(costs: Costs) -> list[Candidate]:
        measured: list[Candidate] = []
        engines = {engine.removesuffix(" int8") for _, engine in costs}
        allowed = {(role, engine) for role, engine in costs if not engine.endswith(" int8")}

        def measure(_models, _faces, candidate: Candidate, _seconds) -> float:
            measured.append(candidate)
            suffix = " int8" if candidate.cpu_precision == "int8" else ""
            seconds = [
                costs.get((role, f"{engine}{suffix}"), costs[role, engine])
                for role, engine in candidate.engines.items()
            ]
            return min(2, candidate.workers) / sum(seconds)

        def not_verified(bundle, engine) -> str | None:
            return None if (bundle.manifest.kind, engine) in allowed else "is not verified with it"

        monkeypatch.setattr(tuning, "_measure", measure)
        monkeypatch.setattr(tuning.os, "sched_getaffinity", lambda _: {0, 1})
        monkeypatch.setattr(tuning, "missing_reason", lambda name: None if name in engines else "not here")
        monkeypatch.setattr(tuning, "_not_verified", not_verified)
        monkeypatch.setattr(
            tuning, "_has_int8", lambda bundle, engine: (bundle.manifest.kind, f"{engine} int8") in costs
        )
        return measured

    return make


def test_int8_is_another_candidate_where_a_bundle_has_it_and_is_named_where_none_has(machine) -> None:
    costs: Costs = {("detector", "onnxruntime"): 0.1, ("classifier", "onnxruntime"): 0.1}
    measured = machine(costs)
    found = tuning.tune(ModelSettings(), FaceSettings(), rounds=1)
    assert {one.cpu_precision for one in measured} == {"fp32"}
    assert "no int8 file" in found.passed_over["detector on onnxruntime int8"]
    machine({**costs, ("detector", "onnxruntime int8"): 0.05})
    found = tuning.tune(ModelSettings(), FaceSettings(), rounds=1)
    assert (found.best.name, found.best.cpu_precision) == ("onnxruntime int8", "int8")
    assert "detector on onnxruntime int8" not in found.passed_over
    assert "classifier on onnxruntime int8" in found.passed_over


USUAL: Costs = {("detector", "onnxruntime"): 0.08, ("classifier", "onnxruntime"): 0.04}


@pytest.mark.parametrize(
    ("costs", "engines"),
    [
        ({}, ("onnxruntime", "onnxruntime")),
        # As on the machine of docs/engines.md: a gain of a tenth for one model, and less of the whole frame.
        ({("detector", "openvino"): 0.09, ("classifier", "openvino"): 0.03}, ("onnxruntime", "openvino")),
        ({("detector", "openvino"): 0.05, ("classifier", "openvino"): 0.05}, ("openvino", "onnxruntime")),
        ({("detector", "openvino"): 0.05, ("classifier", "openvino"): 0.03}, ("openvino", "openvino")),
        # Less than a tenth is none.
        ({("detector", "openvino"): 0.075, ("classifier", "openvino"): 0.0375}, ("onnxruntime", "onnxruntime")),
        # A model that no engine but the usual one was verified with, beside one that was.
        ({("classifier", "openvino"): 0.02}, ("onnxruntime", "openvino")),
        # The fastest of several.
        (
            {("classifier", "openvino"): 0.03, ("classifier", "openvino-bf16"): 0.02, ("detector", "openvino"): 0.01},
            ("openvino", "openvino-bf16"),
        ),
    ],
)
def test_each_model_gets_the_engine_that_is_noticeably_faster_for_it(machine, costs: Costs, engines) -> None:
    measured = machine({**USUAL, **costs})
    found = tuning.tune(ModelSettings(), FaceSettings(), rounds=3)
    assert tuple(found.best.engines[role] for role in ("detector", "classifier")) == engines
    assert found.best.workers == 2
    assert all(len(one.rates) == 3 for one in (*found.pairs, *found.candidates))
    pairs = measured[: 3 * len(found.pairs)]
    assert [id(one) for one in pairs[: len(found.pairs)]] == [id(one) for one in found.pairs], "in turn"
    assert [id(one) for one in pairs[len(found.pairs) : 2 * len(found.pairs)]] == [
        id(one) for one in reversed(found.pairs)
    ], "and backwards"
    workers = {one.workers for one in found.candidates if one.engines == found.best.engines}
    assert workers == set(worker_counts(2))


def test_a_gpu_gets_the_workers_that_a_station_has_by_itself(machine) -> None:
    gpu: Costs = {("detector", "onnxruntime-cuda"): 0.001, ("classifier", "onnxruntime-cuda"): 0.001}
    measured = machine({**USUAL, **gpu})
    found = tuning.tune(ModelSettings(), FaceSettings(), rounds=1)
    assert set(found.best.engines.values()) == {"onnxruntime-cuda"}
    beds = [{"id": f"bed-{number}", "camera": {"url": "synthetic://calm"}} for number in range(100)]
    usual = worker_count(StationConfig.model_validate({"beds": beds}), is_batched=True)
    assert found.best.workers == usual
    assert {one.workers for one in measured if "onnxruntime-cuda" in one.engines.values()} == {usual}


def test_what_fewer_bits_would_gain_is_left_out_on_request(machine) -> None:
    costs: Costs = {
        ("detector", "onnxruntime int8"): 0.01,
        ("detector", "openvino-bf16"): 0.01,
        ("classifier", "openvino-bf16"): 0.01,
        ("classifier", "openvino"): 0.03,
    }
    machine({**USUAL, **costs})
    found = tuning.tune(ModelSettings(), FaceSettings(), rounds=1, full_precision=True)
    assert found.best.engines == {"detector": "onnxruntime", "classifier": "openvino"}
    assert found.best.cpu_precision == "fp32"
    assert "fewer bits" in found.passed_over["openvino-bf16"]
    assert tuning.tune(ModelSettings(), FaceSettings(), rounds=1).best.engines == both("openvino-bf16")


def test_a_model_that_nothing_may_run_is_named(machine) -> None:
    machine({("detector", "onnxruntime"): 0.1})
    with pytest.raises(EngineError, match=r"no verified engine can run the classifier here .*nicu-export verify"):
        tuning.tune(ModelSettings(), FaceSettings(), rounds=1)


@pytest.mark.parametrize(
    "before", ["", "models: {classifier_engine: openvino, detector_engine: openvino}\n"], ids=["none", "others"]
)
@pytest.mark.parametrize("scoring", ["onnxruntime", "openvino"])
def test_what_is_chosen_is_written_into_the_configuration(tmp_path, machine, before: str, scoring: EngineName) -> None:
    machine({**USUAL, ("classifier", "openvino"): 0.01 if scoring == "openvino" else 0.1})
    path = tmp_path / "station.yaml"
    beds = 'beds: # mine\n  - {id: bed-1, camera: {url: "synthetic://calm"}}\n'
    path.write_text(beds + before, encoding="utf-8")
    arguments = ["--config", str(path), "--write", "--rounds", "1", "--json"]
    done = CliRunner().invoke(tune_command.command, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    best, config = json.loads(done.stdout)["best"], read_config(path)
    assert config.models.engines == best["engines"] == {"detector": "onnxruntime", "classifier": scoring}
    assert config.models.cpu_precision == best["cpu_precision"]
    assert config.analysis.workers == best["workers"]
    text = path.read_text(encoding="utf-8")
    assert "# mine" in text
    assert ("classifier_engine" in text) is (scoring == "openvino" or before != "")


def test_the_settings_do_not_take_the_place_of_the_configuration(tmp_path):
    file = tmp_path / "station.yaml"
    file.write_text("beds: [{id: a, camera: {url: synthetic://calm}}]\n")
    done = CliRunner().invoke(tune_command.command, ["--config", str(file), "--out", str(file)])
    assert (done.exit_code, "would write over" in done.output) == (2, True)
    assert file.read_text().startswith("beds:")
