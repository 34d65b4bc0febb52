"""Recalibration on a new site, against an independent fit and a distortion that is known."""

import numpy as np
import pytest
from scipy.optimize import minimize

from trainer.evaluation.recalibration import recalibration


@pytest.fixture(scope="module")
def site():
    """A site whose true log-odds are 0.5 x - 0.75 where the model says x."""
    random = np.random.default_rng(3)
    truth = random.normal(-0.3, 1.2, 2400)
    labels = (random.random(2400) < 1 / (1 + np.exp(-truth))).astype(float)
    return labels, 2.0 * truth + 1.5, np.array([f"infant-{row % 40:02d}" for row in range(2400)])


def by_search(labels, logits, *, stretch):
    def loss(values):
        moved = values[0] + (values[1] if stretch else 1.0) * logits
        return np.mean(np.logaddexp(0, moved) - labels * moved)

    return minimize(loss, [0.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-12}).x


@pytest.mark.parametrize(("name", "stretch"), [("moved", False), ("moved_and_stretched", True)])
def test_the_update_is_the_most_likely_one(site, name, stretch):
    labels, logits, subjects = site

    found = recalibration(labels, logits, subjects, 100)[name]

    wanted = by_search(labels, logits, stretch=stretch)
    assert found["intercept"] == pytest.approx(wanted[0], abs=1e-3)
    assert found["slope"] == pytest.approx(wanted[1] if stretch else 1.0, abs=1e-3)


def test_a_known_distortion_is_taken_back_and_infants_do_not_measure_their_own_correction(site):
    labels, logits, subjects = site

    found = recalibration(labels, logits, subjects, 100)

    before, after = (found[name]["metrics"] for name in ("as_it_is", "moved_and_stretched"))
    assert found["parts"] == 10
    assert found["moved_and_stretched"]["slope"] == pytest.approx(0.5, abs=0.06)
    assert found["moved_and_stretched"]["intercept"] == pytest.approx(-0.75, abs=0.15)
    assert before["ece"]["value"] > 0.1
    assert after["ece"]["value"] < 0.03
    assert after["loss"]["value"] < before["loss"]["value"]
    best = np.mean(np.logaddexp(0, x := found["moved_and_stretched"]["intercept"] + 0.5 * logits) - labels * x)
    fitted = by_search(labels, logits, stretch=True)
    in_sample = np.mean(np.logaddexp(0, y := fitted[0] + fitted[1] * logits) - labels * y)
    assert in_sample < after["loss"]["value"] < best + 0.01


def test_few_infants_or_one_class_give_none():
    labels = np.array([0.0, 1.0] * 4)
    logits = np.linspace(-1, 1, 8)
    assert recalibration(labels, logits, np.repeat(["a", "b", "c", "d"], 2), 100) is None
    one_sided = np.array([1.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    names = np.array(["a", "a", "b", "c", "d", "e"])
    assert recalibration(one_sided, logits[:6], names, 100) is None
