"""A search takes place strictly inside a fold, goes on where it stopped, and its run is one like any other."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from trainer.commands.compare import command as compare
from trainer.commands.tune import command as tune
from trainer.commands.tune import searched
from trainer.crops import open_study
from trainer.data import Label, write_manifest
from trainer.errors import SettingsError, TrainingError
from trainer.experiments import cross_validate, open_run, read_config
from trainer.experiments.fitting import FinalModel, fit_all
from trainer.experiments.planning import plan_network
from trainer.experiments.search_space import Range, TuningSettings
from trainer.experiments.tuning import check_space, fit_tuned, tuned_config
from trainer.protocols import make_folds
from trainer.training import NullListener

pytest.importorskip("optuna", reason="needs the extra tune: pip install -e '.[tune]'")

RATE = "training.optimiser.learning_rate"
SMALL = {
    "model": "mimic",
    "network": {"width": 8, "depth": 1},
    "contract": {"size_px": 32, "margin": 0.0},
    "training": {"epochs": 3, "patience_epochs": 3, "schedule": {"warmup_epochs": 0}, "batch_size": 8, "mixup": 0.0},
    "augmentation": "light",
    "copies": 1,
    "protocol": {"folds": 2, "inner_folds": 2},
}
FLAGS = ["network.width=8", "network.depth=1", "contract.size_px=32", "contract.margin=0", "training.batch_size=8"]
FLAGS += ["training.schedule.warmup_epochs=0", "augmentation=light", "copies=1", "protocol.folds=2"]


@pytest.fixture(scope="module")
def study(paint_study):
    return paint_study(subjects=6, each=6)


@pytest.fixture(scope="module")
def manifest(study):
    return study.folder.with_suffix(".csv")


def config(manifest, trials=3, space=None, **changes):
    tuning = {"trials": trials, "space": space or {RATE: {"low": 1e-4, "high": 1e-2, "log": True}}}
    return read_config(None, SMALL | {"manifest": str(manifest), "tuning": tuning} | changes)


@pytest.fixture(scope="module")
def finished(manifest, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuned")
    options = [part for flag in FLAGS for part in ("--set", flag)]
    options += ["--search", f"{RATE}=1e-4:1e-2:log", "--search", "training.label_smoothing=0,0.2", "--trials", "3"]
    arguments = [str(manifest), "--model", "mimic", "--epochs", "3", "--jobs", "1", *options, "--out", str(folder)]
    return folder, CliRunner().invoke(tune, arguments, catch_exceptions=False).output


def test_each_fold_takes_the_trial_with_the_least_inner_loss(finished):
    folder, output = finished
    run = open_run(folder)

    folds = run.metrics()["training"]
    assert len(folds) == 2
    for fold in folds:
        assert len(fold["trials"]) == 3
        best = min(fold["trials"], key=lambda trial: trial["inner_loss"])
        assert fold["tuned"] == best["values"]
        assert {1e-4 <= trial["values"][RATE] <= 1e-2 for trial in fold["trials"]} == {True}
        assert {trial["values"]["training.label_smoothing"] for trial in fold["trials"]} <= {0, 0.2}
        assert f"fold {fold['fold'] + 1}: {RATE}" in output
    assert folds[0]["trials"] != folds[1]["trials"]


def test_the_inner_loss_is_that_of_the_answers_to_the_inner_infants(finished):
    run = open_run(finished[0])
    inner = run.inner()

    for fold in run.metrics()["training"]:
        rows = inner.fold == fold["fold"]
        labels, logits = inner.labels[rows].astype(float), inner.logits[rows]
        loss = np.mean(np.log1p(np.exp(-logits)) * labels + np.log1p(np.exp(logits)) * (1 - labels))
        assert min(trial["inner_loss"] for trial in fold["trials"]) == pytest.approx(loss, rel=1e-6)


def test_the_run_is_one_like_any_other(finished):
    folder, _ = finished
    run = open_run(folder)

    assert len(run.fold_networks(0).networks) == 1
    assert len(run.histories()) == 2
    table = CliRunner().invoke(compare, [str(folder), "--resamples", "100"], catch_exceptions=False).output
    assert "| Test | Mimic, tuned (3 trials) | strict |" in table


def test_what_the_tested_infants_show_takes_no_part_in_the_search(study, manifest, tmp_path):
    settings = config(manifest)
    fold = make_folds(study, settings.protocol, 1).folds[0]
    turned = [
        replace(record, label=Label.NO_PAIN if record.label is Label.PAIN else Label.PAIN)
        if row in fold.test
        else record
        for row, record in enumerate(study.records)
    ]
    path = study.folder.with_name("turned.manifest.csv")
    write_manifest(path, turned)
    other = open_study(path, study.folder)
    assert not np.array_equal(other.labels[fold.test], study.labels[fold.test])

    _, first = fit_tuned(settings, study, fold, tmp_path / "a", NullListener())
    _, second = fit_tuned(settings, other, fold, tmp_path / "b", NullListener())

    assert first == second


class _KilledError(Exception):
    pass


class _KillAt(NullListener):
    """Ends the search when a trial begins."""

    def __init__(self, trial):
        self._trial = trial

    def note(self, message):
        if message.startswith(f"trial {self._trial} "):
            raise _KilledError


def test_a_search_that_was_killed_goes_on_with_the_same_result(study, manifest, tmp_path):
    settings = config(manifest, trials=4)
    fold = make_folds(study, settings.protocol, 1).folds[0]
    _, whole = fit_tuned(settings, study, fold, tmp_path / "whole", NullListener())

    with pytest.raises(_KilledError):
        fit_tuned(settings, study, fold, tmp_path / "broken", _KillAt(3))
    before = (tmp_path / "broken" / "trial1" / "member0.pt").stat().st_mtime_ns
    assert not (tmp_path / "broken" / "trial2").exists()
    _, resumed = fit_tuned(settings, study, fold, tmp_path / "broken", NullListener())

    assert resumed == whole
    assert (tmp_path / "broken" / "trial1" / "member0.pt").stat().st_mtime_ns == before


def test_a_trial_that_cannot_be_trained_is_left_out_and_said(study, manifest, tmp_path):
    settings = config(manifest, trials=4, space={RATE: [1e-3, 1e30]})
    fold = make_folds(study, settings.protocol, 1).folds[0]

    _, tried = fit_tuned(settings, study, fold, tmp_path / "some", NullListener())

    failed = [trial for trial in tried["trials"] if trial["inner_loss"] is None]
    assert failed
    assert all(trial["values"] == {RATE: 1e30} and "is not a number" in trial["failed"] for trial in failed)
    assert tried["tuned"] == {RATE: 1e-3}
    with pytest.raises(TrainingError, match="none of 2 trials could be trained"):
        fit_tuned(config(manifest, 2, {RATE: [1e30, 1e29]}), study, fold, tmp_path / "none", NullListener())


def test_the_final_model_is_tuned_on_its_own_inner_infants(manifest, tmp_path):
    model = fit_all(config(manifest, trials=2), tmp_path, FinalModel("tuned"))

    assert model.is_file()
    assert (tmp_path / "trial1" / "member0.pt").is_file()


@pytest.mark.parametrize("variation", ["light", None, {"rotation_deg": 3.0, "noise": 2.0}])
def test_a_searched_field_of_the_augmentation_leaves_its_other_fields_alone(manifest, variation):
    settings = config(manifest, augmentation=variation, space={"augmentation.rotation_deg": {"low": 0, "high": 30}})
    before = plan_network(settings).augmentation
    assert before.rotation_deg != 21.0

    after = plan_network(tuned_config(settings, {"augmentation.rotation_deg": 21.0})).augmentation

    assert after == before.model_copy(update={"rotation_deg": 21.0})


def test_what_cannot_be_searched_is_said(manifest, tmp_path):
    with pytest.raises(SettingsError, match=r"'network\.width' cannot be searched; fields of training"):
        config(manifest, space={"network.width": [8, 16]})
    with pytest.raises(SettingsError, match="either the augmentation's preset or its fields"):
        config(manifest, space={"augmentation": ["fei", "light"], "augmentation.noise": [0, 1]})
    with pytest.raises(SettingsError, match="use the strict protocol"):
        config(manifest, protocol={"name": "dissertation"})
    with pytest.raises(SettingsError, match="is a baseline and has no settings to search"):
        cross_validate(config(manifest, model="pixel-logistic"), tmp_path / "run")
    for text in ("copies", "copies=", "=2,8", "training.mixup=a:b"):
        with pytest.raises(SettingsError, match=r"must look like copies=2,8 or training\.mixup=0:0\.4"):
            searched((text,))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"low": 1, "high": 1}, "the range 1 to 1 is empty"),
        ({"low": 0, "high": 1, "log": True}, "begins above 0"),
        ({"low": 0.5, "high": 2, "whole": True}, "whole numbers"),
    ],
)
def test_a_range_that_is_none_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Range.model_validate(given)


def test_ranges_and_choices_are_read_from_the_command_line():
    space = searched(
        ("copies=2,8", "training.mixup=0:0.4", "training.batch_size=4:64:log:whole", "augmentation=fei,light")
    )

    settings = TuningSettings.model_validate({"space": space})
    assert settings.space["copies"] == [2, 8]
    assert settings.space["training.batch_size"] == Range(low=4, high=64, log=True, whole=True)
    assert settings.space["augmentation"] == ["fei", "light"]
    assert json.loads(settings.model_dump_json())["space"]["training.mixup"]["high"] == 0.4


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({"copies": {"low": 2, "high": 8}}, "copies: .*; a range of whole numbers is written low:high:whole"),
        ({"training.batch_size": {"low": 8, "high": 32}}, "batch_size: .*; a range of whole numbers"),
        ({"augmentation.scale": {"low": 0.8, "high": 0.9}}, "augmentation.*scale"),
        ({"training.mixup": {"low": 0.0, "high": 9.0}}, "mixup: "),
        ({"augmentation": ["light", "lite"]}, "augmentation 'lite' is unknown"),
        ({"training.optimiser.rate": [0.1, 0.2]}, "optimiser.rate: "),
    ],
)
@pytest.mark.parametrize("begin", [cross_validate, lambda given, folder: fit_all(given, folder, FinalModel("one"))])
def test_what_cannot_be_searched_is_said_before_anything_is_trained(manifest, tmp_path, space, words, begin):
    with pytest.raises(SettingsError, match=f"a search with .*{words}"):
        begin(config(manifest, space=space), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_whole_ranges_and_choices_can_be_searched(manifest):
    space = {"copies": {"low": 2, "high": 8, "whole": True}, "training.batch_size": [8, 16, 32, 64]}
    check_space(config(manifest, space=space))
