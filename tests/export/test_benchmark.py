"""The benchmark times what it says, and a setting that cannot run is reported instead of left out."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from export.benchmark import run_benchmark
from export.bundle_writer import write_bundle
from export.commands import bench
from monitor.inference.bundle import Bundle


def test_every_setting_is_timed_against_the_reference(classifier_bundle: Bundle) -> None:
    found = run_benchmark(classifier_bundle, ["openvino"], batches=[2], threads=[1], rounds=3)
    settings = [(t.file, t.engine, t.threads, t.batch) for t in found.timings]
    assert settings == [
        (file, engine, 1, batch)
        for file in ("model.onnx", "model.fp16.onnx")
        for engine in ("onnxruntime", "openvino")
        for batch in (1, 2)
    ]
    assert found.timings[0].time_ratio == 1.0
    for timing in found.timings:
        assert timing.error is None
        assert timing.median_milliseconds is not None
        assert timing.p95_milliseconds is not None
        assert 0 < timing.median_milliseconds <= timing.p95_milliseconds
        assert timing.pictures_per_second == pytest.approx(1000 * timing.batch / timing.median_milliseconds)
    assert found.machine.cores >= 1
    assert found.bundle_sha256 == classifier_bundle.sha256


def test_what_cannot_run_is_reported(classifier_bundle: Bundle, tmp_path: Path) -> None:
    contents = {name: classifier_bundle.read(name) for name in classifier_bundle.manifest.files}
    contents["model.fp16.onnx"] = contents["model.fp16.onnx"][:1000]
    broken = write_bundle(tmp_path / "broken", classifier_bundle.manifest, contents)
    report = tmp_path / "bench.json"
    arguments = [str(broken.path), "--engine", "onnxruntime", "--rounds", "2", "--batch", "1", "--threads", "1"]
    result = CliRunner().invoke(bench.command, [*arguments, "--report", str(report)], catch_exceptions=False)
    assert result.exit_code == 0
    assert "below 1 is faster" in result.output
    assert "cannot load untrained-ncnn/model.fp16.onnx" in result.output
    timings = json.loads(report.read_text())["timings"]
    assert [timing["time_ratio"] for timing in timings] == [1.0, None]


def test_numbers_on_the_command_line_are_checked(classifier_bundle: Bundle) -> None:
    for option, value in (("--batch", "0"), ("--threads", "one"), ("--rounds", "0")):
        result = CliRunner().invoke(bench.command, [str(classifier_bundle.path), option, value])
        assert result.exit_code == 2, result.output
