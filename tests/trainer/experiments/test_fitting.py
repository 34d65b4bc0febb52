"""A final model is learnt from the data it names, and carries the metrics of the cross-validation of its own recipe."""

import pytest
import torch

from trainer.checkpoint import read_model
from trainer.errors import CheckpointError
from trainer.experiments import read_config
from trainer.experiments.fitting import FinalModel, fit_all
from trainer.networks import EfficientNetLite0

SMALL = {
    "model": "mimic",
    "network": {"width": 8, "depth": 1},
    "contract": {"size_px": 32, "margin": 0.0},
    "training": {"epochs": 2, "patience_epochs": 2, "schedule": {"warmup_epochs": 0}, "batch_size": 8, "mixup": 0.0},
    "augmentation": "light",
    "copies": 1,
    "protocol": {"folds": 2, "inner_folds": 2},
}


@pytest.fixture(scope="module")
def study(paint_study):
    return paint_study(subjects=6, each=4)


@pytest.fixture
def manifest(study, tmp_path):
    """A manifest that a test may write anew; its crops stay where they are."""
    path = tmp_path / "set.manifest.csv"
    lines = study.folder.with_suffix(".csv").read_text().splitlines()
    path.write_text("\n".join(lines))
    return path


def config(study, manifest, **changes):
    return read_config(None, SMALL | {"manifest": str(manifest), "crops": str(study.folder)} | changes)


def test_a_finished_training_of_other_labels_is_not_taken_for_this_models(study, manifest, tmp_path):
    folder, final = tmp_path / "final", FinalModel("one")
    before = read_model(fit_all(config(study, manifest), folder, final))
    again = read_model(fit_all(config(study, manifest, training=SMALL["training"] | {"threads": 1}), folder, final))
    assert again.record.provenance.data_manifest_sha256 == before.record.provenance.data_manifest_sha256

    head, first, *others = manifest.read_text().splitlines()
    manifest.write_text("\n".join([f"{head},soft_label", f"{first},0.2", *(f"{line}," for line in others)]))

    with pytest.raises(CheckpointError, match=r"holds another run \(it differs in .*manifest_sha256"):
        fit_all(config(study, manifest), folder, final)
    assert read_model(folder).sha256 == before.sha256


def test_a_finished_training_from_other_weights_is_not_taken_for_this_models(study, manifest, tmp_path):
    weights = tmp_path / "weights.pth"
    given = {"model": "efficientnet-lite0", "network": {}, "contract": {"size_px": 32}, "weights": str(weights)}
    given["training"] = {"epochs": 1}  # a random trunk's network is dead, which is noticed after two
    for seed in (0, 1):
        torch.manual_seed(seed)
        trunk = EfficientNetLite0().state_dict()
        torch.save({name: value for name, value in trunk.items() if not name.startswith("head.")}, weights)
        if seed == 0:
            fit_all(config(study, manifest, **given), tmp_path / "final", FinalModel("one"))
            continue
        with pytest.raises(CheckpointError, match=r"holds another run \(it differs in weights_sha256\)"):
            fit_all(config(study, manifest, **given), tmp_path / "final", FinalModel("one"))


def test_a_training_that_does_not_say_what_it_learnt_from_is_not_taken_up(study, manifest, tmp_path):
    folder = tmp_path / "final"
    fit_all(config(study, manifest), folder, FinalModel("one"))
    (folder / "fit.json").unlink()

    with pytest.raises(CheckpointError, match="of which nothing says what it learnt from"):
        fit_all(config(study, manifest), folder, FinalModel("one"))
