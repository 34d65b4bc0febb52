"""`nicu-trainer evaluate`: a trained model on pictures that it did not learn from."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner

from trainer.commands.evaluate import command as evaluate
from trainer.commands.fit import command as fit
from trainer.errors import CheckpointError

SMALL = ["network.width=8", "network.depth=1", "contract.size_px=32", "contract.margin=0", "augmentation=light"]
SMALL += ["training.batch_size=8", "training.schedule.warmup_epochs=0", "training.mixup=0", "protocol.inner_folds=3"]


def run(command, *arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False).output


@pytest.fixture(scope="module")
def model(paint_study, tmp_path_factory):
    manifest = paint_study(subjects=6, each=8).folder.with_suffix(".csv")
    folder = tmp_path_factory.mktemp("model")
    options = [part for setting in SMALL for part in ("--set", setting)]
    run(fit, manifest, "--model", "mimic", "--epochs", 15, "--no-bundle", "--out", folder, *options)
    return folder, manifest


def test_held_out_pictures_are_answered_and_evaluated(model, paint_study, tmp_path):
    folder, _ = model
    study = paint_study(subjects=4, each=6, seed=9, stress=2)

    output = run(evaluate, folder, study.folder.with_suffix(".csv"), "--out", tmp_path)

    metrics = json.loads((tmp_path / "metrics.json").read_text())
    rows = list(csv.DictReader((tmp_path / "predictions.csv").read_text().splitlines()))
    assert "16 answers, 4 subjects" in output
    assert metrics["pooled"]["auc"]["value"] > 0.9
    assert not metrics["is_trained_on_these"]
    assert "Warning" not in output
    assert sorted(row["role"] for row in rows) == ["main"] * 16 + ["stress"] * 8
    logits = np.array([float(row["logit"]) for row in rows])
    np.testing.assert_allclose([float(row["score"]) for row in rows], 1 / (1 + np.exp(-logits)), atol=1e-6)


def test_the_pictures_that_it_was_trained_on_are_no_test(model, tmp_path):
    folder, manifest = model

    output = run(evaluate, folder / "model.pt", manifest, "--out", tmp_path)

    assert "Warning: the model was trained on these very pictures" in output


def test_a_missing_model_is_named(model, tmp_path):
    _, manifest = model

    with pytest.raises(CheckpointError, match="there is no trained model"):
        run(evaluate, tmp_path, manifest)
