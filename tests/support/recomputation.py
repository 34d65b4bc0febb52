"""A run's statistics from its answers with numpy alone, each written out from its definition, without the trainer."""

import csv
import hashlib
import json
import math
from functools import cache

import numpy as np

RESAMPLES = 2_000
SCALES = {"loss": "positive", "calibration slope": "real", "calibration intercept": "real"}
SCALES |= {"calibration in the large": "real"}


class Answers:
    """Some answers: labels, logits, subjects and folds, each of shape (n,)."""

    def __init__(self, rows):
        self.label = np.array([int(row["label"]) for row in rows])
        self.logit = np.array([float(row["logit"]) for row in rows])
        self.subject = np.array([row["subject"] for row in rows])
        self.fold = np.array([int(row["fold"]) for row in rows])
        self.sha256 = [row["sha256"] for row in rows]
        self.rows = rows

    def at(self, where):
        """Return some of them, by index."""
        return Answers([self.rows[index] for index in where])


class Run:
    """A run's folder."""

    def __init__(self, folder):
        self.name = folder.name
        self.record = json.loads((folder / "run.json").read_text())
        self.metrics = json.loads((folder / "metrics.json").read_text())
        self.model, self.title = self.record["config"]["model"], self.record["title"]
        self.protocol = self.record["config"]["protocol"]["name"]
        self.data = "+".join(self.record["data_sets"])
        every = read(folder / "predictions.csv")
        self.all = Answers([row for row in every if row["role"] == "main"])
        self.once = Answers(once_each(self.all.rows))
        inner = folder / "inner.csv"
        self.inner = Answers(read(inner)) if inner.exists() else None

    @property
    def folds(self):
        """Numbers of the folds."""
        return sorted(set(self.all.fold.tolist()))

    def of_fold(self, fold):
        """Return the answers of one fold."""
        return self.all.at(np.flatnonzero(self.all.fold == fold))

    @property
    def one_half(self):
        """Whether all folds tested the same pictures."""
        return len({frozenset(self.of_fold(fold).sha256) for fold in self.folds}) == 1 and len(self.folds) > 1

    @property
    def protocol_text(self):
        """The protocol as tables name it."""
        if self.protocol == "strict":
            return "strict"
        return f"dissertation, {'one test half' if self.one_half else 'halves redrawn'}"


