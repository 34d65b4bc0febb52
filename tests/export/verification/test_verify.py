"""The gate: honest variants pass, damaged ones fail and cannot be selected."""

import importlib.metadata
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from onnx import numpy_helper

from export.bundle_writer import write_bundle
from export.classifier.bundle import write_classifier_bundle
from export.commands import verify
from export.half_precision import to_half
from export.verification.golden import detector_pictures, read_golden
from export.verification.report import Report
from export.verification.verify import verify_bundle, write_report
from monitor.errors import BundleError, EngineError
from monitor.inference.bundle import Bundle, read_bundle
from monitor.inference.engine_factory import open_engine
from monitor.inference.processor import kernel_units_here
from trainer.checkpoint import read_model


@pytest.fixture(scope="module")
def three_variants(lively_model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """An N-CNN whose scores spread over the golden crops, in every precision."""
    directory = tmp_path_factory.mktemp("models") / "n-cnn"
    return write_classifier_bundle(read_model(lively_model_file), directory, precisions=("fp16", "int8"))


@pytest.fixture(scope="module")
def report(three_variants: Bundle) -> Report:
    return verify_bundle(three_variants, ["onnxruntime", "openvino"])


def test_every_precision_passes_on_every_cpu_engine(report: Report) -> None:
    assert [(row.file, row.engine) for row in report.rows] == [
        (file, engine)
        for file in ("model.onnx", "model.fp16.onnx", "model.int8.onnx")
        for engine in ("onnxruntime", "openvino")
    ]
    assert report.passed, [row.reasons for row in report.rows]
    full, half, integer = (row.figures for row in report.rows[::2])
    assert full is not None
    assert half is not None
    assert integer is not None
    assert full.score_maximum <= 1e-5 < integer.score_maximum
    assert full.score_maximum <= half.score_maximum
    assert all(figures.timeline_equal for figures in (full, half, integer))


def test_the_golden_scores_lie_on_both_sides(three_variants: Bundle) -> None:
    """Otherwise flips and alarms would be compared on nothing."""
    golden = read_golden(three_variants.read("golden.npz"), 120)
    scores = golden.answers["score"]
    assert scores.min() < 0.4
    assert scores.max() > 0.6
    assert golden.pictures.shape == (6, 120, 120, 3)


def _scaled(content: bytes, factor: float) -> bytes:
    """Return a model with its last dense layer's weights scaled: the kind of damage that runs without an error."""
    model = onnx.load_from_string(content)
    weights = [w for w in model.graph.initializer if w.name.startswith("network.head") and w.name.endswith("weight")]
    last = weights[-1]
    last.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(last) * np.float32(factor), last.name))
    damaged: bytes = model.SerializeToString()
    return damaged


@pytest.mark.parametrize("factor", [-1.0, 1.5, float("nan")])
def test_a_damaged_variant_fails_and_cannot_be_selected(three_variants: Bundle, tmp_path: Path, factor: float) -> None:
    contents = {name: three_variants.read(name) for name in three_variants.manifest.files}
    contents["model.fp16.onnx"] = to_half(_scaled(contents["model.onnx"], factor))
    bundle = write_bundle(tmp_path / "damaged", three_variants.manifest, contents)
    report = verify_bundle(bundle, ["onnxruntime"])
    assert [row.outcome for row in report.rows] == ["passed", "failed", "passed"]
    verified = write_report(bundle, report)
    with pytest.raises(BundleError, match=r"model\.fp16\.onnx of bundle .* failed its verification and is not run"):
        open_engine(verified, precision="fp16", choice="onnxruntime")
    open_engine(verified, choice="onnxruntime").close()
    open_engine(verified, precision="int8", choice="onnxruntime").close()


