"""What a command cannot finish it refuses at its beginning, and what failed ends it with another exit code than 0."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from export.commands import actions, bench, classifier, detector, mesh, verify
from export.verification import limits
from monitor.errors import BundleError
from monitor.inference.bundle import Bundle, read_bundle


def _invoke(command, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture
def _nothing_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(*_: object, **__: object) -> None:
        raise AssertionError("it was built")

    for function in (
        "export.classifier.bundle.write_classifier_bundle",
        "export.detector.torch_weights.read_checkpoint",
        "export.detector.package_file.PACKAGE.__class__.content",
    ):
        monkeypatch.setattr(function, build)


@pytest.mark.usefixtures("_nothing_is_built")
@pytest.mark.parametrize("name", ["my model", "säugling", "_x", "", "a" * 64])
def test_a_name_that_no_record_takes_is_refused_first(trained_model_file: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(BundleError, match=r"cannot be called .* give another one with --name"):
        _invoke(classifier.command, trained_model_file.parent, "--out", tmp_path / "c", "--name", name)


@pytest.mark.usefixtures("_nothing_is_built")
def test_a_folder_whose_name_no_record_takes_is_refused_first(tmp_path: Path) -> None:
    (tmp_path / "weights.pth").write_bytes(b"")
    with pytest.raises(BundleError, match=r"cannot be called 'my dir'.* name of the folder"):
        _invoke(detector.command, "--from", tmp_path / "weights.pth", "--out", tmp_path / "my dir")


@pytest.mark.usefixtures("_nothing_is_built")
@pytest.mark.parametrize(
    "command",
    [(detector.command, "--from", "retinaface"), (mesh.command, "--from", "mediapipe"), (actions.command,)],
    ids=["detector", "mesh", "actions"],
)
def test_a_folder_that_is_no_bundle_is_refused_first(command, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(BundleError, match="exists and is no bundle"):
        _invoke(*command, "--out", tmp_path)
    with pytest.raises(BundleError, match=r"nothing can be written in .*thesis\.txt"):
        _invoke(*command, "--out", tmp_path / "thesis.txt" / "x")


@pytest.mark.parametrize("command", [verify.command, bench.command], ids=["verify", "bench"])
@pytest.mark.parametrize("file", ["bundle.json", "model.onnx", "verification.json"])
def test_a_report_is_not_written_over_the_bundle(classifier_bundle: Bundle, tmp_path: Path, command, file: str) -> None:
    copy = Path(shutil.copytree(classifier_bundle.path, tmp_path / "copy"))
    result = _invoke(command, copy, "--report", copy / file)
    assert result.exit_code == 2
    assert "--report would write over" in result.output
    assert read_bundle(copy).manifest == classifier_bundle.manifest


@pytest.mark.parametrize(
    ("failing", "options", "code"),
    [
        ("fp32", (), 1),
        ("fp16", (), 0),
        ("fp16", ("--precision", "fp16"), 1),
        (None, ("--precision", "fp16"), 0),
    ],
)
def test_a_needed_model_that_fails_its_verification_ends_the_export_with_1(
    trained_model_file: Path, tmp_path: Path, failing, options, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if failing is not None:
        impossible = replace(limits.LIMITS[failing], score_maximum=-1.0)
        monkeypatch.setitem(limits.LIMITS, failing, impossible)
    result = _invoke(classifier.command, trained_model_file.parent, "--out", tmp_path / "c", *options)
    assert result.exit_code == code, result.output
    assert ("cannot be selected" in result.output) == (failing is not None)
