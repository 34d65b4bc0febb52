"""A final model is learnt from the data it names, and carries the metrics of the cross-validation of its own recipe."""

from dataclasses import replace

import pytest
import torch

from trainer.checkpoint import read_model
from trainer.errors import CheckpointError, SettingsError
from trainer.experiments import Run, cross_validate, open_run, read_config
from trainer.experiments.fitting import FinalModel, ensemble_of_folds, fit_all
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
    """A manifest that a test may rewrite; its crops stay where they are."""
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


@pytest.mark.parametrize(("balanced", "prior"), [(True, 0.5), (False, 0.25)])
def test_the_recorded_prior_is_that_of_the_probabilities(study, manifest, tmp_path, balanced, prior):
    head, *rows = manifest.read_text().splitlines()
    label = head.split(",").index("label")
    kept = []
    for number, row in enumerate(rows):
        cells = row.split(",")
        cells[label] = "pain" if number % 4 == 0 else "no_pain"
        kept.append(",".join(cells))
    manifest.write_text("\n".join([head, *kept]))
    given = config(study, manifest, training=SMALL["training"] | {"balance_classes": balanced})

    record = read_model(fit_all(given, tmp_path / "final", FinalModel("one"))).record
    cross_validate(given, tmp_path / "cv")
    of_folds = read_model(ensemble_of_folds(open_run(tmp_path / "cv"), tmp_path / "all", FinalModel("all"))).record

    assert record.training_prior == of_folds.training_prior == prior
    assert ("probabilities hold for a share of 50 %" in record.card.caveats[0]) == balanced
    assert record.card.caveats[0].startswith("Trained at a share of pain of 25 %")
    assert of_folds.card.caveats[0] == record.card.caveats[0]


def test_a_training_that_does_not_say_what_it_learnt_from_is_not_taken_up(study, manifest, tmp_path):
    folder = tmp_path / "final"
    fit_all(config(study, manifest), folder, FinalModel("one"))
    (folder / "fit.json").unlink()

    with pytest.raises(CheckpointError, match="of which nothing says what it learnt from"):
        fit_all(config(study, manifest), folder, FinalModel("one"))


@pytest.fixture(scope="module")
def strict(study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "strict"
    cross_validate(config(study, study.folder.with_suffix(".csv")), folder)
    return open_run(folder)


TUNING = {"trials": 2, "space": {"training.optimiser.learning_rate": {"low": 1e-4, "high": 1e-2}}}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tuning": TUNING}, "how its settings were searched"),
        ({"members": 2}, "how many networks answer together"),
        ({"balance_data_sets": True}, "whether its data sets are balanced"),
    ],
)
def test_metrics_of_another_way_to_learn_are_not_this_models(study, strict, tmp_path, changes, words):
    ours = config(study, study.folder.with_suffix(".csv"), **changes)

    with pytest.raises(SettingsError, match=f"differs from this model in {words}, so its metrics are not"):
        fit_all(ours, tmp_path / "final", FinalModel("one"), strict)


@pytest.mark.parametrize(
    ("recorded", "words"),
    [
        ({"weights_sha256": "e" * 64}, "the weights that it starts from"),
        ({"crops_sha256": "e" * 64}, "the faces that are cut out"),
    ],
)
def test_metrics_from_other_weights_or_faces_are_not_this_models(study, strict, tmp_path, recorded, words):
    other = replace(strict, record=strict.record | recorded)

    with pytest.raises(SettingsError, match=f"differs from this model in {words}, so its metrics are not"):
        fit_all(config(study, study.folder.with_suffix(".csv")), tmp_path / "final", FinalModel("one"), other)


def test_metrics_of_a_tuned_run_are_a_tuned_models_whatever_luck_the_search_began_with(study, strict, tmp_path):
    pytest.importorskip("optuna", reason="needs the extra tune: pip install -e '.[tune]'")
    given = strict.record["config"] | {"tuning": TUNING}
    tuned = Run(strict.folder, strict.record | {"config": given})
    plain = study.folder.with_suffix(".csv")

    with pytest.raises(SettingsError, match="differs from this model in how its settings were searched, so"):
        fit_all(config(study, plain), tmp_path / "untuned", FinalModel("one"), tuned)

    assert fit_all(config(study, plain, tuning=TUNING | {"seed": 5}), tmp_path / "tuned", FinalModel("one"), tuned)
