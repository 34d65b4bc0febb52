"""Trained networks are asked whose face they see, where it is known whether a picture can tell."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from trainer.commands.explain import command as explain
from trainer.data import write_manifest
from trainer.experiments import cross_validate, read_config
from trainer.explanation import open_material, probe_material
from trainer.networks import InputContract
from trainer.training import NullListener

FIELDS = {
    "model": "mimic",
    "network": {"width": 8, "depth": 1},
    "contract": {"size_px": 32, "margin": 0.0},
    "training": {"epochs": 8, "patience_epochs": 8, "batch_size": 16},
    "augmentation": "light",
    "protocol": {"folds": 2},
}


class _Quiet(NullListener):
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


def trained(study, folder):
    config = read_config(None, FIELDS | {"manifest": str(study.folder.with_suffix(".csv"))})
    cross_validate(config, folder, lambda *_: _Quiet())
    return folder


def renamed(study, change):
    """Write a study's manifest anew with other subjects or data sets; its pictures and faces stay."""
    manifest = study.folder.with_suffix(".csv")
    write_manifest(manifest, [change(number, record) for number, record in enumerate(study.records)])


@pytest.fixture(scope="module")
def by_infant(paint_study, tmp_path_factory):
    """A run on pictures of which nothing can be learnt but whose they are."""
    study = paint_study(subjects=12, each=9, by_subject=True)
    return trained(study, tmp_path_factory.mktemp("runs") / "by-infant")


def test_a_network_that_learnt_infants_is_found_out(by_infant, tmp_path):
    answer = CliRunner().invoke(
        explain,
        [str(by_infant), "--out", str(tmp_path), "--pictures", "1", "--scored", "0", "--intervened", "0"],
        catch_exceptions=False,
    )

    found = json.loads((tmp_path / "probes.json").read_text())
    assert found["infant"]["accuracy"] > 1.5 * found["infant"]["chance"]
    assert found["infant"]["p"] < 0.01
    assert found["infant"]["items"] == 108
    assert found["data_set"] is None
    assert (tmp_path / "probes.md").read_text() in answer.output


def test_infants_that_are_none_cannot_be_told_apart(paint_study, tmp_path):
    study = paint_study(subjects=12, each=9)
    random = np.random.default_rng(5)
    lots = [f"set/lot{number}" for number in random.permutation(np.arange(len(study.records)) % 12)]
    renamed(study, lambda number, record: replace(record, subject=lots[number]))

    found = probe_material(open_material(trained(study, tmp_path), None, None), 400)

    assert found["infant"]["p"] > 0.02
    assert found["infant"]["accuracy"] < found["infant"]["chance"] + 0.1


@pytest.mark.parametrize("can_be_told", [True, False])
def test_data_sets_are_told_apart_only_where_they_look_different(paint_study, tmp_path, can_be_told):
    study = paint_study(subjects=24, each=4, seed=3)
    # The infants' grounds differ: sets by their brightness can be told, sets by lot cannot.
    pictures = study.crop_set(InputContract(size_px=32)).exact(np.arange(len(study.records)))
    light = {subject: pictures[study.subjects == subject].mean() for subject in np.unique(study.subjects)}
    order = (
        sorted(light, key=light.get) if can_be_told else np.random.default_rng(0).permutation(sorted(light)).tolist()
    )
    bright = set(order[12:])
    renamed(study, lambda _, record: replace(record, data_set="one" if record.subject in bright else "two"))

    found = probe_material(open_material(trained(study, tmp_path), None, None), 400)["data_set"]

    assert found["items"] == 24
    assert (found["p"] < 0.05) is can_be_told