def test_what_fails_with_one_engine_is_refused_there_and_falls_back_elsewhere(
    three_variants: Bundle, report: Report, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    contents = {name: three_variants.read(name) for name in three_variants.manifest.files}
    bundle = write_bundle(tmp_path / "copy", three_variants.manifest, contents)
    worse = [
        row.model_copy(update={"outcome": "failed", "reasons": ("an odd answer",)}) if row.engine == "openvino" else row
        for row in report.rows
    ]
    verified = write_report(bundle, report.model_copy(update={"rows": tuple(worse)}))
    with pytest.raises(EngineError, match="failed its verification with openvino"):
        open_engine(verified, choice="openvino", on_missing="refuse")
    engine = open_engine(verified, choice="openvino", on_missing="fall_back")
    assert engine.name == "onnxruntime"
    assert "falling back to onnxruntime" in caplog.text


def test_the_command_writes_the_table_into_the_bundle(three_variants: Bundle, tmp_path: Path) -> None:
    contents = {name: three_variants.read(name) for name in three_variants.manifest.files}
    bundle = write_bundle(tmp_path / "copy", three_variants.manifest, contents)
    result = CliRunner().invoke(verify.command, [str(bundle.path), "--engine", "onnxruntime"])
    assert result.exit_code == 0
    assert result.output.count("PASS") == 3
    verified = read_bundle(bundle.path)
    assert verified.sha256 == bundle.sha256, "alerts name the same model before and after"
    assert all(variant.verification == {"onnxruntime": "passed"} for variant in verified.manifest.variants)
    record = json.loads(verified.read("verification.json"))
    assert record["schema"] == "nicu-pain-monitor/verification/1"
    assert [row["outcome"] for row in record["rows"]] == ["passed"] * 3

    kept = three_variants.manifest.variants[:1]
    contents = {"golden.npz": contents["golden.npz"], "model.onnx": _scaled(contents["model.onnx"], -1.0)}
    manifest = three_variants.manifest.model_copy(update={"variants": kept})
    damaged = write_bundle(tmp_path / "damaged", manifest, contents)
    result = CliRunner().invoke(verify.command, [str(damaged.path), "--engine", "onnxruntime"])
    assert result.exit_code == 1
    assert "FAIL  model.onnx" in result.output


def test_the_version_is_the_modules_whatever_its_distribution_is_called(
    three_variants: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The build for GPUs is the same module in another distribution, which stands in the place of the usual one."""
    known = importlib.metadata.version

    def version(name: str) -> str:
        if name == "onnxruntime":
            raise importlib.metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    report = verify_bundle(three_variants, ["onnxruntime"])
    assert {row.engine_version for row in report.rows} == {onnxruntime.__version__}
    assert {row.processor_units for row in report.rows} == {kernel_units_here()}


def test_a_missing_engine_is_named(three_variants: Bundle) -> None:
    result = CliRunner().invoke(verify.command, [str(three_variants.path), "--engine", "tensorrt"])
    assert isinstance(result.exception, EngineError)
    assert "tensorrt cannot run here" in str(result.exception)


def test_a_bundle_without_golden_pictures_is_named(three_variants: Bundle, tmp_path: Path) -> None:
    contents = {name: three_variants.read(name) for name in three_variants.manifest.files if name != "golden.npz"}
    with pytest.raises(BundleError, match=r"carries no golden\.npz"):
        verify_bundle(write_bundle(tmp_path / "bare", three_variants.manifest, contents), ["onnxruntime"])


def test_half_precision_keeps_the_types_at_the_border(three_variants: Bundle) -> None:
    full = open_engine(three_variants, precision="fp32", choice="onnxruntime")
    half = open_engine(three_variants, precision="fp16", choice="onnxruntime")
    assert (full.inputs, full.outputs) == (half.inputs, half.outputs)
    sizes = {variant.precision: len(three_variants.read(variant.file)) for variant in three_variants.manifest.variants}
    assert sizes["fp16"] < 0.6 * sizes["fp32"]
    assert sizes["int8"] < 0.4 * sizes["fp32"]


def test_golden_pictures_are_the_same_every_time() -> None:
    pictures: list[NDArray[np.uint8]] = [detector_pictures(320) for _ in range(2)]
    np.testing.assert_array_equal(*pictures)


def test_outcomes_that_two_verifications_write_at_once_are_both_noted(
    three_variants: Bundle, report: Report, tmp_path: Path
) -> None:
    contents = {name: three_variants.read(name) for name in three_variants.manifest.files}
    bundle = write_bundle(tmp_path / "copy", three_variants.manifest, contents)
    for engine in ("onnxruntime", "openvino"):
        write_report(bundle, Report(rows=tuple(row for row in report.rows if row.engine == engine)))
    verified = read_bundle(bundle.path)
    assert all(
        variant.verification == {"onnxruntime": "passed", "openvino": "passed"}
        for variant in verified.manifest.variants
    )


def test_nothing_is_noted_on_models_that_replaced_those_that_were_verified(
    three_variants: Bundle, report: Report, tmp_path: Path
) -> None:
    contents = {name: three_variants.read(name) for name in three_variants.manifest.files}
    bundle = write_bundle(tmp_path / "copy", three_variants.manifest, contents)
    other = write_bundle(bundle.path, bundle.manifest, {**contents, "model.onnx": contents["model.onnx"] + b"newer"})
    with pytest.raises(BundleError, match="was replaced by another bundle while it was verified"):
        write_report(bundle, report)
    assert read_bundle(bundle.path).manifest == other.manifest


def test_a_report_of_another_version_is_replaced_and_its_failures_are_not_forgotten(
    three_variants: Bundle, report: Report, tmp_path: Path
) -> None:
    contents = {name: three_variants.read(name) for name in three_variants.manifest.files}
    variants = tuple(
        variant.model_copy(update={"verification": {"openvino": "failed"}})
        for variant in three_variants.manifest.variants
    )
    manifest = three_variants.manifest.model_copy(update={"variants": variants})
    bundle = write_bundle(tmp_path / "copy", manifest, {**contents, "verification.json": b'{"schema": "later/2"}'})
    mine = Report(rows=tuple(row for row in report.rows if row.engine == "onnxruntime"))
    verified = write_report(bundle, mine)
    assert Report.model_validate_json(verified.read("verification.json")) == mine
    assert all(
        variant.verification == {"onnxruntime": "passed", "openvino": "failed"}
        for variant in verified.manifest.variants
    )
