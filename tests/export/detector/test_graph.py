"""Anchors, decoding and the exported graph's contract."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from export.detector.bundle import TOP_K
from monitor.inference.bundle import Bundle
from monitor.inference.engine_factory import open_engine
from trainer.detector.graph import AnchorSpec, Decoder, anchors_px
from trainer.detector.network import RawFaces


@pytest.mark.parametrize(("size_px", "count"), [(320, 4200), (640, 16800)])
def test_anchors_cover_the_picture(size_px: int, count: int) -> None:
    anchors = anchors_px(size_px, AnchorSpec())
    assert anchors.shape == (count, 3)
    assert anchors[0].tolist() == [4, 4, 16]
    assert anchors[1].tolist() == [4, 4, 32]
    assert anchors[2].tolist() == [12, 4, 16]
    assert anchors[-1].tolist() == [size_px - 16, size_px - 16, 512]
    with pytest.raises(ValueError, match="multiple of 32"):
        anchors_px(330, AnchorSpec())


@settings(deadline=None)
@given(index=st.integers(0, 83), data=st.data())
def test_decoding_inverts_the_encoding_of_the_paper(index: int, data: st.DataObject) -> None:
    spec = AnchorSpec()
    anchors = anchors_px(32, spec)
    assert len(anchors) == 42
    cx, cy, side = anchors[index % 42]
    number = st.floats(-0.5, 0.5)
    x, y = cx + side * data.draw(number), cy + side * data.draw(number)
    width, height = side * np.exp(data.draw(number)), side * np.exp(data.draw(number))
    points = [(cx + side * data.draw(number), cy + side * data.draw(number)) for _ in range(5)]
    raw = RawFaces(torch.zeros(1, 42, 4), torch.full((1, 42), -3.0), torch.zeros(1, 42, 10))
    raw.boxes[0, index % 42] = torch.tensor(
        [(x - cx) / side / 0.1, (y - cy) / side / 0.1, np.log(width / side) / 0.2, np.log(height / side) / 0.2]
    )
    raw.logits[0, index % 42] = 2.0
    raw.landmarks[0, index % 42] = torch.tensor([[(px - cx), (py - cy)] for px, py in points]).flatten() / side / 0.1
    boxes, scores, landmarks = Decoder(32, spec, top_k=2)(raw)
    expected = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    np.testing.assert_allclose(boxes[0, 0].numpy(), expected, atol=2e-3)
    np.testing.assert_allclose(landmarks[0, 0].numpy(), points, atol=2e-3)
    np.testing.assert_allclose(scores[0].numpy(), [1 / (1 + np.exp(-2.0)), 1 / (1 + np.exp(3.0))], rtol=1e-5)


def test_the_model_has_the_contract_that_its_bundle_states(package_bundle: Bundle) -> None:
    engine = open_engine(package_bundle, size_px=320, choice="onnxruntime")
    (images,) = engine.inputs
    assert (images.name, images.shape, images.dtype) == ("images", (None, 320, 320, 3), np.uint8)
    outputs = {spec.name: (spec.shape, spec.dtype) for spec in engine.outputs}
    assert outputs == {
        "boxes": ((None, TOP_K, 4), np.float32),
        "scores": ((None, TOP_K), np.float32),
        "landmarks": ((None, TOP_K, 5, 2), np.float32),
    }
    engine.close()
    assert package_bundle.detector.top_k == TOP_K


def test_a_picture_gets_the_same_answer_in_any_batch(
    package_bundle: Bundle, synthetic_pictures: dict[int, NDArray[np.uint8]]
) -> None:
    engine = open_engine(package_bundle, size_px=320, choice="onnxruntime")
    together = engine.run({"images": synthetic_pictures[320]})
    for index, picture in enumerate(synthetic_pictures[320]):
        alone = engine.run({"images": picture[None]})
        for name, values in alone.items():
            np.testing.assert_allclose(values[0], together[name][index], atol=2e-3, err_msg=name)


@pytest.mark.parametrize(
    ("fixture", "size_px", "smallest"),
    [("package_bundle", 320, 1), pytest.param("whole_package_bundle", 640, 0, marks=pytest.mark.slow)],
)
def test_finds_the_synthetic_face_where_it_is(
    request: pytest.FixtureRequest,
    synthetic_pictures: dict[int, NDArray[np.uint8]],
    fixture: str,
    size_px: int,
    smallest: int,
) -> None:
    """At 320 px the first face, of 32 px, is found with less certainty."""
    engine = open_engine(request.getfixturevalue(fixture), size_px=size_px, choice="onnxruntime")
    answer = engine.run({"images": synthetic_pictures[size_px]})
    assert (answer["scores"][smallest:5, 0] > 0.8).all()
    assert answer["scores"][5, 0] < 0.5
    centers = (answer["boxes"][:5, 0, :2] + answer["boxes"][:5, 0, 2:]) / 2
    faces_px = size_px * np.array([0.1, 0.2, 0.35, 0.6, 0.85])
    assert (np.abs(centers - size_px / 2).max(axis=1) < 0.1 * faces_px)[smallest:].all()
