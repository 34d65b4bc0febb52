"""`nicu-trainer cv`, `audit`, `compare` and `fit`, from pictures to tables, with networks small enough for a test."""

import csv
import hashlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click import BadParameter
from click.testing import CliRunner

from trainer.checkpoint import read_model
from trainer.commands.audit import command as audit
from trainer.commands.compare import command as compare
from trainer.commands.cv import command as cv
from trainer.commands.fit import command as fit
from trainer.errors import CheckpointError, DataError, SettingsError
from trainer.experiments import cross_validate, open_run, read_config
from trainer.experiments.fitting import FinalModel, ensemble_of_folds
from trainer.explanation.inputs import open_explanation_input
from trainer.training import NullListener

SMALL = {
    "model": "mimic",
    "network": {"width": 8, "depth": 1},
    "contract": {"size_px": 32, "margin": 0.0},
    "training": {"epochs": 6, "patience_epochs": 6, "schedule": {"warmup_epochs": 0}, "batch_size": 8, "mixup": 0.0},
    "augmentation": "light",
    "copies": 2,
}
FLAGS = ["network.width=8", "network.depth=1", "contract.size_px=32", "contract.margin=0", "training.batch_size=8"]
FLAGS += ["training.schedule.warmup_epochs=0", "training.patience_epochs=4", "augmentation=light", "copies=2"]


def run(command, *arguments, code=0):
    result = CliRunner().invoke(command, [str(argument) for argument in arguments], standalone_mode=False)
    if result.exception:
        raise result.exception
    assert (result.return_value or 0) == code, result.output
    return result.output


def flags(epochs=4):
    return [*(part for flag in FLAGS for part in ("--set", flag)), "--epochs", epochs]


@pytest.fixture(scope="module")
def study(paint_study):
    return paint_study(subjects=6, each=8, stress=2)


@pytest.fixture(scope="module")
def manifest(study):
    return study.folder.with_suffix(".csv")


@pytest.fixture(scope="module")
def runs(manifest, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    output = run(cv, manifest, "--model", "mimic", "--out", folder / "strict", "--jobs", 1, *flags())
    options = ["--protocol", "dissertation", "--set", "protocol.folds=2", "--jobs", 1]
    run(cv, manifest, "--model", "mimic", *options, "--out", folder / "dissertation", *flags(1))
    return folder, output


def test_every_fold_is_tested_and_written(runs, study):
    folder, output = runs
    metrics = json.loads((folder / "strict" / "metrics.json").read_text())
    with (folder / "strict" / "predictions.csv").open() as stream:
        rows = list(csv.DictReader(stream))

    assert "36 pictures, 6 subjects" in output
    lines = output.splitlines()
    head = next(index for index, line in enumerate(lines) if line.split()[:1] == ["fold"])
    for line, fold in zip(lines[head + 1 : head + 4], metrics["folds"], strict=True):
        assert line.split()[-4:] == [str(fold["confusion"][name]) for name in ("tp", "fn", "fp", "tn")]
        assert f"{100 * fold['figures']['accuracy']:.1f} %" in line
    assert [fold["fold"] for fold in metrics["folds"]] == [0, 1, 2]
    assert len({row["image"] for row in rows}) == len(study.records)
    assert {row["role"] for row in rows} == {"main", "stress"}
    # These infants are so alike that not every metric varies among them, and one that does not has no interval.
    bounded = [entry for entry in metrics["pooled"].values() if entry["low"] is not None]
    assert bounded
    assert all(entry["low"] <= entry["value"] <= entry["high"] for entry in bounded)
    assert {entry["stimulus"] for entry in metrics["per_stimulus"]} == {"pain", "rest"}
    assert len(metrics["per_subject"]) == 6
    assert (folder / "strict" / "fold0" / "tensorboard").is_dir()


def test_strict_passes_the_audit_and_the_dissertation_does_not(runs):
    folder, _ = runs

    clean = run(audit, folder / "strict")
    leaky = run(audit, folder / "dissertation", code=1)

    assert "The strict protocol of this run is clean." in clean
    assert "subjects are on both sides (100% of" in leaky


@pytest.mark.parametrize("command", [["audit"], ["compare", "--resamples", "100"]], ids=["audit", "compare"])
def test_what_is_said_of_a_finished_run_needs_no_library_of_its_training(runs, command):
    """Torch and scikit-learn take seconds to load, in every process."""
    heavy = ("torch", "sklearn", "scipy.stats", "matplotlib", "pandas", "onnxruntime")
    program = (
        "import atexit, sys\n"
        f"sys.argv = {['nicu-trainer', *command, str(runs[0] / 'strict')]!r}\n"
        f"atexit.register(lambda: print('loaded:', *(set({heavy!r}) & sys.modules.keys())))\n"
        "from trainer.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].split() == ["loaded:"]


def test_table_one_has_the_published_shape_in_three_formats(runs, tmp_path):
    folder, _ = runs

    markdown = run(compare, folder / "strict", folder / "dissertation", "--reference", "mimic", "--resamples", 100)
    latex = run(compare, folder / "strict", "--format", "latex", "--resamples", 100, "--out", tmp_path)

    assert "### Table 1" in markdown
    assert "### Dissertation against strict" in markdown
    for part in ("Training", "Validation", "Test", "Test, pooled"):
        assert f"| {part} | Mimic | strict |" in markdown
        assert f"| {part} | Mimic | dissertation, halves redrawn |" in markdown
    assert "### Folds" in markdown
    assert r"\begin{tabular}" in latex
    assert {path.suffix for path in tmp_path.iterdir()} == {".md", ".csv", ".tex"}


def test_a_folds_networks_are_named_by_their_weights(runs):
    opened = open_run(runs[0] / "strict")

    stored = (runs[0] / "strict" / "fold1" / "networks.pt").read_bytes()
    assert opened.networks_sha256(1) == hashlib.sha256(stored).hexdigest() != opened.networks_sha256(0)
    with pytest.raises(CheckpointError, match="finish the run first"):
        opened.networks_sha256(7)


def test_another_run_is_not_mixed_into_a_folder(runs, manifest):
    folder, _ = runs

    with pytest.raises(CheckpointError, match=r"holds another run \(it differs in .*training"):
        run(cv, manifest, "--model", "mimic", "--out", folder / "strict", *flags(3))


def test_a_finished_run_is_not_done_again_unless_a_part_of_it_is_missing_or_the_program_is_another(manifest, tmp_path):
    out = tmp_path / "run"
    networks, metrics, record = out / "fold1" / "networks.pt", out / "metrics.json", out / "run.json"

    def results():
        output = run(cv, manifest, "--model", "mimic", "--folds", 2, "--out", out, *flags(1))
        return output[output.index("fold  ") :]

    first = results()
    written = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in (networks, metrics)}
    assert results() == first
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in written} == written
    networks.unlink()
    assert results() == first
    assert networks.is_file()
    again = metrics.stat().st_mtime_ns
    record.write_text(json.dumps(json.loads(record.read_text()) | {"program": {"nicu-pain-monitor": "0.0.1"}}))
    assert results() == first
    assert metrics.stat().st_mtime_ns > again
    made_by = json.loads(record.read_text())
    assert made_by["program"]["nicu-pain-monitor"] != "0.0.1"
    assert made_by["earlier_programs"] == [{"nicu-pain-monitor": "0.0.1"}]
    done = metrics.stat().st_mtime_ns
    assert results() == first
    assert metrics.stat().st_mtime_ns == done


