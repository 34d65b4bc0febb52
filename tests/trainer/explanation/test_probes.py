"""Linear probes find what features hold, and nothing else: the truth is known here, because it was planted."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from trainer.commands.explain import command as explain
from trainer.data import write_manifest
from trainer.experiments import cross_validate, read_config
from trainer.explanation import open_explanation_input, probe_features
from trainer.explanation.probes import ProbedPart, probe
from trainer.networks import InputContract

INFANTS, EACH = 8, 10
FIELDS = {
    "model": "mimic",
    "network": {"width": 8, "depth": 1},
    "contract": {"size_px": 32, "margin": 0.0},
    "training": {"epochs": 8, "patience_epochs": 8, "batch_size": 16},
    "augmentation": "light",
    "protocol": {"folds": 2},
}


def part(random, *, infant=0.0, label=0.0, share_by_infant=False):
    """Return features of noise, with an infant's own offset and the label's, as strongly as asked for."""
    who = np.repeat(np.arange(INFANTS), EACH)
    share = np.linspace(0.1, 0.9, INFANTS)[who] if share_by_infant else 0.5
    labels = (random.random(len(who)) < share).astype(float)
    features = random.normal(size=(len(who), 12))
    features += infant * random.normal(size=(INFANTS, 12))[who]
    features[:, 0] += label * labels
    return ProbedPart(features, np.array([f"s{number}" for number in who]), labels.astype(str), np.arange(len(who)))


def test_features_that_know_the_infant_are_found_out():
    random = np.random.default_rng(0)

    found = probe([part(random, infant=1.0), part(random, infant=1.0)], shuffles=49)

    assert found.accuracy > 2 * found.chance
    assert found.p == pytest.approx(1 / 50)
    assert (found.items, found.classes) == (2 * INFANTS * EACH, INFANTS)


def test_features_that_know_the_label_only_are_cleared_even_where_the_label_hints_at_the_infant():
    ps = []
    for seed in range(20):
        random = np.random.default_rng(seed)
        found = probe([part(random, label=4.0, share_by_infant=True)], seed, shuffles=49)
        ps.append(found.p)

    assert np.mean(np.array(ps) <= 0.1) <= 0.25  # one in ten by chance
    assert np.mean(ps) == pytest.approx(0.5, abs=0.2)


def test_copies_of_one_picture_prove_nothing():
    random = np.random.default_rng(1)
    noise = random.normal(size=(12, 40))
    features = np.repeat(noise, 4, axis=0) + random.normal(scale=0.01, size=(48, 40))
    classes = np.repeat([f"s{number}" for number in range(4)], 12)
    strata = np.full(48, "0")

    apart = probe([ProbedPart(features, classes, strata, np.arange(48))], shuffles=19)
    together = probe([ProbedPart(features, classes, strata, np.repeat(np.arange(12), 4))], shuffles=19)

    assert apart.accuracy > 0.9
    assert together.accuracy < 0.6


def test_nothing_to_distinguish_is_no_finding():
    random = np.random.default_rng(2)
    one = ProbedPart(random.normal(size=(6, 3)), np.full(6, "s0"), np.full(6, "1"), np.arange(6))
    single = ProbedPart(random.normal(size=(6, 3)), np.arange(6).astype(str), np.full(6, "1"), np.arange(6))

    assert probe([one]) is None
    assert probe([single]) is None


def trained(study, folder):
    config = read_config(None, FIELDS | {"manifest": str(study.folder.with_suffix(".csv"))})
    cross_validate(config, folder)
    return folder


def renamed(study, change):
    """Rewrite a study's manifest with other subjects or data sets; its pictures and faces stay."""
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


def test_infants_that_are_none_cannot_be_distinguished(paint_study, tmp_path):
    study = paint_study(subjects=12, each=9)
    random = np.random.default_rng(5)
    lots = [f"set/lot{number}" for number in random.permutation(np.arange(len(study.records)) % 12)]
    renamed(study, lambda number, record: replace(record, subject=lots[number]))

    found = probe_features(open_explanation_input(trained(study, tmp_path), None, None), 400)

    assert found["infant"]["p"] > 0.02
    assert found["infant"]["accuracy"] < found["infant"]["chance"] + 0.1


@pytest.mark.parametrize("can_be_distinguished", [True, False])
def test_data_sets_are_distinguished_only_where_they_look_different(paint_study, tmp_path, can_be_distinguished):
    study = paint_study(subjects=60, each=4, seed=3)
    # The infants' grounds differ: sets by their brightness can be distinguished, sets by lot cannot.
    pictures = study.crop_set(InputContract(size_px=32)).exact(np.arange(len(study.records)))
    light = {subject: pictures[study.subjects == subject].mean() for subject in np.unique(study.subjects)}
    order = (
        sorted(light, key=light.get)
        if can_be_distinguished
        else np.random.default_rng(0).permutation(sorted(light)).tolist()
    )
    bright = set(order[30:])
    renamed(study, lambda _, record: replace(record, data_set="one" if record.subject in bright else "two"))

    found = probe_features(open_explanation_input(trained(study, tmp_path), None, None), 400)["data_set"]

    assert found["items"] == 60
    assert (found["p"] < 0.05) is can_be_distinguished
