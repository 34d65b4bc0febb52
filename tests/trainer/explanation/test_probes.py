"""Probes tell what features hold, and nothing else: the truth is known here, because it was planted."""

import numpy as np
import pytest

from trainer.explanation.probes import ProbedPart, probe

INFANTS, EACH = 8, 10


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


def test_nothing_to_tell_apart_is_no_finding():
    random = np.random.default_rng(2)
    one = ProbedPart(random.normal(size=(6, 3)), np.full(6, "s0"), np.full(6, "1"), np.arange(6))
    single = ProbedPart(random.normal(size=(6, 3)), np.arange(6).astype(str), np.full(6, "1"), np.arange(6))

    assert probe([one]) is None
    assert probe([single]) is None
