"""Labels that depend on the infant only: a test on new infants is a guess, and the leak shows.

The full proof on synthetic infants, with N-CNN, is in docs/experiments.md. Here it is a small network on painted
pictures.
"""

import pytest

from trainer.experiments import cross_validate, read_config

FIELDS = {
    "model": "mimic",
    "network": {"width": 8, "depth": 1},
    "contract": {"size_px": 32, "margin": 0.0},
    "training": {"patience_epochs": 12, "batch_size": 16, "mixup": 0.0, "label_smoothing": 0.0},
    "augmentation": "light",
    "copies": 2,
}


@pytest.fixture(scope="module")
def manifest(paint_study):
    return paint_study(subjects=16, each=6, by_subject=True).folder.with_suffix(".csv")


def auc(manifest, folder, protocol, epochs):
    training = FIELDS["training"] | {"epochs": epochs}
    config = read_config(None, FIELDS | {"manifest": str(manifest), "protocol": protocol, "training": training})
    return cross_validate(config, folder)["pooled"]["auc"]


def test_new_infants_can_only_be_guessed_while_the_dissertation_protocol_seems_to_succeed(manifest, tmp_path):
    strict = auc(manifest, tmp_path / "strict", {"name": "strict"}, epochs=6)
    # The 36 copies keep the infant's colour, so a few epochs are enough.
    protocol = {"name": "dissertation", "folds": 2, "expansion": "small-angles-18x2"}
    leaky = auc(manifest, tmp_path / "leaky", protocol, epochs=4)

    assert strict["low"] <= 0.5 <= strict["high"]
    assert leaky["low"] > 0.6
    assert leaky["value"] > 0.85
