"""int8 files and bf16 run only where, and with what, they were compared with the trained network."""

import hashlib
import json
import logging

import pytest

from monitor.bench import verifying
from monitor.errors import EngineError
from monitor.inference import engine_factory
from monitor.inference.bundle import read_bundle
from monitor.inference.engine_factory import missing_reason, open_engine, require_engine
from monitor.inference.manifest import FileRecord, Variant
from monitor.inference.outcomes import Kernels
from monitor.inference.processor import has_bf16


@pytest.fixture
def with_int8(make_bundle, classifier_onnx):
    """Return a maker of bundles with an int8 file whose verification had this outcome, by default here."""

    def make(verification, *, fp32_verification=None, version=None, units=None):
        def kernels(engine):
            is_here = engine_factory.missing_reason(engine) is None
            here = engine_factory.kernels_here(engine) if is_here else Kernels("1", "avx2")
            own = {"engine_version": version or here.engine_version, "processor_units": units or here.processor_units}
            return {name: value for name, value in own.items() if value != "none"}

        content = classifier_onnx()
        record = FileRecord(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
        rows = [
            {"file": file, "engine": engine, **kernels(engine)}
            for file, outcomes in (("model.onnx", fp32_verification or {}), ("int8.onnx", verification))
            for engine in outcomes
        ]
        report = json.dumps({"rows": rows}).encode()
        files = {"model.onnx": record, "int8.onnx": record}
        files["verification.json"] = FileRecord(sha256=hashlib.sha256(report).hexdigest(), bytes=len(report))
        variants = (
            Variant(file="model.onnx", precision="fp32", size_px=16, verification=fp32_verification or {}),
            Variant(file="int8.onnx", precision="int8", size_px=16, verification=verification),
        )
        path = make_bundle(content, files=files, variants=variants)
        (path / "int8.onnx").write_bytes(content)
        (path / "verification.json").write_bytes(report)
        return read_bundle(path)

    return make


@pytest.mark.parametrize(
    ("verification", "file"),
    [
        ({"onnxruntime": "passed"}, "int8.onnx"),
        ({"onnxruntime": "failed"}, "model.onnx"),
        ({"openvino": "passed"}, "model.onnx"),
        ({}, "model.onnx"),
    ],
    ids=str,
)
def test_int8_runs_only_where_it_passed_with_this_engine(with_int8, verification, file, caplog):
    with caplog.at_level(logging.INFO, "monitor.inference.engine_factory"):
        open_engine(with_int8(verification), choice="onnxruntime", prefer_int8=True).close()
    assert f"{file} of bundle tiny runs on onnxruntime" in caplog.text


def test_without_being_asked_for_int8_does_not_run(with_int8, caplog):
    with caplog.at_level(logging.INFO, "monitor.inference.engine_factory"):
        open_engine(with_int8({"onnxruntime": "passed"}), choice="onnxruntime").close()
    assert "model.onnx of bundle tiny runs on onnxruntime" in caplog.text


def test_a_model_without_an_int8_file_runs_in_fp32(make_bundle, caplog):
    with caplog.at_level(logging.INFO, "monitor.inference.engine_factory"):
        open_engine(read_bundle(make_bundle()), choice="onnxruntime", prefer_int8=True).close()
    assert "model.onnx of bundle tiny runs on onnxruntime" in caplog.text


def opened_with(bundle, caplog, **options):
    caplog.clear()
    with caplog.at_level(logging.INFO, "monitor.inference.engine_factory"):
        open_engine(bundle, choice="onnxruntime", **options).close()
    return caplog.text


def test_int8_that_was_compared_with_another_version_is_not_verified(with_int8, monkeypatch, caplog):
    monkeypatch.setattr(engine_factory, "_engine_version", lambda _: "2.0.0")
    bundle = with_int8({"onnxruntime": "passed"}, version="2.0.0")
    assert "int8.onnx of bundle tiny runs on onnxruntime" in opened_with(bundle, caplog, prefer_int8=True)
    monkeypatch.setattr(engine_factory, "_engine_version", lambda _: "2.1.0")
    said = opened_with(bundle, caplog, prefer_int8=True)
    assert "int8.onnx of bundle tiny was verified with onnxruntime 2.0.0 on a processor with" in said
    assert "it counts as not verified" in said
    assert "model.onnx of bundle tiny runs on onnxruntime" in said


@pytest.mark.parametrize("units", ["avx2", "none"], ids=["another", "not recorded"])
def test_int8_that_was_compared_on_another_processor_is_not_verified(with_int8, units, monkeypatch, caplog):
    """Their kernels differ: where there is no VNNI, products of 8-bit integers may saturate."""
    monkeypatch.setattr(engine_factory, "kernel_units_here", lambda: "avx512f avx512_vnni")
    bundle = with_int8({"onnxruntime": "passed"}, fp32_verification={"onnxruntime": "passed"}, units=units)
    said = opened_with(bundle, caplog, prefer_int8=True)
    assert f"with {'avx2' if units == 'avx2' else 'unknown units'}, and" in said
    assert "on a processor with avx512f avx512_vnni is here: it counts as not verified" in said
    assert "model.onnx of bundle tiny runs on onnxruntime" in said
    assert "model.onnx of bundle tiny was verified" not in said, "fp32 differs in its last digits only"
    monkeypatch.setattr(verifying, "missing_reason", lambda name: None if name == "onnxruntime" else "not here")
    assert verifying.unverified_engines(bundle) == ("onnxruntime",)
    bundle = with_int8({"onnxruntime": "passed"}, units="avx512f avx512_vnni")
    assert "int8.onnx of bundle tiny runs on onnxruntime" in opened_with(bundle, caplog, prefer_int8=True)


def test_fp32_that_was_compared_with_another_version_runs_and_the_log_says_so(with_int8, monkeypatch, caplog):
    monkeypatch.setattr(engine_factory, "_engine_version", lambda _: "2.1.0")
    bundle = with_int8({}, fp32_verification={"onnxruntime": "passed"}, version="2.0.0")
    said = opened_with(bundle, caplog)
    assert "was verified with onnxruntime 2.0.0, and 2.1.0 is here: nicu-export verify" in said
    assert "model.onnx of bundle tiny runs on onnxruntime" in said
    monkeypatch.setattr(engine_factory, "_engine_version", lambda _: "2.0.0")
    assert "was verified with" not in opened_with(bundle, caplog)


def test_bf16_that_was_compared_with_another_version_is_refused(with_int8, monkeypatch):
    monkeypatch.setattr(engine_factory, "missing_reason", lambda _: None)
    monkeypatch.setattr(engine_factory, "_engine_version", lambda _: "2026.4.1")
    bundle = with_int8({}, fp32_verification={"openvino-bf16": "passed"}, version="2026.4.1")
    assert require_engine(bundle, choice="openvino-bf16", on_missing="refuse") == "openvino-bf16"
    bundle = with_int8({}, fp32_verification={"openvino-bf16": "passed"}, version="2022.1.0")
    with pytest.raises(EngineError, match=r"is not verified with openvino-bf16 \(nicu-export verify"):
        require_engine(bundle, choice="openvino-bf16", on_missing="refuse")


def test_what_was_compared_with_another_version_is_compared_again(with_int8, monkeypatch):
    monkeypatch.setattr(verifying, "missing_reason", lambda name: None if name == "onnxruntime" else "not here")
    monkeypatch.setattr(engine_factory, "_engine_version", lambda _: "2.1.0")
    outcomes = {"fp32_verification": {"onnxruntime": "passed"}}
    for version, wanted in (("2.1.0", ()), ("2.0.0", ("onnxruntime",))):
        bundle = with_int8({"onnxruntime": "passed"}, **outcomes, version=version)
        assert verifying.unverified_engines(bundle) == wanted


def test_bf16_is_missing_where_the_processor_has_no_unit_for_it(monkeypatch):
    pytest.importorskip("openvino", reason="openvino is not installed")
    monkeypatch.setattr(engine_factory, "has_bf16", lambda: False)
    assert "no unit for bf16" in str(missing_reason("openvino-bf16"))
    assert missing_reason("openvino") is None
    monkeypatch.setattr(engine_factory, "has_bf16", lambda: True)
    assert missing_reason("openvino-bf16") is None


def test_bf16_runs_what_was_verified_with_it_and_nothing_else(with_int8, monkeypatch):
    pytest.importorskip("openvino", reason="openvino is not installed")
    monkeypatch.setattr(engine_factory, "has_bf16", lambda: True)
    opened = []
    original = engine_factory.open_variant

    def open_variant(bundle, variant, name, **options):
        opened.append((variant.file, name))
        return original(bundle, variant, "onnxruntime", **options)  # this processor may have no unit for bf16

    monkeypatch.setattr(engine_factory, "open_variant", open_variant)
    unverified = with_int8({"openvino-bf16": "passed"}, fp32_verification={"openvino": "passed"})
    with pytest.raises(EngineError, match=r"nicu-export verify .* --engine openvino-bf16"):
        open_engine(unverified, choice="openvino-bf16", on_missing="refuse")
    open_engine(unverified, choice="openvino-bf16").close()
    verified = with_int8({}, fp32_verification={"openvino-bf16": "passed"})
    open_engine(verified, choice="openvino-bf16", prefer_int8=True).close()
    assert opened == [("model.onnx", "onnxruntime"), ("model.onnx", "openvino-bf16")]


def test_openvino_computes_in_bf16(make_bundle, crops):
    pytest.importorskip("openvino", reason="openvino is not installed")
    if not has_bf16():
        pytest.skip("this processor has no unit for bf16")
    bundle = read_bundle(make_bundle())
    engine = engine_factory.open_variant(bundle, bundle.variant(), "openvino-bf16")
    assert engine.name == "openvino-bf16"
    assert engine.run({"crops": crops})["score"] == pytest.approx([0.0, 0.2, 1.0], abs=0.01)
    engine.close()
