"""Bundles: found by name, refused when they are not what they were."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.errors import BundleError
from monitor.inference import bundle as bundle_module
from monitor.inference.bundle import find_bundle, installed_models_directory, read_bundle
from monitor.inference.manifest import Variant


def test_reads_what_was_written(make_bundle) -> None:
    bundle = read_bundle(make_bundle(), kind="classifier")
    assert bundle.name == "tiny"
    assert bundle.classifier.crop.margin == 0.1
    assert bundle.variant().file == "model.onnx"
    assert bundle.read("model.onnx") == (bundle.path / "model.onnx").read_bytes()
    assert bundle.manifest.digest() == bundle.manifest.manifest_sha256


def test_the_identity_is_that_of_the_model_and_not_of_what_is_said_of_it(make_bundle) -> None:
    bundle = read_bundle(make_bundle())
    record = bundle.manifest
    (variant,) = record.variants
    told = {
        "name": "another",
        "variants": (variant.model_copy(update={"verification": {"onnxruntime": "passed"}}),),
        "files": {**record.files, "verification.json": record.files["model.onnx"]},
    }
    assert record.model_copy(update=told).identity() == bundle.sha256
    assert record.model_copy(update=told).digest() != record.digest()
    other_file = record.files["model.onnx"].model_copy(update={"sha256": "ab" * 32})
    others = [
        {"files": {"model.onnx": other_file}},
        {"classifier": record.classifier.model_copy(update={"training_prior": 0.25})},
        {"input": record.input.model_copy(update={"mean": (1.0, 1.0, 1.0)})},
        {"variants": (variant.model_copy(update={"precision": "int8"}),)},
    ]
    identities = {record.model_copy(update=other).identity() for other in others}
    assert len(identities | {bundle.sha256}) == 1 + len(others)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["bundle.json", "model.onnx"]), st.floats(0, 1, exclude_max=True), st.integers(0, 7))
def test_any_changed_bit_is_noticed(make_bundle, file: str, position: float, bit: int) -> None:
    directory = make_bundle()
    path = directory / file
    original = path.read_bytes()
    content = bytearray(original)
    content[int(position * len(content))] ^= 1 << bit
    path.write_bytes(content)
    if file == "bundle.json" and _says_the_same(bytes(content), original):
        return  # only white space changed
    with pytest.raises(BundleError, match="bundle"):
        read_bundle(directory)


def _says_the_same(changed: bytes, original: bytes) -> bool:
    try:
        return bool(json.loads(changed) == json.loads(original))
    except ValueError:
        return False


def test_names_the_file_that_is_missing_or_cut_short(make_bundle) -> None:
    directory = make_bundle()
    model = directory / "model.onnx"
    model.write_bytes(model.read_bytes()[:-10])
    with pytest.raises(BundleError, match=r"model\.onnx is not the file.*SHA-256.*bytes instead of"):
        read_bundle(directory)
    model.write_bytes(bytes(10) + model.read_bytes())
    with pytest.raises(BundleError, match=r"\(its SHA-256 differs from bundle\.json\); build or copy the bundle again"):
        read_bundle(directory)
    model.unlink()
    with pytest.raises(BundleError, match=r"model\.onnx cannot be read"):
        read_bundle(directory)


def test_what_is_handed_out_is_checked_again(make_bundle) -> None:
    bundle = read_bundle(make_bundle())
    (bundle.path / "model.onnx").write_bytes(b"changed after the first read")
    with pytest.raises(BundleError, match="SHA-256"):
        bundle.read("model.onnx")
    with pytest.raises(BundleError, match="lists no file"):
        bundle.read("../../etc/passwd")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "nicu-pain-monitor/bundle/9"}, r"has the schema 'nicu-pain-monitor/bundle/9', this program reads"),
        ({"kind": "detector"}, "a detector bundle needs the section 'detector'"),
        ({"classifier": {"classes": ["pain", "no_pain"]}}, r"classifier\.classes\.0: Input should be 'no_pain'"),
        ({"surprise": 1}, "surprise: Extra inputs are not permitted"),
        ({"variants": [{"file": "none.onnx", "precision": "fp32", "size_px": 16}]}, "does not list: none.onnx"),
        ({"files": {"../x": {"sha256": "0" * 64, "bytes": 1}}}, "lie directly in its directory"),
        ({"name": "renamed"}, "was changed after the bundle was made"),
    ],
)
def test_says_what_is_wrong_with_a_manifest(make_bundle, change: dict[str, object], message: str) -> None:
    path = make_bundle() / "bundle.json"
    content = json.loads(path.read_text())
    for key, value in change.items():
        content[key] = {**content[key], **value} if isinstance(value, dict) and key in content else value
    path.write_text(json.dumps(content))
    with pytest.raises(BundleError, match=message):
        read_bundle(path.parent)


@pytest.mark.parametrize("text", ["", "{", "[]", '"bundle"', "null"])
def test_a_manifest_that_is_no_record_is_refused(make_bundle, text: str) -> None:
    path = make_bundle() / "bundle.json"
    path.write_text(text)
    with pytest.raises(BundleError, match=r"is no JSON|has the schema None"):
        read_bundle(path.parent)


def test_a_variant_that_failed_its_verification_cannot_be_selected(make_bundle) -> None:
    failed = Variant(file="model.onnx", precision="fp32", size_px=16, verification={"onnxruntime": "failed"})
    bundle = read_bundle(make_bundle(variants=(failed,)))
    with pytest.raises(BundleError, match="failed its verification and is not run"):
        bundle.variant()
    with pytest.raises(BundleError, match="has no fp16 model of 16 px; it has 16 px fp32"):
        bundle.variant(precision="fp16")


def test_refuses_another_kind(make_bundle) -> None:
    directory = make_bundle()
    with pytest.raises(BundleError, match="tiny is a classifier, not a detector"):
        read_bundle(directory, kind="detector")
    with pytest.raises(BundleError, match="tiny is a classifier, not a detector"):
        _ = read_bundle(directory).detector


def test_a_name_is_searched_among_the_installed_and_then_the_packaged_bundles(
    make_bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed, packaged = tmp_path / "installed", tmp_path / "packaged"
    monkeypatch.setattr(bundle_module, "installed_models_directory", lambda: installed)
    monkeypatch.setattr(bundle_module, "_packaged_models_directory", lambda: packaged)
    with pytest.raises(
        BundleError, match=r"no bundle 'tiny': .*installed/tiny and .*packaged/tiny.*nicu-export detector"
    ):
        find_bundle("tiny")
    source = make_bundle()
    for root in (packaged, installed):
        root.mkdir()
        (root / "tiny").mkdir()
        for file in source.iterdir():
            (root / "tiny" / file.name).write_bytes(file.read_bytes())
        assert find_bundle("tiny") == root / "tiny"
    assert find_bundle(str(packaged / "tiny")) == packaged / "tiny"
    assert find_bundle(packaged / "tiny") == packaged / "tiny"


def test_bundles_are_installed_with_the_environment() -> None:
    assert installed_models_directory().parts[-3:] == ("share", "nicu-pain-monitor", "models")
