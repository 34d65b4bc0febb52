"""`nicu-trainer explain`, from a run or a trained model to files."""

import json

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from trainer.commands.cv import command as cv
from trainer.commands.explain import command as explain
from trainer.crops import open_study
from trainer.errors import SettingsError
from trainer.experiments import open_run
from trainer.experiments.fitting import FinalModel, ensemble_of_folds
from trainer.explanation import METHODS, open_explanation_input

FLAGS = ["network.width=8", "network.depth=1", "contract.size_px=32", "contract.margin=0", "training.batch_size=8"]
FLAGS += ["training.schedule.warmup_epochs=0", "augmentation=light", "copies=2"]
NOTHING_ELSE = ["--scored", 0, "--intervened", 0, "--probed", 0]


def run(command, *arguments):
    result = CliRunner().invoke(command, [str(argument) for argument in arguments], standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.output


@pytest.fixture(scope="module")
def study(paint_study):
    manifest = paint_study(subjects=6, each=4).folder.with_suffix(".csv")
    # A name that matplotlib could take for a formula, and a wrong one.
    manifest.write_text(manifest.read_text().replace("set/s0,", "set/s0 $x_{$,"))
    return open_study(manifest, None)


@pytest.fixture(scope="module")
def folder(study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "strict"
    flags = [part for flag in FLAGS for part in ("--set", flag)]
    manifest = study.folder.with_suffix(".csv")
    run(cv, manifest, "--model", "mimic", "--out", folder, *flags, "--epochs", 2, "--jobs", 1)
    return folder


def test_every_method_gets_a_figure_with_a_row_for_each_picture(folder, tmp_path):
    heights = []
    for pictures, methods in ((2, list(METHODS)), (4, ["grad-cam"])):
        out = tmp_path / str(pictures)
        options = [part for method in methods for part in ("--method", method)]
        output = run(explain, folder, "--out", out, "--pictures", pictures, *NOTHING_ELSE, *options)
        figures = [cv2.imread(str(out / f"figure2-{method}.png")) for method in methods]
        assert output.count("Figure:") == len(methods)
        heights.append({figure.shape[0] for figure in figures})

    assert heights[1].pop() > 1.5 * heights[0].pop()


def test_a_runs_pictures_are_explained_by_networks_that_did_not_learn_from_them(folder, study):
    explained = open_explanation_input(folder, None, None)

    for part, fold in zip(explained.parts, open_run(folder).folds(study).folds, strict=True):
        np.testing.assert_array_equal(part.rows, fold.test)
        learnt = {row for pair in fold.splits for items in pair for row in items.rows}
        assert not learnt & set(part.rows)
    assert explained.is_unseen


def test_the_scores_are_those_that_the_run_wrote(folder):
    explained = open_explanation_input(folder, None, None)
    written = {row.image: row.score for row in open_run(folder).predictions().rows}

    for part in explained.parts:
        images = [explained.study.records[row].image for row in part.rows]
        assert part.scores(explained.inputs(part.rows)) == pytest.approx([written[image] for image in images], abs=1e-5)


def test_pictures_are_chosen_of_both_labels_and_of_many_subjects(folder):
    explained = open_explanation_input(folder, None, None)

    rows = explained.chosen(6)

    assert list(explained.study.labels[rows]) == [1, 0, 1, 0, 1, 0]
    assert len(set(explained.study.subjects[rows[::2]])) == 3
    assert len(set(rows)) == 6
    assert len(explained.chosen(1000)) == 24


def test_an_ensembles_file_is_explained_on_the_named_pictures(folder, study, tmp_path):
    path = ensemble_of_folds(open_run(folder), tmp_path, FinalModel("folds"))

    output = run(
        explain,
        path,
        "--manifest",
        study.folder.with_suffix(".csv"),
        "--out",
        tmp_path / "x",
        "--scored",
        2,
        "--intervened",
        6,
    )

    assert "not known" in output
    assert len(open_explanation_input(path, study.folder.with_suffix(".csv"), None).parts[0].networks) == 3


def test_the_scores_are_written_for_people_and_for_programs(folder, tmp_path):
    output = run(explain, folder, "--out", tmp_path, "--pictures", 1, "--scored", 6)
    scores = json.loads((tmp_path / "scores.json").read_text())

    assert {entry["method"] for entry in scores["maps"]} == {"grad-cam", "integrated-gradients", "random"}
    for method in ("grad-cam", "integrated-gradients", "random"):
        assert sum(entry["pictures"] for entry in scores["maps"] if entry["method"] == method) == 6
    for entry in scores["maps"]:
        if entry["empty"] < entry["pictures"]:
            assert 0 <= entry["deletion"] <= 1
            assert entry["artefact"] == pytest.approx(1 - entry["energy"]["face"])
    assert [entry["method"] for entry in scores["randomisation"]] == ["grad-cam", "integrated-gradients"]
    assert (tmp_path / "scores.md").read_text() in output
    changed = json.loads((tmp_path / "interventions.json").read_text())
    assert changed["pictures"] == changed["background_swap"]["pictures"] == 24
    assert 0 <= changed["background_swap"]["flip_rate"] <= 1
    assert set(changed["auc"]) == {"whole", "background", "face"}
    assert (tmp_path / "interventions.md").read_text() in output


def test_several_runs_are_drawn_side_by_side_on_the_same_pictures(folder, study, tmp_path):
    other = tmp_path / "runs" / "other"
    flags = [part for flag in FLAGS for part in ("--set", flag)]
    leaky = [
        "--protocol",
        "dissertation",
        "--folds",
        2,
        "--expansion",
        "none",
        "--set",
        "contract.size_px=48",
        "--jobs",
        1,
    ]
    run(cv, study.folder.with_suffix(".csv"), "--model", "mimic", "--out", other, *flags, *leaky, "--epochs", 1)

    nothing_else = ["--scored", 0, "--intervened", 0, "--probed", 0, "--method", "grad-cam", "--pictures", 3]
    output = run(explain, folder, other, "--out", tmp_path / "out", *nothing_else)

    both = cv2.imread(str(tmp_path / "out" / "figure2-grad-cam.png"))
    alone = cv2.imread(str(tmp_path / "out" / "other" / "figure2-grad-cam.png"))
    assert both.shape == alone.shape  # the crop, and two pairs: of two answers, or of two models
    assert output.count("Figure:") == 4
    assert (tmp_path / "out" / "strict" / "figure2-grad-cam.png").is_file()


def test_runs_on_different_data_are_drawn_in_one_figure_with_a_segmentation(folder, paint_study, tmp_path):
    another = paint_study(subjects=4, each=4, seed=9).folder.with_suffix(".csv")
    flags = [part for flag in FLAGS for part in ("--set", flag)]
    run(cv, another, "--model", "mimic", "--out", tmp_path / "other", *flags, "--epochs", 1, "--folds", 2, "--jobs", 1)

    nothing_else = ["--scored", 0, "--intervened", 0, "--probed", 0, "--method", "grad-cam", "--pictures", 2]
    output = run(explain, folder, tmp_path / "other", "--out", tmp_path / "out", *nothing_else, "--segment-at", "0.7")

    assert output.count("Figure:") == 3
    figure = cv2.imread(str(tmp_path / "out" / "figure2-databases-grad-cam.png"))
    height, width = figure.shape[:2]
    assert height / 130 == pytest.approx(4 * 1.3 + 0.9, abs=0.05)  # two pictures of each run
    assert width / 130 == pytest.approx(3 * 0.95 + 4 * 1.3, abs=0.05)


def test_a_picture_that_every_fold_tests_is_explained_once(study, tmp_path):
    flags = [part for flag in FLAGS for part in ("--set", flag)]
    leaky = ["--protocol", "dissertation", "--folds", 3, "--expansion", "none", "--test-half", "fixed", "--jobs", 1]
    run(cv, study.folder.with_suffix(".csv"), "--model", "mimic", "--out", tmp_path, *flags, *leaky, "--epochs", 1)

    explained = open_explanation_input(tmp_path, None, None)

    rows = np.concatenate([part.rows for part in explained.parts])
    assert len(set(rows)) == len(rows) == 12
    assert [len(part.rows) for part in explained.parts] == [4, 4, 4]
    assert len(set(explained.chosen(1000))) == len(explained.chosen(1000))


def test_mistakes_get_a_sentence(folder, study, tmp_path):
    path = ensemble_of_folds(open_run(folder), tmp_path, FinalModel("folds"))

    with pytest.raises(SettingsError, match="name the pictures to explain it on with --manifest"):
        run(explain, path, "--out", tmp_path)
    with pytest.raises(SettingsError, match="leave --manifest away"):
        run(explain, folder, "--manifest", study.folder.with_suffix(".csv"), "--out", tmp_path)
