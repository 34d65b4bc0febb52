"""A study, a cross-validation and a model from Python alone, with nothing but `import trainer`."""

import pytest

import trainer

FIELDS = {
    "model": "mimic",
    "network": {"width": 8, "depth": 1},
    "contract": {"size_px": 32, "margin": 0.0},
    "training": {"epochs": 6, "patience_epochs": 6, "batch_size": 16},
    "augmentation": "light",
    "copies": 4,
    "protocol": {"folds": 2},
}


@pytest.fixture(scope="module")
def manifest(paint_study):
    return paint_study(subjects=6, each=8).folder.with_suffix(".csv")


@pytest.fixture(scope="module")
def run_folder(manifest, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    trainer.cross_validate(trainer.read_config(None, FIELDS | {"manifest": str(manifest)}), folder)
    return folder


def test_a_run_holds_the_metrics_of_its_answers(run_folder, manifest):
    run, study = trainer.open_run(run_folder), trainer.open_study(manifest)
    answers = run.predictions()

    metrics = trainer.classifier_metrics(answers.labels, answers.logits)

    assert len(answers.labels) == len(study.records)
    assert metrics["auc"] == pytest.approx(run.metrics()["pooled"]["auc"]["value"])
    assert all(overlap.is_clean for overlap in trainer.audit(study, run.folds(study)))


def test_heat_maps_come_from_the_networks_that_did_not_see_the_picture(run_folder):
    explained = trainer.open_explanation_input(run_folder, None, None)
    part = explained.parts[0]

    maps = trainer.heat_maps("grad-cam", part.networks, explained.inputs(part.rows[:2]), trainer.TargetClass.PAIN)

    assert explained.is_unseen
    assert maps.shape == (2, 32, 32)


def test_a_model_of_all_infants_is_written_and_read(run_folder, manifest, tmp_path):
    config = trainer.read_config(None, FIELDS | {"manifest": str(manifest)})

    path = trainer.fit_all(
        config, tmp_path, trainer.FinalModel("mine", "demo", "Apache-2.0"), trainer.open_run(run_folder)
    )

    model = trainer.read_model(path)
    assert model.record.metrics
    assert model.record.architecture == "mimic"
    assert model.record.architecture in trainer.architectures().names
