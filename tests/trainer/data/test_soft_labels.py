"""Scores become soft labels that agree with the label, and only what is learnt looks at them."""

import csv
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from trainer.commands.cv import command as cv
from trainer.commands.ingest import command as ingest
from trainer.crops import open_study
from trainer.data import Label, SoftLabels, read_manifest, write_manifest
from trainer.errors import DataError, SettingsError
from trainer.experiments import open_run, read_config
from trainer.experiments.planning import plan_network
from trainer.models import fit_baseline
from trainer.models.baselines import _parts
from trainer.models.network_model import _job
from trainer.protocols import make_folds
from trainer.training import NullListener


def test_with_a_threshold_of_three_in_five_a_soft_label_is_the_score_over_its_maximum():
    soft = SoftLabels()
    labels = [Label.NO_PAIN] * 3 + [Label.PAIN] * 3

    assert [soft.of(score, label) for score, label in enumerate(labels)] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])


def test_a_score_that_contradicts_the_label_counts_as_the_nearest_one_that_does_not():
    soft = SoftLabels()

    assert soft.of(1, Label.PAIN) == soft.of(3, Label.PAIN) == pytest.approx(0.6)
    assert soft.of(5, Label.NO_PAIN) == soft.of(2, Label.NO_PAIN) == pytest.approx(0.4)
    assert soft.contradicts(1, Label.PAIN)
    assert not soft.contradicts(2, Label.NO_PAIN)


@given(
    st.integers(1, 10).flatmap(lambda most: st.tuples(st.just(most), st.floats(0.1, most), st.floats(0, most))),
    st.sampled_from(Label),
)
def test_a_soft_label_lies_on_its_labels_side_and_grows_with_the_score(scale, label):
    maximum, threshold, score = scale
    soft = SoftLabels(threshold, maximum)

    value = soft.of(score, label)

    assert 0.0 <= value <= 1.0
    assert (value > 0.5) == (label is Label.PAIN)
    assert soft.of(0, Label.NO_PAIN) == 0.0
    assert soft.of(maximum, Label.PAIN) == 1.0
    assert soft.of(min(maximum, score + 0.5), label) >= value


@pytest.mark.parametrize(("threshold", "maximum"), [(0, 5), (6, 5), (3, 2.5)])
def test_a_threshold_that_divides_no_scores_is_refused(threshold, maximum):
    with pytest.raises(SettingsError, match=f"a threshold of {threshold} does not divide scores of 0 to {maximum}"):
        SoftLabels(threshold, maximum)


