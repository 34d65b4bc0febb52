"""A ResNet50 with a frozen trunk: its dense layers train on features that were computed once."""

import json

import numpy as np
import pytest
import torch

from trainer.crops import AugmentationSettings
from trainer.errors import CheckpointError
from trainer.experiments import cross_validate, open_run, read_config
from trainer.models.frozen import FrozenTrunk
from trainer.models.plan import NetworkPlan
from trainer.protocols import Items
from trainer.training import NullListener, TrainingSettings


class _Notes(NullListener):
    def __init__(self):
        self.messages = []

    def note(self, message):
        self.messages.append(message)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


@pytest.fixture(scope="module")
def config(paint_study):
    study = paint_study(subjects=6, each=4)
    fields = {
        "manifest": str(study.folder.with_suffix(".csv")),
        "model": "resnet50-proposed",
        "network": {"head": [16], "dropout": 0.2},
        "contract": {"size_px": 32},
        "training": {"epochs": 12, "patience_epochs": 12, "optimiser": {"learning_rate": 1e-3}},
        "copies": 2,
        "protocol": {"folds": 2},
        "augmentation": "light",
    }
    return read_config(None, fields), study


@pytest.fixture(scope="module")
def finished(config, tmp_path_factory):
    settings, study = config
    notes = _Notes()
    folder = tmp_path_factory.mktemp("runs") / "first"
    return cross_validate(settings, folder, lambda *_: notes), folder, notes, study


def files(study):
    return {path: path.stat().st_mtime_ns for path in (study.folder / "features").rglob("*.npy")}


def test_the_whole_network_answers_as_its_dense_layers_did_on_the_features(finished):
    results, folder, _, study = finished
    parts = open_run(folder).fold_networks(0)
    trained = torch.load(folder / "fold0" / "member0.pt", weights_only=True)

    head = {name.replace("layers.", ""): tensor for name, tensor in trained["best_weights"].items()}
    whole = parts.networks[0].head[2:].state_dict()

    assert whole.keys() == head.keys()
    assert all(torch.equal(whole[name], head[name]) for name in head)
    assert results["pictures"] == len(study.records)


def test_a_random_trunk_is_said_and_still_distinguishes_pictures(finished):
    results, _, notes, _ = finished

    assert any("no pre-trained weights are given" in message for message in notes.messages)
    assert np.std([entry["mean_score"] for entry in results["per_subject"]]) > 0.0
    assert all(fold["epochs"][0] >= 1 for fold in results["training"])


def test_features_are_computed_once_for_all_runs(finished, config, tmp_path):
    results, _, _, study = finished
    settings, _ = config
    before = files(study)
    assert before

    again = cross_validate(settings, tmp_path / "second", lambda *_: _Notes())
    other_head = settings.model_copy(update={"network": {"head": [8], "dropout": 0.0}})
    cross_validate(other_head, tmp_path / "third", lambda *_: _Notes())

    assert json.dumps(again["pooled"]) == json.dumps(results["pooled"])
    assert files(study) == before


def test_features_of_the_fixed_copies_are_shared_by_the_folds(config, tmp_path):
    settings, study = config
    protocol = {"name": "dissertation", "folds": 2, "expansion": "small-angles-9x4"}
    changed = read_config(None, json.loads(settings.model_dump_json(exclude_none=True)) | {"protocol": protocol})

    results = cross_validate(changed, tmp_path / "run", lambda *_: _Notes())

    assert len(results["training"]) == 2
    shapes = {np.load(path).shape for path in (study.folder / "features").rglob("*.npy")}
    assert (37, 2048) in shapes


class _Trunk(torch.nn.Module):
    """Stands for the network: its only feature of a crop is a multiple of the brightness."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def prepare(self, batch, _contract):
        return batch.to(torch.float32)

    def features(self, batch):
        return batch.mean(dim=(1, 2, 3))[:, None] * self.factor


def trunk_of(crops, folder, factor):
    frozen = FrozenTrunk(_Trunk(factor), None, crops, folder, torch.device("cpu"))
    plan = NetworkPlan(None, {}, crops.contract, TrainingSettings(), AugmentationSettings(), "none")
    return lambda: frozen.samples(Items.as_they_are(np.arange(4)), plan, vary=False).features


@pytest.mark.parametrize(("factor", "kind"), [(1.0, np.float16), (1e6, np.float32)])
def test_features_larger_than_half_precision_holds_are_stored_in_single(make_crops, tmp_path, factor, kind):
    features = trunk_of(make_crops(), tmp_path, factor)
    first, again = features(), features()

    assert first.dtype == again.dtype == kind
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, again)


def test_features_that_are_no_numbers_are_refused_and_not_stored(make_crops, tmp_path):
    with pytest.raises(CheckpointError, match="no numbers"):
        trunk_of(make_crops(), tmp_path, float("nan"))()
    assert not list(tmp_path.rglob("*.npy"))
