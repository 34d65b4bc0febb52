"""N-CNN learns any two-class set that comes as a table: four commands from tight, grey 64 px faces to a held-out AUC.

The test with 3,000 pictures and ten epochs is slow, about five minutes on one core:

    pytest -m slow tests/trainer/experiments/test_expression_set.py
"""

import json

import pytest
from click.testing import CliRunner

from trainer.commands.crop import command as crop
from trainer.commands.evaluate import command as evaluate
from trainer.commands.fit import command as fit
from trainer.commands.ingest import command as ingest
from trainer.commands.synthesize import command as synthesize


def run(command, *arguments):
    result = CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def held_out_auc(folder, *, train, test, epochs, options=()):
    """Draw a set, take it in, train with the default recipe, and test on the pictures that were held out."""
    jobs = ("--jobs", 1 if train < 1000 else 2)  # for few pictures a process imports for longer than it draws
    run(synthesize, "expressions", "--out", folder / "set", "--train", train, "--test", test, *jobs)
    for part in ("train", "test"):
        run(ingest, "table", folder / "set" / f"{part}.csv")
        assert "taken as a face that was cut out already" in run(crop, folder / "set" / f"{part}.manifest.csv", *jobs)
    manifest = folder / "set" / "train.manifest.csv"
    run(fit, manifest, "--epochs", epochs, "--no-bundle", "--out", folder / "model", *options)
    test = folder / "set" / "test.manifest.csv"
    run(evaluate, folder / "model", test, "--out", folder / "result", "--resamples", 400)
    return json.loads((folder / "result" / "metrics.json").read_text())["pooled"]["auc"]


@pytest.mark.timeout(850)
def test_a_small_set_is_learnt_well_beyond_chance_in_a_few_epochs(tmp_path):
    auc = held_out_auc(tmp_path, train=200, test=60, epochs=8, options=("--set", "copies=1"))

    assert auc["value"] > 0.75, auc
    assert auc["low"] > 0.6, auc


@pytest.mark.slow
@pytest.mark.timeout(7200)  # beside other programs, at low priority, it takes many times its processor time
def test_three_thousand_pictures_give_an_auc_of_090_within_ten_epochs(tmp_path):
    auc = held_out_auc(tmp_path, train=3000, test=1000, epochs=10)

    assert auc["value"] >= 0.90
