"""`nicu-trainer evaluate`: a trained model on pictures that it did not learn from."""

import csv
import json

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from monitor.errors import BundleError
from monitor.inference.bundle import read_bundle
from trainer.checkpoint import read_model
from trainer.commands.audit import command as audit
from trainer.commands.compare import command as compare
from trainer.commands.crop import command as crop
from trainer.commands.cv import command as cv
from trainer.commands.evaluate import command as evaluate
from trainer.commands.fit import command as fit
from trainer.commands.ingest import command as ingest
from trainer.commands.report import command as report
from trainer.crops import open_study
from trainer.errors import CheckpointError
from trainer.experiments import open_run
from trainer.experiments.seen import doubts_of_infants, doubts_of_pictures
from trainer.networks import InputContract

SMALL = ["network.width=8", "network.depth=1", "contract.size_px=32", "contract.margin=0", "augmentation=light"]
SMALL += ["training.batch_size=8", "training.schedule.warmup_epochs=0", "training.mixup=0", "protocol.inner_folds=3"]
SMALL += ["copies=5"]


def run(command, *arguments):
    arguments += ("--resamples", 100) if command is evaluate else ()
    return CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False).output


@pytest.fixture(scope="module")
def model(paint_study, tmp_path_factory):
    manifest = paint_study(subjects=6, each=8).folder.with_suffix(".csv")
    folder = tmp_path_factory.mktemp("model")
    options = [part for setting in SMALL for part in ("--set", setting)]
    run(fit, manifest, "--model", "mimic", "--epochs", 15, "--no-bundle", "--out", folder, *options)
    return folder, manifest


def test_held_out_pictures_are_answered_and_evaluated(model, paint_study, tmp_path):
    folder, _ = model
    manifest = paint_study(subjects=4, each=6, seed=9, stress=2).folder.with_suffix(".csv")
    manifest.write_text(manifest.read_text().replace("set/s", "another/t"))

    output = run(evaluate, folder, manifest, "--out", tmp_path)

    metrics = json.loads((tmp_path / "metrics.json").read_text())
    rows = list(csv.DictReader((tmp_path / "predictions.csv").read_text().splitlines()))
    assert "16 pictures, 4 subjects" in output
    assert metrics["pooled"]["auc"]["value"] > 0.9
    assert not metrics["is_trained_on_these"]
    assert "Warning" not in output
    assert sorted(row["role"] for row in rows) == ["main"] * 16 + ["stress"] * 8
    logits = np.array([float(row["logit"]) for row in rows])
    np.testing.assert_allclose([float(row["score"]) for row in rows], 1 / (1 + np.exp(-logits)), atol=1e-6)


def test_the_pictures_that_it_was_trained_on_are_no_test(model, tmp_path):
    folder, manifest = model

    output = run(evaluate, folder / "model.pt", manifest, "--out", tmp_path)

    assert "Warning: the model learnt from 48 of these very pictures" in output


def test_a_training_set_with_one_row_changed_is_still_no_test(model, tmp_path):
    folder, manifest = model
    changed = manifest.with_name("changed.manifest.csv")
    changed.write_text("".join(manifest.read_text().splitlines(keepends=True)[:-1]))

    output = run(evaluate, folder, changed, "--crops", manifest.with_suffix(".crops"), "--out", tmp_path)

    assert "Warning: the model learnt from 47 of these very pictures" in output
    assert json.loads((tmp_path / "metrics.json").read_text())["is_trained_on_these"]


def test_other_pictures_of_a_training_subject_are_no_unseen_infants(model, paint_study, tmp_path):
    folder, _ = model
    manifest = paint_study(subjects=4, each=6, seed=9).folder.with_suffix(".csv")
    text = manifest.read_text()
    manifest.write_text(text.replace("set/s2,", "new/s2,").replace("set/s3,", "new/s3,"))

    output = run(evaluate, folder, manifest, "--out", tmp_path)

    assert "learnt from other pictures of 2 of these subjects (12 pictures here)" in output
    assert not json.loads((tmp_path / "metrics.json").read_text())["is_trained_on_these"]


def test_the_same_names_in_another_table_may_be_the_same_infants(model, paint_study, tmp_path):
    folder, _ = model
    manifest = paint_study(subjects=4, each=6, seed=9).folder.with_suffix(".csv")
    manifest.write_text(manifest.read_text().replace("set/s", "held_out/s"))

    output = run(evaluate, folder, manifest, "--out", tmp_path / "run")
    run(report, tmp_path / "run", "--out", tmp_path / "report")

    doubt = "4 tested infants have the name of one that the model learnt from, in another table"
    assert f"Warning: {doubt}" in output
    page = (tmp_path / "report" / "report.md").read_text()
    assert doubt in page
    assert "none of these infants" not in page