class _Killer(NullListener):
    """Ends the process in the middle of the second fold."""

    def __init__(self, folder):
        self._armed = folder.name == "fold1"

    def batch_done(self, epoch, done, total):  # noqa: ARG002 - a listener's signature
        if self._armed and epoch == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


def _run_until_killed(config, folder):
    torch.set_num_threads(1)
    cross_validate(config, folder, lambda _title, _epochs, path: _Killer(path))


def test_a_run_killed_in_the_middle_of_a_fold_ends_with_the_same_metrics(runs, tmp_path):
    unbroken = open_run(runs[0] / "strict")
    # Forked, so that the child needs no import of this module; it does nothing but train and die.
    arguments = (unbroken.config, tmp_path / "broken")
    child = multiprocessing.get_context("fork").Process(target=_run_until_killed, args=arguments)
    child.start()
    child.join(100)
    assert child.exitcode == -signal.SIGKILL
    assert (tmp_path / "broken" / "fold1" / "member0.pt").exists()

    resumed = cross_validate(unbroken.config, tmp_path / "broken")

    for name, metric in unbroken.metrics()["pooled"].items():
        assert resumed["pooled"][name]["value"] == pytest.approx(metric["value"], abs=1e-6)
    first, second = (run.predictions().logits for run in (unbroken, open_run(tmp_path / "broken")))
    np.testing.assert_allclose(first, second, atol=1e-6)


def test_an_ensemble_reports_how_much_its_members_disagree(manifest, tmp_path):
    config = read_config(None, SMALL | {"manifest": str(manifest), "members": 2})

    cross_validate(config, tmp_path)

    opened = open_run(tmp_path)
    assert len(opened.fold_networks(0).networks) == 2
    assert (opened.predictions().uncertainty > 0).all()
    assert opened.metrics()["risk_coverage_by_mutual_information"] is not None


