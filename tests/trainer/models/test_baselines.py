"""Baselines without points, against their definitions and on pictures with something to learn."""

import numpy as np
import pytest
from click.testing import CliRunner

from trainer.commands.cv import command as cv
from trainer.experiments import open_run
from trainer.models.pixel_features import hog, uniform_patterns


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