def read(path):
    """Return a table's rows."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def once_each(rows):
    """Return one answer of each picture; which fold's depends on the picture's digest."""
    by_picture = {}
    for row in rows:
        by_picture.setdefault(row["sha256"], []).append(row)
    chosen = []
    for sha256, found in by_picture.items():
        turn = int(hashlib.sha256(sha256.encode()).hexdigest()[:8], 16) % len(found)
        chosen.append(sorted(found, key=lambda row: int(row["fold"]))[turn])
    positions = {id(row): position for position, row in enumerate(rows)}
    return sorted(chosen, key=lambda row: positions[id(row)])


def chance(logit):
    """Return probabilities from log-odds."""
    return 1.0 / (1.0 + np.exp(-np.asarray(logit, float)))


def accuracy(label, logit):
    return float(np.mean((chance(logit) >= 0.5) == (label == 1))) if len(label) else math.nan


def auc(label, logit):
    """Share of (pain, no pain) pairs in the right order, ties counted half, pair by pair."""
    pain, calm = logit[label == 1], logit[label == 0]
    if not len(pain) or not len(calm):
        return math.nan
    return float(((pain[:, None] > calm).sum() + 0.5 * (pain[:, None] == calm).sum()) / (len(pain) * len(calm)))


def ratio(part, whole):
    return part / whole if whole else math.nan


def counts(label, logit):
    """Return tp, fn, fp, tn."""
    says = chance(logit) >= 0.5
    return [int(((label == truth) & (says == said)).sum()) for truth, said in ((1, 1), (1, 0), (0, 1), (0, 0))]


def loss(label, logit):
    """Mean cross-entropy in nats, ln(1 + exp(-z)) of the answer that was right."""
    return float(np.mean(np.logaddexp(0.0, np.where(label == 1, -logit, logit)))) if len(label) else math.nan


def brier(label, logit):
    return float(np.mean((chance(logit) - label) ** 2)) if len(label) else math.nan


def calibration_gap(label, logit):
    """Debiased expected calibration error before it is cut off at 0: E|g + sZ| - g is taken off each bin's gap g."""
    p = chance(logit)
    total = 0.0
    for rows in equal_bins(p, min(10, max(1, len(p) // 10))):
        gap = abs(label[rows].mean() - p[rows].mean())
        s = max(math.sqrt((p[rows] * (1 - p[rows])).sum()) / len(rows), 1e-12)
        folded = s * math.sqrt(2 / math.pi) * math.exp(-gap * gap / (2 * s * s)) + gap * math.erf(
            gap / s / math.sqrt(2)
        )
        total += len(rows) / len(p) * (gap - (folded - gap))
    return total


def calibration_error_ends(answers):
    """The ends of its interval, from leaving out every infant once; none below 5 infants."""
    label, logit, subject = answers.label, answers.logit, answers.subject
    names = sorted(set(subject.tolist()))
    gap = calibration_gap(label, logit)
    if len(names) < 5:
        return None
    without = [calibration_gap(label[subject != name], logit[subject != name]) for name in names]
    mean = sum(without) / len(names)
    error = math.sqrt((len(names) - 1) / len(names) * sum((value - mean) ** 2 for value in without))
    reach = t_quantile(len(names) - 1) * error
    ends = (max(0.0, gap - reach), min(1.0, max(0.0, gap + reach)))
    return ends if error > 1e-12 else None


def equal_bins(values, number):
    """Rows of bins of about equal size; a bin goes on until the value changes, and what it took the next ones lack."""
    order = sorted(range(len(values)), key=lambda row: values[row])
    size, more = divmod(len(order), number)
    bins, start, end = [], 0, 0
    for index in range(number):
        end += size + (index < more)
        stop = max(end, start)
        while start < stop < len(order) and values[order[stop]] == values[order[stop - 1]]:
            stop += 1
        if stop > start:
            bins.append(np.array(order[start:stop]))
            start = stop
    return bins


def line(label, logit):
    """Return slope and intercept of the logistic regression of the labels on the logits, with a penalty of 1e-4."""
    if len(set(label.tolist())) < 2 or np.ptp(logit) < 1e-9:
        return math.nan, math.nan
    design, theta = np.stack([logit, np.ones(len(logit))], axis=1), np.zeros(2)
    penalty = np.diag([1e-4, 0.0])
    for _ in range(60):
        p = chance(design @ theta)
        weight = np.maximum(p * (1 - p), 1e-12)
        hessian = design.T @ (weight[:, None] * design) + penalty
        if np.linalg.det(hessian) <= 0:
            break
        step = np.linalg.solve(hessian, design.T @ (label - p) - penalty @ theta)
        theta = theta + step * min(1.0, 4.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-8:
            break
    return float(np.clip(theta[0], -50, 50)), float(theta[1])


def in_the_large(label, logit):
    """Return the shift of all logits with which pain lacks as much to certainty as is too much elsewhere."""
    if len(set(label.tolist())) < 2:
        return math.nan

    def log_sum(of):  # ln of a sum of 1 / (1 + exp(of)), exact where the terms are tiny
        terms = -np.logaddexp(0.0, of)
        return terms.max() + math.log(np.exp(terms - terms.max()).sum())

    low, high = -60.0, 60.0
    for _ in range(36):
        middle = (low + high) / 2
        too_low = log_sum(logit[label == 1] + middle) > log_sum(-logit[label == 0] - middle)
        low, high = (middle, high) if too_low else (low, middle)
    return (low + high) / 2


def every_metric(label, logit):
    """Return the metrics in the order of the table."""
    tp, fn, fp, tn = counts(label, logit)
    slope, intercept = line(label, logit)
    return {
        "accuracy": (tp + tn) / len(label),
        "auc": auc(label, logit),
        "f1": ratio(2 * tp, 2 * tp + fp + fn),
        "sensitivity": ratio(tp, tp + fn),
        "specificity": ratio(tn, tn + fp),
        "loss": loss(label, logit),
        "ece": max(0.0, calibration_gap(label, logit)),
        "brier": brier(label, logit),
        "calibration slope": slope,
        "calibration intercept": intercept,
        "calibration in the large": in_the_large(label, logit),
    }


def upper_tail(t, freedom):
    """Return the share of Student's t above a value of 0 or more, by Simpson's rule."""
    x = np.linspace(0.0, t, 4_001)
    constant = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - 0.5 * math.log(freedom * math.pi)
    density = np.exp(constant - (freedom + 1) / 2 * np.log1p(x * x / freedom))
    weights = np.ones(len(x))
    weights[1:-1:2], weights[2:-1:2] = 4.0, 2.0
    return 0.5 - float((weights * density).sum()) * (x[1] - x[0]) / 3.0


@cache
def t_quantile(freedom):
    """Return the value that a fortieth is above, by bisection; a million degrees of freedom are the normal's."""
    low, high = 0.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if upper_tail(middle, freedom) > 0.025 else (low, middle)
    return (low + high) / 2


def resampled(subject):
    """Yield the rows of each resample of whole subjects, with the seed that the trainer documents."""
    random, names = np.random.default_rng(0), sorted(set(subject.tolist()))
    rows = {name: np.flatnonzero(subject == name) for name in names}
    for _ in range(RESAMPLES):
        yield np.concatenate([rows[names[pick]] for pick in random.integers(0, len(names), len(names))])


def ends(value, error, infants, scale="share"):
    """Return the ends of Student's t interval on the metric's scale; None where there is none."""
    if infants < 5 or not math.isfinite(value):
        return None
    if scale == "share" and value in (0.0, 1.0):
        lone = 0.025 ** (1 / infants)  # Clopper and Pearson at 0 or at all of the infants
        return (0.0, 1.0 - lone) if value == 0.0 else (lone, 1.0)
    if scale == "positive" and value <= 0.0:
        return None
    reach = t_quantile(infants - 1) * error
    if scale == "share":
        middle, width = math.log(value / (1 - value)), reach / value / (1 - value)
        return float(chance(middle - width)), float(chance(middle + width))
    if scale == "positive":
        return value * math.exp(-reach / value), value * math.exp(reach / value)
    return value - reach, value + reach


def spread(values, infants, scale="share"):
    """Return the standard error from the resamples; None if most of them do not define the metric."""
    known = np.array([value for value in values if math.isfinite(value)])
    if len(known) < len(values) / 2:
        return None
    if scale == "real":
        one_sigma = 0.5 * (1 + math.erf(1 / math.sqrt(2)))
        error = np.diff(np.quantile(known, [1 - one_sigma, one_sigma]))[0] / 2
    else:
        error = known.std(ddof=1)
    return float(error) * math.sqrt(infants / max(1, infants - 1))


def shown(value, both, scale=1.0, digits=3):
    """Return a value and its interval as a cell."""
    if not math.isfinite(value):
        return "-"
    text = f"{scale * value:.{digits}f}"
    return text if both is None else f"{text} [{scale * both[0]:.{digits}f}, {scale * both[1]:.{digits}f}]"


def with_error(value, error, infants, scale="share"):
    return None if error is None else ends(value, error, infants, scale)


def mean_and_sd(values):
    """Return the mean and the standard deviation over folds as a cell, in percent."""
    values = 100 * np.array(values)
    return f"{values.mean():.1f} ± {math.sqrt(((values - values.mean()) ** 2).sum() / (len(values) - 1)):.1f}"


def infants_of(answers):
    return len(set(answers.subject.tolist()))


def share_over_infants(hit, subject):
    """Return a share with its interval: the ratio estimator's error over infants, no less than without clusters."""
    names = sorted(set(subject.tolist()))
    if not names:
        return "-"
    n = np.array([(subject == name).sum() for name in names], float)
    k = np.array([hit[subject == name].sum() for name in names], float)
    share, m = k.sum() / n.sum(), len(names)
    linear = math.sqrt(m / (m - 1) * ((k - share * n) ** 2).sum()) / n.sum() if m > 1 else 0.0
    alone = math.sqrt(share * (1 - share) / n.sum())
    return share, ends(share, max(linear, alone), m)


def difference(value, drawn, infants):
    """Ends of a difference: percentiles, moved away from the value as Student's t and few infants ask; None if none."""
    known = np.array([number for number in drawn if math.isfinite(number)])
    if infants < 5 or len(known) < len(drawn) / 2 or known.max() - known.min() < 1e-12:
        return None
    wider = t_quantile(infants - 1) / t_quantile(1_000_000) * math.sqrt(infants / (infants - 1))
    low, high = np.quantile(known, [0.025, 0.975])
    return value + wider * min(0.0, low - value), value + wider * max(0.0, high - value)


def signed(value, both, scale, digits):
    """Return a difference and its interval as a cell."""
    if not math.isfinite(value):
        return "-"
    text = f"{scale * value:+.{digits}f}"
    return text if both is None else f"{text} [{scale * both[0]:+.{digits}f}, {scale * both[1]:+.{digits}f}]"
