"""Every interval and every debiased metric, recomputed here from its definition with numpy alone."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.evaluation.bootstrap import cluster_intervals, interval_of
from trainer.evaluation.coverage import Population, simulate_coverage
from trainer.evaluation.intervals import (
    clopper_pearson,
    cluster_rate,
    cluster_share,
    design_effect,
    t_interval,
)
from trainer.evaluation.metrics import calibration_in_the_large, expected_calibration_error
from trainer.evaluation.pairing import corrected_t
from trainer.evaluation.results import PredictionRow, PredictionTable, evaluate
from trainer.evaluation.run_summary import RunSummary
from trainer.evaluation.utility import net_benefit


def binomial_tail(least, trials, share):
    return sum(math.comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(least, trials + 1))


def student_quantile(share, freedom):
    x = np.linspace(-400.0, 400.0, 4_000_001)
    density = (1 + x * x / freedom) ** (-(freedom + 1) / 2)
    total = np.cumsum(density)
    return float(x[np.searchsorted(total, share * total[-1])])


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_clopper_pearson_leaves_a_tail_of_a_fortieth_on_each_side(counts):
    hits, trials = counts
    low, high = clopper_pearson(hits, trials)

    assert low <= hits / trials <= high
    if hits > 0:
        assert binomial_tail(hits, trials, low) == pytest.approx(0.025, abs=1e-9)
    if hits < trials:
        assert 1 - binomial_tail(hits + 1, trials, high) == pytest.approx(0.025, abs=1e-9)


def test_a_design_effect_makes_trials_fewer():
    assert clopper_pearson(80, 80, 4.0) == pytest.approx(clopper_pearson(20, 20))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 30), st.floats(0.1, 50))
def test_the_interval_of_a_rate_is_exact_where_events_are_spread_over_very_many_infants(events, hours):
    found = cluster_rate((np.arange(100_000) < events).astype(float), np.full(100_000, hours / 100_000))

    def tail(mean, count):
        return sum(math.exp(-mean) * mean**k / math.factorial(k) for k in range(count + 1))

    assert found.value == pytest.approx(events / hours)
    assert tail(found.high * hours, events) == pytest.approx(0.025, abs=1e-4)
    if events:
        assert 1 - tail(found.low * hours, events - 1) == pytest.approx(0.025, abs=1e-4)
    else:
        assert found.low == 0


def test_the_interval_of_a_rate_holds_it_where_few_infants_have_most_events():
    """Infants' own rates with the deviation of their mean: that of a Poisson count would hold it in 60 % here."""
    random = np.random.default_rng(0)
    held = []
    for _ in range(400):
        hours = random.lognormal(0.0, 0.4, 8)
        found = cluster_rate(random.poisson(random.gamma(1.0, 4.0, 8) * hours).astype(float), hours)
        held.append(found.low <= 4.0 <= found.high)
    assert np.mean(held) > 0.9


def test_one_infant_with_all_events_makes_the_interval_of_a_rate_wide():
    hours = np.full(6, 0.5)
    spread, lone = cluster_rate(np.full(6, 4.0), hours), cluster_rate(np.array([24.0, 0, 0, 0, 0, 0]), hours)

    assert spread.value == lone.value == 8.0
    assert lone.high > 2 * spread.high
    assert lone.low < spread.low / 2
    assert cluster_rate(np.append(np.full(6, 4.0), 0), np.append(hours, 0)) == spread  # was never watched


def test_the_t_interval_is_symmetric_on_the_logit_scale():
    found = t_interval(0.8, 0.05, 8, "share")
    reach = student_quantile(0.975, 7) * 0.05 / (0.8 * 0.2)
    ends = [math.log(end / (1 - end)) for end in (found.low, found.high)]

    assert ends == pytest.approx([math.log(4) - reach, math.log(4) + reach], abs=2e-3)


def test_the_share_of_clusters_is_linearised_over_infants():
    hits, trials = np.array([3.0, 5, 1, 4, 6, 2]), np.array([6.0, 6, 4, 5, 8, 6])
    share = hits.sum() / trials.sum()
    variance = 6 / 5 * np.sum((hits - share * trials) ** 2) / trials.sum() ** 2
    effect = max(1.0, variance / (share * (1 - share) / trials.sum()))

    assert design_effect(hits, trials) == pytest.approx(effect)
    error = math.sqrt(effect * share * (1 - share) / trials.sum())
    reach = student_quantile(0.975, 5) * error / (share * (1 - share))
    found = cluster_share(hits, trials)
    assert math.log(found.high / (1 - found.high)) == pytest.approx(math.log(share / (1 - share)) + reach, abs=2e-3)


