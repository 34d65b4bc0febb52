"""Real runs, small enough for a test: two models under both protocols on painted pictures."""

import pytest
from click.testing import CliRunner

from trainer.commands.cv import command as cv

FLAGS = ["network.width=8", "network.depth=1", "contract.size_px=32", "contract.margin=0", "training.batch_size=8"]
FLAGS += ["training.schedule.warmup_epochs=0", "training.patience_epochs=4", "augmentation=light", "copies=2"]


@pytest.fixture(scope="package")
def run():
    """Return what runs a command as the command line would; its error is the test's."""

    def invoke(command, *arguments):
        result = CliRunner().invoke(command, [str(argument) for argument in arguments], standalone_mode=False)
        if result.exception:
            raise result.exception
        return result.output

    return invoke


@pytest.fixture(scope="package")
def hostile_name():
    """Return an infant's name that breaks out of a careless page, table or formula."""
    return "s1<script>alert(1)</script>$x$|_*"


@pytest.fixture(scope="package")
def study(paint_study, hostile_name):
    """Six infants, one of them with a name that would break out of a careless page."""
    study = paint_study(subjects=6, each=8, stress=2)
    manifest = study.folder.with_suffix(".csv")
    manifest.write_text(manifest.read_text().replace("set/s1,", f"set/{hostile_name},"))
    return study


@pytest.fixture(scope="package")
def manifest(study):
    return study.folder.with_suffix(".csv")


@pytest.fixture(scope="package")
def runs(run, manifest, tmp_path_factory):
    """Return the folders of four runs: a network of one member and one of two, under both protocols."""
    folder = tmp_path_factory.mktemp("runs")
    flags = [part for flag in FLAGS for part in ("--set", flag)]
    leaky = ["--protocol", "dissertation", "--set", "protocol.folds=2", "--expansion", "small-angles-9x4"]
    pair = ["--model", "mimic-ensemble", "--set", "members=2"]
    for name, epochs, options in (
        ("mimic-strict", 4, ["--model", "mimic"]),
        ("mimic-dissertation", 1, ["--model", "mimic", *leaky]),
        ("pair-strict", 2, pair),
        ("pair-dissertation", 1, [*pair, *leaky]),
    ):
        run(cv, manifest, *options, "--out", folder / name, *flags, "--epochs", epochs, "--jobs", 1)
    return [folder / name for name in ("mimic-strict", "mimic-dissertation", "pair-strict", "pair-dissertation")]