def test_the_folds_networks_become_one_model_whose_mean_is_theirs(runs, tmp_path):
    folder, _ = runs
    opened = open_run(folder / "strict")

    ensemble_of_folds(opened, tmp_path, FinalModel("folds", "demo"))

    model = read_model(tmp_path)
    crops = torch.rand(4, 3, 32, 32)
    parts = [opened.fold_networks(fold) for fold in range(3)]
    with torch.inference_mode():
        mean = torch.stack([torch.sigmoid(part.networks[0](crops) / part.temperature) for part in parts]).mean(dim=0)
        torch.testing.assert_close(torch.sigmoid(model.network(crops)), mean, atol=1e-5, rtol=0.0)
        assert (model.network.mutual_information(crops) >= 0).all()
    assert {metric.name for metric in model.record.metrics} >= {"accuracy", "auc"}


def test_the_final_model_carries_the_metrics_of_its_strict_run(runs, manifest, tmp_path):
    folder, _ = runs
    options = ["--judged-by", folder / "strict", "--out", tmp_path / "final", "--no-bundle", "--generation", "demo"]

    output = run(fit, manifest, "--model", "mimic", *options, *flags())

    record = read_model(tmp_path / "final").record
    assert f"Model: {tmp_path / 'final' / 'model.pt'}" in output
    assert record.provenance.data_manifest_sha256 == open_run(folder / "strict").record["manifest_sha256"]
    assert "6 infants" in record.provenance.source
    assert all("unseen infants" in metric.data for metric in record.metrics)
    with pytest.raises(SettingsError, match="differs from this model in the network, so its metrics are not"):
        run(
            fit,
            manifest,
            "--model",
            "mimic",
            *options[:2],
            "--out",
            tmp_path / "x",
            *flags(),
            "--set",
            "network.width=16",
        )
    with pytest.raises(SettingsError, match="differs from this model in how it is trained"):
        run(fit, manifest, "--model", "mimic", *options[:2], "--out", tmp_path / "x", *flags(3))
    other = manifest.with_name("other.manifest.csv")
    other.write_text("".join(manifest.read_text().splitlines(keepends=True)[:-1]))
    crops = ["--set", f"crops={manifest.with_suffix('.crops')}"]
    with pytest.raises(SettingsError, match="differs from this model in the pictures or their labels"):
        run(fit, other, "--model", "mimic", *options[:2], "--out", tmp_path / "x", *flags(), *crops)
    with pytest.raises(SettingsError, match="is a dissertation run"):
        run(
            fit, manifest, "--model", "mimic", "--judged-by", folder / "dissertation", "--out", tmp_path / "x", *flags()
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "nccn"], "unknown model 'nccn'"),
        (["--set", "training.epocs=3"], "training.epocs|epocs: Extra inputs"),
        (["--set", "protocol.folds=1"], "protocol.folds"),
        (["--set", "augmentation=wild"], "augmentation 'wild' is unknown"),
        (["--set", "nonsense"], "must look like training.epochs=5"),
        (["--folds", "50"], r"set\.manifest\.csv: 6 infants cannot be divided into 50 folds"),
        (["--folds", "many"], "'many' is no number of folds"),
        (["--model", "geometric"], "needs the detector's five points"),
    ],
)
def test_mistakes_on_the_command_line_are_named(manifest, tmp_path, arguments, message):
    with pytest.raises((SettingsError, DataError, BadParameter), match=message):
        run(cv, manifest, "--out", tmp_path / "run", *arguments)


def test_a_configuration_file_describes_the_whole_experiment(manifest, tmp_path):
    (tmp_path / "trial.yaml").write_text(
        f"manifest: {os.path.relpath(manifest, tmp_path)}\nmodel: ncnn-tuned\nprotocol: {{folds: infants}}\n"
        "training: {batch_size: 4}\n"
    )

    config = read_config(tmp_path / "trial.yaml", {"training": {"epochs": 2}})

    assert Path(config.manifest).resolve() == manifest.resolve()
    assert config.training == {"batch_size": 4, "epochs": 2}
    assert config.protocol.folds == "infants"


def test_folds_beside_each_other_give_the_same_metrics_as_one_after_the_other(runs, manifest, tmp_path):
    folder, _ = runs

    run(cv, manifest, "--model", "mimic", "--out", tmp_path / "run", "--jobs", 2, *flags())

    first, second = (open_run(path).predictions().logits for path in (folder / "strict", tmp_path / "run"))
    np.testing.assert_array_equal(first, second)
    assert [fold["fold"] for fold in open_run(tmp_path / "run").metrics()["training"]] == [0, 1, 2]


def test_an_error_in_one_folds_process_ends_the_run_with_its_sentence(manifest, tmp_path):
    (tmp_path / "run" / "fold1").mkdir(parents=True)
    (tmp_path / "run" / "fold1" / "member0.pt").write_bytes(b"half a checkpoint")

    with pytest.raises(CheckpointError, match=r"member0\.pt is damaged or no checkpoint"):
        run(cv, manifest, "--model", "mimic", "--out", tmp_path / "run", "--jobs", 2, *flags(50))


