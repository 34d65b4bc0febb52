"""Baselines without points, against their definitions and on pictures with something to learn."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from trainer.commands.cv import command as cv
from trainer.errors import CheckpointError, SettingsError
from trainer.experiments import open_run
from trainer.models.onnx_features import OnnxFeatures
from trainer.models.pixel_features import hog, uniform_patterns
from trainer.networks import InputContract


def test_local_binary_patterns_are_those_of_their_definition():
    grey = np.random.default_rng(1).integers(0, 4, (64, 64)).astype(np.uint8)

    found = uniform_patterns(grey).reshape(16, 59)

    circle = [(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)]
    uniform = sorted(
        tuple(bits)
        for code in range(256)
        for bits in [[code >> bit & 1 for bit in range(8)]]
        if sum(a != b for a, b in zip(bits, bits[1:] + bits[:1], strict=True)) <= 2
    )
    assert len(uniform) == 58
    places = {bits: sum(bit << n for n, bit in enumerate(bits)) for bits in uniform}
    order = sorted(uniform, key=places.__getitem__)
    counts = np.zeros(59)
    for row in range(1, 17):  # the first field: 62 inner rows and columns in four parts of 16, 16, 15, 15
        for column in range(1, 17):
            bits = tuple(int(grey[row + down, column + right] >= grey[row, column]) for down, right in circle)
            counts[order.index(bits) if bits in places else 58] += 1
    np.testing.assert_allclose(found[0], counts / 256)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_gradients_ignore_how_bright_a_picture_is_and_see_where_an_edge_lies():
    edge = np.full((64, 64), 60, np.uint8)
    edge[:, 32:] = 120
    flat = hog(edge)
    assert flat.shape == (1764,)
    np.testing.assert_allclose(hog(edge + 50), flat, atol=1e-6)
    assert np.abs(hog(edge.T.copy()) - flat).max() > 0.1


@pytest.mark.parametrize("model", ["pixel-logistic", "hog-svm", "lbp-svm"])
def test_a_baseline_without_points_learns_what_pictures_show_on_unseen_infants(paint_study, tmp_path, model):
    manifest = paint_study(subjects=6, each=8).folder.with_suffix(".csv")

    arguments = [str(manifest), "--model", model, "--out", str(tmp_path)]
    CliRunner().invoke(cv, arguments, catch_exceptions=False)

    opened = open_run(tmp_path)
    table, inner = opened.predictions(), opened.inner()
    pain, calm = table.logits[table.labels == 1], table.logits[table.labels == 0]
    assert np.mean(pain[:, None] > calm[None, :]) > (0.9 if model != "lbp-svm" else 0.7)
    assert len(table.rows) == 48
    assert set(inner.fold.tolist()) == {0, 1, 2}
    assert all(fold["temperature"] > 0 for fold in opened.metrics()["training"])


@pytest.fixture
def trunk(tmp_path):
    """An ONNX file whose map has known values: the mean colours of 8 x 8 fields of a crop, times two."""
    network = torch.nn.Sequential(torch.nn.AvgPool2d(4), torch.nn.Conv2d(3, 3, 1, bias=False), torch.nn.Flatten())
    network[1].weight.data = 2.0 * torch.eye(3)[:, :, None, None]
    path = tmp_path / "trunk.onnx"
    torch.onnx.export(network.eval(), (torch.zeros(1, 3, 32, 32),), path, dynamo=False, input_names=["x"],
                      dynamic_axes={"x": {0: "n"}})  # fmt: skip
    return path


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_frozen_features_are_the_networks_own_and_are_computed_once(paint_study, tmp_path, trunk):
    study = paint_study(subjects=6, each=8)
    frozen = OnnxFeatures(trunk, study, {})

    found = frozen.of(np.arange(48))

    crops = study.crop_set(InputContract(size_px=32)).exact(np.arange(48)) / 255.0
    scaled = (crops - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    colours = scaled.reshape(48, 8, 4, 8, 4, 3).mean(axis=(2, 4)).transpose(0, 3, 1, 2).reshape(48, 192)
    np.testing.assert_allclose(found, 2.0 * colours, rtol=1e-4, atol=1e-5)
    [stored] = (study.folder / "features").iterdir()
    before = stored.stat().st_mtime_ns
    arguments = [str(study.folder.with_suffix(".csv")), "--model", "onnx-features", "--set", f"weights={trunk}"]
    CliRunner().invoke(cv, [*arguments, "--out", str(tmp_path / "run")], catch_exceptions=False)
    table = open_run(tmp_path / "run").predictions()
    pain, calm = table.logits[table.labels == 1], table.logits[table.labels == 0]
    assert np.mean(pain[:, None] > calm[None, :]) > 0.9
    assert stored.stat().st_mtime_ns == before
    assert open_run(tmp_path / "run").record["weights_sha256"] == frozen.sha256


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_other_crops_of_the_same_pictures_have_other_frozen_features(paint_study, trunk):
    study = paint_study(subjects=3, each=2)
    before = OnnxFeatures(trunk, study, {}).of(np.arange(6))
    moved = [replace(face, box=replace(face.box, center_x_px=8.0, width_px=16.0)) for face in study.faces]

    after = OnnxFeatures(trunk, replace(study, faces=tuple(moved)), {}).of(np.arange(6))

    assert np.abs(before - after).max() > 0.1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_is_no_trunk_is_refused_with_what_to_do(paint_study, tmp_path, trunk):
    study = paint_study(subjects=3, each=2)
    (tmp_path / "text.onnx").write_text("no network")

    with pytest.raises(CheckpointError, match="is no ONNX file that can be run here"):
        OnnxFeatures(tmp_path / "text.onnx", study, {})
    with pytest.raises(CheckpointError, match="name an ONNX file with weights=FILE"):
        OnnxFeatures(tmp_path / "none.onnx", study, {})
    with pytest.raises(SettingsError, match="takes pictures of 32 px, not of 64"):
        OnnxFeatures(trunk, study, {"size_px": 64})
    with pytest.raises(SettingsError, match="needs an ONNX file: --set weights=FILE"):
        CliRunner().invoke(
            cv,
            [str(study.folder.with_suffix(".csv")), "--model", "onnx-features", "--out", str(tmp_path / "r")],
            catch_exceptions=False,
        )