def test_other_spellings_of_names_may_be_the_same_infants(model, paint_study, tmp_path):
    manifest = paint_study(subjects=4, each=6, seed=9).folder.with_suffix(".csv")
    manifest.write_text(manifest.read_text().replace("set/s", "held_out/S0"))

    output = run(evaluate, model[0], manifest, "--out", tmp_path / "run")

    assert "Warning: 4 tested infants have the name of one that the model learnt from, in another table or" in output


def test_copies_in_another_format_are_no_unseen_pictures(model, tmp_path):
    table = tmp_path / "copies.csv"
    rows = ["image,subject,label"]
    for row in csv.reader((model[1].parent / "set.csv").read_text().splitlines()[1:]):
        name = row[0].replace(".png", ".jpg")
        cv2.imwrite(str(tmp_path / name), cv2.imread(str(model[1].parent / row[0])), [cv2.IMWRITE_JPEG_QUALITY, 90])
        rows.append(f"{name},other{row[1]},{row[2]}")
    table.write_text("\n".join(rows) + "\n")
    run(ingest, "table", table)
    manifest = tmp_path / "copies.manifest.csv"
    run(crop, manifest, "--faces", "whole", "--size", 32)

    output = run(evaluate, model[0], manifest, "--out", tmp_path / "run")
    run(report, tmp_path / "run", "--no-explain", "--out", tmp_path / "report")

    alike = json.loads((tmp_path / "run" / "metrics.json").read_text())["seen"]["look_alikes"]
    doubt = f"{alike} tested pictures look like one that the model learnt from"
    assert alike > 40  # of 48; the grain of some is changed too much
    assert f"Warning: {doubt}" in output
    page = (tmp_path / "report" / "report.md").read_text()
    assert f"not known: no tested file is one that the model learnt from, but {doubt}" in page
    assert "had seen none" not in page


def test_of_a_model_of_an_earlier_version_nobody_says_that_it_had_seen_none():
    seen = {"is_known": True, "subjects_are_known": True, "namesakes": 0, "pictures": 0, "subjects": 0}

    assert "copies in another format go unnoticed" in doubts_of_pictures(seen)[0]
    assert "spelt otherwise go unnoticed" in doubts_of_infants(seen)[0]
    told = seen | {"look_alikes": 0, "spellings_are_known": True}
    assert doubts_of_pictures(told) == doubts_of_infants(told) == []


def test_nobody_calls_a_division_clean_whose_infants_nobody_knows(paint_study, tmp_path):
    source = paint_study(subjects=6, each=8).folder.parent
    rows = list(csv.reader((source / "set.csv").read_text().splitlines()))
    table = source / "unnamed.csv"
    table.write_text("image,label\n" + "".join(f"{row[0]},{row[2]}\n" for row in rows[1:]))
    run(ingest, "table", table)
    manifest = source / "unnamed.manifest.csv"
    run(crop, manifest, "--faces", "whole", "--size", 32)
    folder = tmp_path / "run"

    output = run(cv, manifest, "--model", "pixel-logistic", "--out", folder)
    proof = CliRunner().invoke(audit, [str(folder)], catch_exceptions=False, standalone_mode=False)
    run(report, folder, "--out", tmp_path / "report")

    assert "Warning: whether tested infants were seen in training is not known" in output
    assert proof.return_value == 1
    assert "strict protocol of this run is not known: not every picture says whose face it shows" in proof.output
    page = (tmp_path / "report" / "report.md").read_text()
    assert "not every picture says whose face it shows, so each counts as an infant of its own" in page
    assert "every run divides infants" not in page
    assert "no infant, no file, no near-duplicate" not in page
    assert "48 pictures, infants not known" in page


def test_a_model_knows_what_it_saw_by_hashes_alone(model):
    record = read_model(model[0]).record

    assert len(record.learnt_from.pictures) == 48
    assert len(record.learnt_from.subjects) == 6
    assert "set/s0" not in record.model_dump_json()


@pytest.fixture(scope="module")
def smiles(paint_study, tmp_path_factory):
    """A model and a bundle of another expression, from a table that names no subjects."""
    source = paint_study(subjects=6, each=8).folder.parent
    rows = list(csv.reader((source / "set.csv").read_text().splitlines()))
    table = source / "smiles.csv"
    words = {"1": "smile", "0": "neutral"}
    table.write_text("image,label\n" + "".join(f"{row[0]},{words[row[2]]}\n" for row in rows[1:]))
    run(ingest, "table", table)
    manifest = source / "smiles.manifest.csv"
    run(crop, manifest, "--faces", "whole", "--size", 32)
    options = [part for setting in SMALL for part in ("--set", setting)]
    folder = tmp_path_factory.mktemp("smiles")
    run(fit, manifest, "--model", "mimic", "--epochs", 2, "--out", folder, *options)
    return folder