@pytest.mark.parametrize("infants", [1, 2, 4])
def test_below_five_infants_there_is_no_interval(infants):
    found = cluster_share(np.full(infants, 10.0), np.full(infants, 10.0))
    assert found.value == 1.0
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    rate = cluster_rate(np.full(infants, 10.0), np.full(infants, 5.0))
    assert rate.value == 2.0
    assert math.isnan(rate.low)
    assert math.isnan(rate.high)
    labels, subjects = np.tile([0.0, 1.0], 10 * infants), np.repeat(np.arange(infants).astype(str), 20)
    intervals = cluster_intervals(labels, 2 * labels - 1, subjects, 50)
    assert all(math.isnan(entry.low) and math.isnan(entry.high) for entry in intervals.values())


def test_all_right_is_not_certain():
    """Ten infants without a mistake: as much as ten independent answers, (1/40)^(1/10)."""
    found = cluster_share(np.full(10, 30.0), np.full(10, 30.0))

    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.025 ** (1 / 10))
    assert interval_of(1.0, [1.0] * 50, 10).low == pytest.approx(0.025 ** (1 / 10))


@settings(max_examples=30, deadline=None)
@given(st.integers(5, 30), st.integers(0, 1000))
def test_every_interval_holds_its_own_value(infants, seed):
    labels, logits, subjects = Population().sample(infants, np.random.default_rng(seed))

    for name, found in cluster_intervals(labels, logits, subjects, 40).items():
        assert math.isnan(found.low) or found.low <= found.value <= found.high, name


def test_the_simulated_coverage_at_eight_infants_is_near_what_is_promised():
    rows = {row.metric: row for row in simulate_coverage(8, Population(), 150, 60)}

    for name in ("accuracy", "auc", "brier"):
        assert rows[name].student >= 0.88, rows[name]
        assert rows[name].student >= rows[name].percentile


def test_the_debiased_calibration_error_of_a_perfect_model_does_not_grow_with_fewer_pictures():
    random = np.random.default_rng(3)
    plain, debiased = [], []
    for _ in range(200):
        chance = random.uniform(0.05, 0.95, 60)
        labels = (random.random(60) < chance).astype(float)
        bins = np.array_split(np.argsort(chance, kind="stable"), 6)
        plain.append(sum(len(part) / 60 * abs(labels[part].mean() - chance[part].mean()) for part in bins))
        debiased.append(expected_calibration_error(labels, chance))

    assert np.mean(plain) > 0.09
    assert np.mean(debiased) < 0.7 * np.mean(plain)


def test_the_debiased_calibration_error_is_its_formula():
    random = np.random.default_rng(4)
    chance = random.uniform(0.1, 0.9, 40)
    labels = (random.random(40) < chance**2).astype(float)

    expected = 0.0
    noise_of = random.normal(size=400_000)
    for part in np.array_split(np.argsort(chance, kind="stable"), 4):
        gap = abs(labels[part].mean() - chance[part].mean())
        noise = math.sqrt(np.sum(chance[part] * (1 - chance[part]))) / len(part)
        expected += len(part) / 40 * (gap - (np.mean(np.abs(gap + noise * noise_of)) - gap))

    assert expected_calibration_error(labels, chance) == pytest.approx(max(0.0, expected), abs=2e-3)


def test_calibration_in_the_large_makes_the_mean_prediction_right():
    random = np.random.default_rng(5)
    logits = random.normal(0, 2, 500)
    labels = (random.random(500) < 1 / (1 + np.exp(-logits - 1.3))).astype(float)

    shift = calibration_in_the_large(labels, logits)

    assert np.mean(1 / (1 + np.exp(-logits - shift))) == pytest.approx(labels.mean(), abs=1e-9)
    assert shift == pytest.approx(1.3, abs=0.3)
    assert math.isnan(calibration_in_the_large(np.ones(4), np.zeros(4)))


