"""The power of a comparison agrees with simulated comparisons."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from trainer.commands.power import command
from trainer.evaluation.power import infant_deviation, infants_needed, observed_deviation, power

CRITICAL = {12: 2.200985, 26: 2.059539}  # Student's t, 97.5 %, with one degree of freedom less


@pytest.mark.parametrize(("infants", "difference"), [(12, 0.1), (26, 0.03), (26, 0.08)])
def test_simulated_t_tests_find_the_difference_as_often(infants, difference):
    random = np.random.default_rng(0)
    samples = random.normal(difference, 0.2, (40_000, infants))
    t = samples.mean(axis=1) / (samples.std(axis=1, ddof=1) / np.sqrt(infants))

    assert power(difference, 0.2, infants) == pytest.approx(np.mean(np.abs(t) > CRITICAL[infants]), abs=0.01)


def test_the_fewest_infants_are_the_fewest():
    needed = infants_needed(0.05, 0.2)

    assert power(0.05, 0.2, needed) >= 0.8 > power(0.05, 0.2, needed - 1)
    assert infants_needed(1e-6, 0.2) is None


def test_the_deviation_of_an_infant_is_that_of_simulated_pictures():
    """Pictures of an infant are independent here: gains, losses and ties with given shares."""
    random = np.random.default_rng(1)
    signs = random.choice([1.0, -1.0, 0.0], p=[0.14, 0.06, 0.8], size=(50_000, 4))

    assert infant_deviation(0.08, 4, 0.2, 0.0) == pytest.approx(signs.mean(axis=1).std(), rel=0.02)
    with pytest.raises(ValueError, match="at least that share"):
        infant_deviation(0.3, 4, 0.2, 0.0)


def test_the_observed_deviation_is_over_infants():
    labels = np.array([1, 1, 0, 0, 1, 0], float)
    first, second = np.array([1, -1, -1, 1, 1, 1.0]), np.array([1, 1, -1, 1, -1, 1.0])
    subjects = np.array(list("aabbcc"))

    assert observed_deviation(labels, first, second, subjects) == pytest.approx(np.std([0.5, 0, -0.5], ddof=1))


def test_twenty_six_infants_show_little():
    found = json.loads(CliRunner().invoke(command, ["--json"], catch_exceptions=False).stdout)
    rows = {row["difference_points"]: row for row in found["rows"]}

    assert rows[3.0]["power"] < 0.2
    assert 250 < rows[3.0]["infants_needed"] < 600
    assert 30 < rows[8.0]["infants_needed"] < 90
