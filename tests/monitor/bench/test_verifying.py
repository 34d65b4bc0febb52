"""`nicu-monitor tune --verify`: what was never compared is compared, once, before anything is measured."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from export.bundle_writer import write_bundle
from monitor.bench import verifying
from monitor.bench.tuning import Candidate, Tuning, tune
from monitor.bench.verifying import unverified_engines, verify_bundles
from monitor.commands import tune as tune_command
from monitor.config import FaceSettings, ModelSettings
from monitor.config.base import ModelRole
from monitor.errors import EngineError
from monitor.inference.bundle import Bundle, read_bundle
from monitor.inference.manifest import EngineName, Outcome

Verification = dict[EngineName, Outcome]


def both(engine: EngineName) -> dict[ModelRole, EngineName]:
    return {"detector": engine, "classifier": engine}


@pytest.fixture
def make_bundle(tmp_path: Path) -> Callable[[Verification], Bundle]:
    """The packaged classifier with another record of its verification."""

    def make(verification: Verification) -> Bundle:
        packaged = read_bundle("ncnn-demo", kind="classifier")
        contents = {name: packaged.read(name) for name in packaged.manifest.files if name != "verification.json"}
        variants = tuple(one.model_copy(update={"verification": verification}) for one in packaged.manifest.variants)
        manifest = packaged.manifest.model_copy(update={"variants": variants})
        return write_bundle(tmp_path / "bundle", manifest, contents)

    return make


@pytest.fixture
def only_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "missing_reason", lambda name: None if name == "onnxruntime" else "not here")


@pytest.mark.usefixtures("only_onnxruntime")
def test_the_outcome_is_in_the_bundle_afterwards_and_nothing_is_compared_twice(make_bundle) -> None:
    bundle = make_bundle({})
    assert unverified_engines(bundle) == ("onnxruntime",)
    lines: list[str] = []
    verify_bundles([bundle], progress=lines.append)
    assert lines == ["verifying bundle ncnn-demo with onnxruntime"]
    verified = read_bundle(bundle.path)
    assert [variant.verification for variant in verified.manifest.variants] == [{"onnxruntime": "passed"}]
    assert unverified_engines(verified) == ()
    verify_bundles([verified], progress=lines.append)
    assert len(lines) == 1


def test_engines_that_are_here_are_asked_for_but_no_plan_of_tensorrt(make_bundle, monkeypatch) -> None:
    monkeypatch.setattr(verifying, "missing_reason", lambda _: None)
    bundle = make_bundle({"onnxruntime": "passed", "openvino": "failed"})
    assert unverified_engines(bundle) == ("onnxruntime-cuda", "openvino-bf16")


@pytest.mark.usefixtures("only_onnxruntime")
def test_a_verification_that_wrote_nothing_is_refused_with_its_own_words(make_bundle, monkeypatch) -> None:
    bundle = make_bundle({})
    words = "warning: something\nError: the bundle cannot be written to /usr/share: Read-only file system\n"
    refused = subprocess.CompletedProcess([], 1, stdout="", stderr=words)
    monkeypatch.setattr(verifying.subprocess, "run", lambda *_, **__: refused)
    with pytest.raises(EngineError, match=r"bundle ncnn-demo could not be verified: .*Read-only file system"):
        verify_bundles([bundle])
    failed_a_gate = subprocess.CompletedProcess([], 1, stdout="FAIL  model.onnx\n", stderr="")
    monkeypatch.setattr(verifying.subprocess, "run", lambda *_, **__: failed_a_gate)
    verify_bundles([bundle])


@pytest.mark.usefixtures("only_onnxruntime")
def test_without_nicu_export_a_sentence_says_so(make_bundle, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(verifying.sys, "executable", str(tmp_path / "python"))
    with pytest.raises(EngineError, match="nicu-export cannot be run"):
        verify_bundles([make_bundle({})])


@pytest.mark.parametrize("asked", [True, False])
def test_verifies_before_it_measures_and_only_when_asked(monkeypatch, *, asked: bool) -> None:
    steps: list[str] = []

    def verify(bundles, **_) -> None:
        steps.extend(bundle.manifest.kind for bundle in bundles)

    def tune(*_, **__) -> Tuning:
        steps.append("measure")
        best = Candidate(both("onnxruntime"), 2, [1.0])
        return Tuning(best, (best,), (), {})

    monkeypatch.setattr(tune_command, "verify_bundles", verify)
    monkeypatch.setattr(tune_command, "tune", tune)
    done = CliRunner().invoke(tune_command.command, ["--verify"] if asked else [], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert steps == [*(["detector", "classifier"] if asked else []), "measure"]


@pytest.mark.parametrize(
    ("verification", "reason"), [({"onnxruntime": "failed"}, "failed its verification"), ({}, "is not verified")]
)
def test_what_failed_is_told_from_what_was_never_compared(make_bundle, verification: Verification, reason) -> None:
    models = ModelSettings(classifier=str(make_bundle(verification).path))
    with pytest.raises(EngineError, match=rf"classifier on onnxruntime: bundle ncnn-demo {reason}"):
        tune(models, FaceSettings())


@pytest.mark.parametrize(
    ("best", "is_told"),
    [
        (Candidate(both("onnxruntime"), 2, [1.0]), False),
        (Candidate({"detector": "onnxruntime", "classifier": "openvino-bf16"}, 2, [1.0]), True),
        (Candidate(both("onnxruntime"), 2, [1.0], "int8"), True),
    ],
)
def test_that_fewer_bits_may_miss_faces_is_told_where_they_are_chosen(monkeypatch, best, *, is_told: bool) -> None:
    monkeypatch.setattr(tune_command, "tune", lambda *_, **__: Tuning(best, (best,), (), {}))
    done = CliRunner().invoke(tune_command.command, [], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert ("computes in fewer bits" in done.stderr) is is_told