def test_net_benefit_at_a_prevalence_is_its_formula_with_moved_probabilities_and_holds_its_value():
    labels, logits, subjects = Population().sample(12, np.random.default_rng(6))

    points = net_benefit(labels, logits, subjects, prevalence=0.1, count=60)

    point = next(entry for entry in points if entry["threshold"] == 0.2)
    moved = logits + math.log(0.1 / 0.9)  # half of the sample is pain
    acted = 1 / (1 + np.exp(-moved)) >= 0.2
    sensitivity, false = acted[labels == 1].mean(), acted[labels == 0].mean()
    assert point["model"] == pytest.approx(sensitivity * 0.1 - false * 0.9 * 0.25)
    assert point["all"] == pytest.approx(0.1 - 0.9 * 0.25)
    bounded = [entry for entry in points if entry["low"] is not None]
    assert bounded
    assert all(entry["low"] <= entry["model"] <= entry["high"] for entry in bounded)


def rows_of(folds, pictures=24, infants=6, seed=0):
    """Return the answers of `folds` networks to the same pictures."""
    random = np.random.default_rng(seed)
    found = []
    for fold in range(folds):
        for number in range(pictures):
            logit = float((number % 2 - 0.5) * 2 + random.normal() + 3 * fold)
            score = 1 / (1 + math.exp(-logit))
            found.append(
                PredictionRow(
                    *(fold, f"{number}.png", f"{number:064d}", f"s{number % infants // 1}", number % 2),
                    *("pain" if number % 2 else "rest", "main", logit, score, 0.0),
                )
            )
    return PredictionTable(found)


def test_copies_of_an_answer_are_not_pooled():
    table = rows_of(3)
    results = evaluate(table, [], count=40)

    assert sum(results["confusion"].values()) == results["pictures"] == 24
    assert results["answers"] == 72
    assert table.is_counted.sum() == 24
    assert len(set(table.fold[table.is_counted].tolist())) == 3
    one = rows_of(1)
    assert evaluate(one, [], count=40)["confusion"] == {
        "tp": int(((one.logits >= 0) & (one.labels == 1)).sum()),
        "fp": int(((one.logits >= 0) & (one.labels == 0)).sum()),
        "fn": int(((one.logits < 0) & (one.labels == 1)).sum()),
        "tn": int(((one.logits < 0) & (one.labels == 0)).sum()),
    }


def test_the_area_within_folds_compares_no_answers_of_different_networks():
    table = rows_of(3)
    right = pairs = 0.0
    for fold in range(3):
        pain = table.logits[(table.fold == fold) & (table.labels == 1)]
        calm = table.logits[(table.fold == fold) & (table.labels == 0)]
        right += (pain[:, None] > calm[None, :]).sum()
        pairs += len(pain) * len(calm)

    results = evaluate(table, [], count=40)

    assert results["auc_within_folds"]["value"] == pytest.approx(right / pairs)
    assert results["pooled"]["auc"]["value"] < right / pairs


def test_nadeau_and_bengio_take_the_pictures_that_were_learnt_from():
    def summary(accuracies, learnt):
        folds = [{"fold": n, "pictures": 20, "figures": {"accuracy": value}} for n, value in enumerate(accuracies)]
        training = [{"fold": n, "learnt_pictures": learnt} for n in range(3)]
        metrics = {"folds": folds, "training": training}
        return RunSummary("r", "ncnn", "N", "strict", "cope", "", "a", "f", metrics, PredictionTable([]))

    first, second = summary([0.8, 0.7, 0.9], 30), summary([0.85, 0.8, 0.9], 30)
    difference = np.array([0.05, 0.1, 0.0])

    t, p = corrected_t(first, second)

    assert t == pytest.approx(difference.mean() / math.sqrt((1 / 3 + 20 / 30) * difference.var(ddof=1)))
    assert p == pytest.approx(1 - t / math.sqrt(2 + t * t))  # Student's t with 2 degrees of freedom, both tails


def test_folds_that_gain_alike_but_for_rounding_have_no_t():
    def summary(accuracies):
        folds = [{"fold": n, "pictures": 20, "figures": {"accuracy": value}} for n, value in enumerate(accuracies)]
        return RunSummary("r", "ncnn", "N", "strict", "cope", "", "a", "f", {"folds": folds}, PredictionTable([]))

    assert np.isnan(corrected_t(summary([0.8, 0.7, 0.5]), summary([0.9, 0.8, 0.6]))).all()