def test_repeats_report_the_spread_of_the_seeds_beside_that_of_the_folds(manifest, tmp_path):
    options = ["--model", "mimic", "--folds", 2, "--repeats", 2, "--jobs", 1, "--seed", 5]

    output = run(cv, manifest, *options, "--out", tmp_path / "run", *flags(2))

    folders = [tmp_path / "run", tmp_path / "run" / "repeats" / "seed-6"]
    accuracies, deviations = [], []
    for folder in folders:
        opened = open_run(folder)
        table = opened.predictions()
        right = (table.logits >= 0) == (table.labels >= 0.5)
        accuracies.append(right[table.is_main].mean())
        by_fold = [right[table.is_main & (table.fold == fold)].mean() for fold in (0, 1)]
        deviations.append(np.std(by_fold, ddof=1))
        inner, learnt = opened.inner(), opened.folds(opened.study())
        for fold in learnt.folds:
            held = {opened.study().records[row].sha256 for row in fold.splits[0][1].rows}
            assert {row.sha256 for row in inner.rows if row.fold == fold.index} == held
    summary = json.loads((tmp_path / "run" / "repeats.json").read_text())
    assert summary["seeds"] == [5, 6]
    found = summary["metrics"]["accuracy"]
    assert found["mean"] == pytest.approx(np.mean(accuracies))
    assert found["sd"] == pytest.approx(np.std(accuracies, ddof=1))
    assert found["fold_sd"] == pytest.approx(np.mean(deviations))
    assert "Over 2 seeds" in output
    tables = run(compare, tmp_path / "run", "--resamples", 100, "--sensitivity", 0.8, "--prevalence", 0.05)
    assert "### Repeats" in tables
    assert "sensitivity at least 0.8" in tables
    assert "a share of pain of 5 %" in tables


def test_groups_of_infants_go_from_the_manifest_into_tables_and_the_card(manifest, tmp_path):
    grouped = manifest.with_name("grouped.manifest.csv")
    lines = manifest.read_text().splitlines()
    sexes = ["F" if "set/s0" in line or "set/s1" in line else "M" for line in lines[1:]]
    grouped.write_text("\n".join([f"{lines[0]},sex", *(f"{a},{b}" for a, b in zip(lines[1:], sexes, strict=True))]))
    crops = ["--set", f"crops={manifest.with_suffix('.crops')}"]
    run(cv, grouped, "--model", "mimic", "--jobs", 1, "--out", tmp_path / "run", *crops, *flags(1))

    tables = run(compare, tmp_path / "run", "--resamples", 100, "--group", "sex")
    options = ["--judged-by", tmp_path / "run", "--no-bundle", "--generation", "demo"]
    run(fit, grouped, "--model", "mimic", *options, "--out", tmp_path / "final", *crops, *flags(1))

    table = open_run(tmp_path / "run").predictions()
    female = table.is_main & np.isin(table.subjects, ["set/s0", "set/s1"])
    right = ((table.logits >= 0) == (table.labels >= 0.5))[female].mean()
    assert f"| sex | F | Mimic | strict | set | 12 | 2 | {right:.3f} |" in tables
    record = read_model(tmp_path / "final").record
    assert {"sensitivity, sex F", "specificity, sex M"} <= {metric.name for metric in record.metrics}
    assert any(
        "Metrics by sex are in the list; the smallest of these groups has 2" in line for line in record.card.caveats
    )
    with pytest.raises(DataError, match=r"no manifest of these runs has a column 'hat'"):
        run(compare, tmp_path / "run", "--group", "hat")


def test_a_run_is_not_taken_for_one_on_other_crops_of_the_same_pictures(paint_study, tmp_path):
    study = paint_study(subjects=6, each=4)
    path = study.folder.with_suffix(".csv")
    run(cv, path, "--model", "pixel-logistic", "--out", tmp_path / "run")
    faces = study.folder / "faces.jsonl"
    faces.write_text(faces.read_text().replace("[23.5, 23.5, 48.0,", "[9.5, 9.5, 20.0,"))

    with pytest.raises(CheckpointError, match=r"another run \(it differs in crops_sha256\)"):
        run(cv, path, "--model", "pixel-logistic", "--out", tmp_path / "run")
    with pytest.raises(DataError, match="are others now than when the run"):
        open_run(tmp_path / "run").study()
    with pytest.raises(DataError, match="are others now than when the run"):
        open_explanation_input(tmp_path / "run", None, None)

    record = json.loads((tmp_path / "run" / "run.json").read_text())
    del record["crops_sha256"]  # as earlier versions wrote it: nobody knows, and the run goes on
    (tmp_path / "run" / "run.json").write_text(json.dumps(record))
    run(cv, path, "--model", "pixel-logistic", "--out", tmp_path / "run")