def test_a_smile_detector_says_so_from_the_table_to_the_bundles_refusal(smiles):
    record = read_model(smiles).record
    bundle = read_bundle(smiles / "bundle", kind="classifier")
    card = (bundle.path / "MODEL_CARD.md").read_text()

    assert (record.positive, record.subjects_are_known) == ("smile", False)
    assert record.provenance.source == "48 pictures, whose subjects are not known (smiles)"
    assert bundle.classifier.positive == "smile"
    assert "calibrated probability of smile" in card
    assert "not pain" in card
    assert "infants" not in record.provenance.source
    with pytest.raises(BundleError, match=r"recognises 'smile' and not 'pain'.*positive_class: smile"):
        bundle.require_positive("pain")
    bundle.require_positive("smile")


def test_a_smile_detector_that_is_tested_on_pain_says_so(smiles, site, tmp_path):
    output = run(evaluate, smiles, site, "--out", tmp_path / "run")
    run(report, tmp_path / "run", "--out", tmp_path / "report")

    assert "Warning: the model learnt 'smile', and the metrics here are of 'pain'." in output
    assert (
        "the model learnt 'smile', and the metrics here are of 'pain'"
        in (tmp_path / "report" / "report.md").read_text()
    )


def test_a_missing_model_is_named(model, tmp_path):
    _, manifest = model

    with pytest.raises(CheckpointError, match="there is no trained model"):
        run(evaluate, tmp_path, manifest)


def flags():
    return [part for setting in SMALL for part in ("--set", setting)]


@pytest.fixture(scope="module")
def site(paint_study):
    """Pictures of another data set and of other infants."""
    manifest = paint_study(subjects=6, each=6, seed=9).folder.with_suffix(".csv")
    manifest.write_text(manifest.read_text().replace(",set,", ",site,").replace("set/s", "site/t"))
    return manifest


def test_a_run_answers_by_the_mean_of_its_folds_and_becomes_a_run_for_compare_and_report(model, site, tmp_path):
    run(cv, model[1], "--model", "mimic", "--epochs", 6, "--jobs", 1, "--out", tmp_path / "cv", *flags())

    output = run(evaluate, tmp_path / "cv", site, "--out", tmp_path / "external")

    opened = open_run(tmp_path / "cv")
    rows = open_run(tmp_path / "external").predictions().rows
    study = open_study(site)
    contract = InputContract.model_validate(opened.record["contract"])
    crops = study.crop_set(contract).exact(np.arange(36))
    chances = []
    for fold in range(3):
        part = opened.fold_networks(fold)
        with torch.inference_mode():
            logits = part.networks[0](part.networks[0].prepare(torch.from_numpy(crops), contract))
        chances.append(1 / (1 + np.exp(-logits.double().numpy() / part.temperature)))
    by_image = {row.image: row.score for row in rows}
    np.testing.assert_allclose(
        [by_image[record.image] for record in study.records], np.mean(chances, axis=0), atol=1e-6
    )
    assert "Recalibrated on other infants" in output
    assert "Warning" not in output
    table = run(compare, tmp_path / "cv", tmp_path / "external", tmp_path, "--resamples", 100)
    assert "| Test | Mimic, folds of set | external |" in table
    assert "is left out: " in table
    run(
        report, tmp_path / "cv", tmp_path / "external", "--out", tmp_path / "report", "--no-explain", "--resamples", 100
    )
    page = (tmp_path / "report" / "report.md").read_text()
    assert "Recalibration on the new site" in page
    assert "the model had seen none of these pictures and none of these infants" in page
    with pytest.raises(CheckpointError, match="holds another run"):
        run(evaluate, model[0], site, "--out", tmp_path / "cv")
    with pytest.raises(CheckpointError, match="evaluated a finished model"):
        run(evaluate, tmp_path / "external", site, "--out", tmp_path / "again")


def test_a_run_knows_that_it_learnt_from_these_pictures(model, tmp_path):
    run(cv, model[1], "--model", "mimic", "--epochs", 1, "--jobs", 1, "--out", tmp_path / "cv", *flags())

    output = run(evaluate, tmp_path / "cv", model[1], "--out", tmp_path / "external")

    assert "Warning: the model learnt from 48 of these very pictures" in output


def test_a_bundle_answers_as_the_model_that_it_was_made_from(smiles, site, tmp_path):
    run(evaluate, smiles, site, "--out", tmp_path / "model")
    output = run(evaluate, smiles / "bundle", site, "--out", tmp_path / "bundle")

    first, second = (open_run(tmp_path / name).predictions() for name in ("model", "bundle"))
    np.testing.assert_allclose(first.logits, second.logits, atol=2e-3)
    assert "Whether the model saw these pictures is not recorded in it." in output
    assert open_run(tmp_path / "bundle").record["evaluated"]["kind"] == "bundle"
    with pytest.raises(BundleError, match="no bundle 'nobodys-bundle'"):
        run(evaluate, "nobodys-bundle", site, "--out", tmp_path / "none")
