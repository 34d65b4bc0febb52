"""The metadata of a model file is compared with its bundle."""

from collections.abc import Callable

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from monitor.errors import BundleError
from monitor.inference.bundle import read_bundle
from monitor.inference.engine_factory import ENGINES, open_engine, open_variant
from monitor.inference.model_metadata import read_notes

texts = st.text(max_size=300)


def _noted(model: bytes, notes: dict[str, str]) -> bytes:
    loaded = onnx.load_from_string(model)
    helper.set_model_props(loaded, notes)
    content: bytes = loaded.SerializeToString()
    return content


@given(notes=st.dictionaries(texts, texts, max_size=5), version=st.integers(0, 2**63 - 1), weights=st.binary())
def test_reads_what_onnx_writes(notes: dict[str, str], version: int, weights: bytes) -> None:
    tensor = helper.make_tensor("w", TensorProto.UINT8, [len(weights)], weights, raw=True)
    model = helper.make_model(helper.make_graph([], "any", [], [], [tensor]), model_version=version)
    helper.set_model_props(model, notes)
    assert read_notes(model.SerializeToString()) == notes
    assert bytes(numpy_helper.to_array(tensor)) == weights


@given(content=st.binary(max_size=200))
def test_other_bytes_never_raise(content: bytes) -> None:
    assert isinstance(read_notes(content), dict)


@given(length=st.integers(0, 400))
def test_a_truncated_file_has_its_notes_or_none(length: int) -> None:
    model = helper.make_model(helper.make_graph([], "any", [], []))
    helper.set_model_props(model, {"classes": "no_pain pain"})
    assert read_notes(model.SerializeToString()[:length]) in ({}, {"classes": "no_pain pain"})


@pytest.mark.parametrize("engine", ENGINES)
def test_a_swapped_class_order_is_refused_with_every_engine(
    make_bundle: Callable[..., object], classifier_onnx: Callable[..., bytes], engine: str
) -> None:
    """The bundle itself is intact: all hashes are right, so that nothing else would notice."""
    bundle = read_bundle(make_bundle(_noted(classifier_onnx(), {"classes": "pain no_pain"})))
    with pytest.raises(
        BundleError, match=r"model\.onnx says that its classes are 'pain no_pain', .* says 'no_pain pain'; .*not run"
    ):
        open_variant(bundle, bundle.variant(), engine)
    with pytest.raises(BundleError, match="not run"):
        open_engine(bundle, on_missing="fall_back")


def test_the_right_order_runs(make_bundle: Callable[..., object], classifier_onnx: Callable[..., bytes]) -> None:
    bundle = read_bundle(make_bundle(_noted(classifier_onnx(), {"classes": "no_pain pain"})))
    open_engine(bundle, choice="onnxruntime").close()


def test_a_record_with_swapped_classes_is_refused(make_bundle: Callable[..., object]) -> None:
    directory = make_bundle()
    record = (directory / "bundle.json").read_text()
    swapped = record.replace('"no_pain",\n      "pain"', '"pain",\n      "no_pain"')
    assert swapped != record
    (directory / "bundle.json").write_text(swapped)
    with pytest.raises(BundleError, match=r"does not fit its schema: classifier\.classes"):
        read_bundle(directory)


def test_the_demo_model_says_what_its_bundle_says() -> None:
    bundle = read_bundle("ncnn-demo", kind="classifier")
    notes = read_notes(bundle.read(bundle.variant().file))
    assert notes["classes"].split() == list(bundle.classifier.classes)