@pytest.fixture
def unifesp(tmp_path):
    """Six pictures whose table has labels and scores; two scores contradict their label, one is missing."""
    random = np.random.default_rng(2)
    rows = [("arquivo", "rótulo", "NFCS")]
    for index, (word, score) in enumerate(
        [("dor", "5"), ("dor", "2,0"), ("não-dor", "1"), ("não-dor", "4"), ("dor", "3"), ("não-dor", "")]
    ):
        name = f"{index + 1:02d}_101010.bmp"
        cv2.imwrite(str(tmp_path / name), random.integers(0, 255, (48, 48, 3)).astype(np.uint8))
        rows.append((name, word, score))
    with (tmp_path / "labels.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, delimiter=";").writerows(rows)
    return tmp_path


def take(folder, *options):
    out = folder.parent / f"{folder.name}.manifest.csv"
    arguments = ["unifesp", str(folder), "--out", str(out), *options]
    output = CliRunner().invoke(ingest, arguments, catch_exceptions=False).output
    return read_manifest(out), output


def test_unifesps_scores_are_taken_in_beside_the_labels(unifesp):
    hard, _ = take(unifesp)
    soft, output = take(unifesp, "--soft-labels")
    table = unifesp / "labels.csv"
    table.write_text(table.read_text(encoding="utf-8").rstrip() + "0\n", encoding="utf-8")
    by_score, _ = take(unifesp, "--soft-labels", "--nfcs-threshold", "3")

    def values(manifest):
        return {Path(entry.image).name[:2]: entry.soft_label for entry in manifest.records}

    assert "5 of 6 pictures have soft labels" in output
    assert "2 scores contradict the label" in output
    assert {entry.soft_label for entry in hard.records} == {None}
    assert values(soft) == {
        key: value if value is None else pytest.approx(value)
        for key, value in {"01": 1.0, "02": 0.6, "03": 0.2, "04": 0.4, "05": 0.6, "06": None}.items()
    }
    assert [entry.label for entry in soft.records] == [entry.label for entry in hard.records]
    assert values(by_score)["04"] == pytest.approx(0.8)
    assert len({hard.sha256, soft.sha256, by_score.sha256}) == 3


def test_a_manifest_without_soft_labels_has_no_column_for_them(unifesp, tmp_path):
    hard, _ = take(unifesp)
    write_manifest(tmp_path / "one.csv", hard.records)
    assert "soft_label" not in (tmp_path / "one.csv").read_text()

    write_manifest(tmp_path / "two.csv", [replace(hard.records[0], soft_label=0.75), *hard.records[1:]])

    assert read_manifest(tmp_path / "two.csv").records[0].soft_label == 0.75
    text = (tmp_path / "two.csv").read_text().replace("0.75", "1.75")
    (tmp_path / "two.csv").write_text(text)
    with pytest.raises(DataError, match=r"line 2: a soft label lies between 0 and 1, not at 1\.75"):
        read_manifest(tmp_path / "two.csv")


def test_scores_that_are_missing_or_beyond_the_scale_are_said(unifesp):
    (unifesp / "labels.csv").write_text("image,label,nfcs\n01_101010.bmp,pain,7\n02_101010.bmp,no_pain,0\n")
    _, output = take(unifesp, "--soft-labels")
    assert "a score of 7 is not between 0 and 5; --nfcs-maximum names the highest score" in output
    _, output = take(unifesp, "--soft-labels", "--nfcs-maximum", "10")
    assert "2 of 2 pictures have soft labels, from NFCS scores of 0 to 10" in output
    (unifesp / "labels.csv").write_text("image,label\n01_101010.bmp,pain\n02_101010.bmp,no_pain\n")
    with pytest.raises(DataError, match="soft labels need a table with a column of files"):
        take(unifesp, "--soft-labels")


@pytest.fixture(scope="module")
def studies(paint_study):
    """The same painted pictures with their labels alone, and with soft labels of 0.6 and 0.4."""
    hard = paint_study(subjects=6, each=8)
    path = hard.folder.with_name("soft.manifest.csv")
    records = [
        replace(record, soft_label=0.6 if record.label is Label.PAIN else 0.4) for record in hard.manifest.records
    ]
    write_manifest(path, records)
    return hard, open_study(path, hard.folder)


def test_a_table_with_scores_gets_soft_labels(tmp_path):
    random = np.random.default_rng(2)
    for name in "ab":
        cv2.imwrite(str(tmp_path / f"{name}.png"), random.integers(0, 255, (48, 48, 3)).astype(np.uint8))
    (tmp_path / "set.csv").write_text("image,subject,label,nfcs\na.png,s,pain,4\nb.png,t,no_pain,1\n")

    arguments = ["table", str(tmp_path / "set.csv"), "--soft-labels"]
    CliRunner().invoke(ingest, arguments, catch_exceptions=False)

    soft = [entry.soft_label for entry in read_manifest(tmp_path / "set.manifest.csv").records]
    assert soft == pytest.approx([0.8, 0.2])


def test_soft_labels_are_learnt_and_labels_stop_and_measure(studies):
    hard, soft = studies
    config = read_config(None, {"manifest": str(soft.folder), "model": "mimic", "contract": {"size_px": 32}})
    plan = plan_network(config)
    crops = soft.crop_set(plan.contract)

    split = make_folds(soft, config.protocol, 1).folds[0].splits[0]
    job, seen, _ = _job(plan, (crops, replace(crops, labels=soft.targets)), split, soft.folder, NullListener())

    assert set(job.train.labels.tolist()) == {np.float32(0.6), np.float32(0.4)}
    assert set(job.validation.labels.tolist()) == set(seen.labels.tolist()) == {0.0, 1.0}
    np.testing.assert_array_equal(soft.labels, hard.labels)


@pytest.mark.parametrize("model", ["pixels", "hog"])
def test_a_baseline_counts_each_picture_as_both_classes_by_its_shares(studies, model):
    _, soft = studies
    fold = make_folds(soft, read_config(None, {"manifest": "m"}).protocol, 1).folds[0]
    fitted = fit_baseline(soft, fold, model)

    rows = np.unique(fold.splits[0][0].rows)
    describe, pipeline, _ = _parts(soft, model, None)
    # By hand: of ten copies of each picture six (four) are pain.
    copies = np.repeat(rows, 10)
    labels = np.concatenate([np.arange(10) < round(10 * soft.targets[row]) for row in rows]).astype(float)
    own = pipeline.steps[-1][1]
    own.C /= 10
    pipeline.fit(describe(copies), labels)
    expected = pipeline.decision_function(describe(fold.test)) / fitted.details["temperature"]
    np.testing.assert_allclose(fitted.predict(fold.test).logits, expected, rtol=0.02, atol=2e-3)


def test_a_run_with_soft_labels_says_so_and_is_measured_by_the_labels(studies, tmp_path):
    _, soft = studies
    path = soft.folder.with_name("soft.manifest.csv")

    arguments = [str(path), "--model", "pixel-logistic", "--set", f"crops={soft.folder}", "--out", str(tmp_path)]
    CliRunner().invoke(cv, arguments, catch_exceptions=False)

    run = open_run(tmp_path)
    assert run.record["soft_labels"] == 48
    assert run.metrics()["pooled"]["accuracy"]["value"] > 0.9
    assert set(run.predictions().labels.tolist()) == {0, 1}
