"""Every cell of `nicu-trainer compare`, against the same statistics written a second time with numpy alone."""

import json

import numpy as np
import pytest
import recomputation
from click.testing import CliRunner
from recomputed_tables import differing_cells, is_same

from trainer.commands.compare import command as compare
from trainer.evaluation.results import PredictionRow, PredictionTable, evaluate

RESAMPLES = 100
FOLDS = 3


def rows(random, sizes, strength, protocol):
    """Answers of infants with few or many pictures; some logits are equal, so that there are ties."""
    found = []
    for infant, size in enumerate(sizes):
        offset = random.normal(0, 0.7)
        for shot in range(size):
            label = int(random.random() < 0.5)
            every = range(FOLDS) if protocol == "dissertation" else [infant % FOLDS]
            for fold in (fold for fold in every if protocol == "strict" or random.random() < 0.5):
                logit = float(np.round(strength * (2 * label - 1) + offset + random.normal(), 1))
                score = float(1 / (1 + np.exp(-logit)))
                name = f"{infant}-{shot}"
                found.append(PredictionRow(fold, name, name, f"s{infant}", label, "x", "main", logit, score, 0.0))
    return found


def write_run(folder, model, protocol, sizes, strength, seed):
    """Write what `cv` leaves of a run; the networks are missing, and nobody asks for them."""
    random, pictures = np.random.default_rng(seed), np.random.default_rng(99)
    planned = rows(pictures, sizes, 0.0, protocol)  # the same pictures and folds for every model
    table = PredictionTable([answered(row, random, strength) for row in planned])
    folder.mkdir(parents=True)
    table.write(folder / "predictions.csv")
    if protocol == "strict":
        inner = [answered(row, random, strength) for row in planned]
        PredictionTable([other_fold(row) for row in inner]).write(folder / "inner.csv")
        validation = [
            accuracy_of(other_fold(row) for row in inner if (row.fold + 1) % FOLDS == k) for k in range(FOLDS)
        ]
    else:
        validation = [0.9, 0.95, 1.0]
    training = [
        {"fold": fold, "training_accuracy": 0.8 + fold / 10, "validation_accuracy": validation[fold],
         "training_loss": 0.1, "validation_loss": 0.2, "learnt_pictures": 20 + fold}
        for fold in range(FOLDS)
    ]  # fmt: skip
    metrics = evaluate(table, [], count=RESAMPLES) | {"training": training}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    record = {
        "config": {"manifest": "m.csv", "model": model, "protocol": {"name": protocol, "folds": FOLDS}},
        "title": model.upper(),
        "data_sets": ["cope"],
        "manifest_sha256": "a" * 64,
        "fold_map_sha256": protocol,
    }
    (folder / "run.json").write_text(json.dumps(record))


def answered(row, random, strength):
    logit = float(np.round(strength * (2 * row.label - 1) + random.normal(0, 1.5), 1))
    return PredictionRow(
        row.fold,
        row.image,
        row.sha256,
        row.subject,
        row.label,
        "x",
        "main",
        logit,
        float(1 / (1 + np.exp(-logit))),
        0.0,
    )


def other_fold(row):
    return PredictionRow(
        (row.fold + 1) % FOLDS, row.image, row.sha256, row.subject, row.label, "x", "main", row.logit, row.score, 0.0
    )


def accuracy_of(answers):
    return float(np.mean([(row.logit >= 0) == (row.label == 1) for row in answers]))


@pytest.mark.parametrize(
    ("sizes", "strength"),
    [([3, 9, 4, 7, 5, 8, 6], 0.5), ([8, 7, 9, 8], 1.0), ([5, 6, 7, 5, 6], 40.0)],
    ids=["some", "below five infants", "all right"],
)
def test_every_cell_is_that_of_the_second_computation(tmp_path, monkeypatch, sizes, strength):
    folders = []
    for seed, (model, protocol, factor) in enumerate(
        (model, protocol, factor)
        for protocol in ("dissertation", "strict")
        for model, factor in (("ncnn", 1.0), ("resnet50-proposed", 0.8))
    ):
        folders.append(tmp_path / f"{model}-{protocol}")
        write_run(folders[-1], model, protocol, sizes, factor * strength, seed)
    arguments = [*map(str, folders), "--out", str(tmp_path / "tables"), "--resamples", str(RESAMPLES)]
    CliRunner().invoke(compare, arguments, catch_exceptions=False)
    monkeypatch.setattr(recomputation, "RESAMPLES", RESAMPLES)

    compared, differing = differing_cells(folders, tmp_path / "tables")

    assert differing == []
    assert compared > 200


def test_cells_that_differ_are_seen():
    assert is_same("+1.5 [-2.0, +3.0]", "+1.6 [-2.0, +3.0]")
    assert not is_same("+1.5 [-2.0, +3.0]", "+1.7 [-2.0, +3.0]")
    assert not is_same("+1.5 [-2.0, +3.0]", "+1.5")
    assert not is_same("0.93", "-")
