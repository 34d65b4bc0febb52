"""The tables of `nicu-trainer compare`, computed again from the runs' answers.

`python tests/support/recomputed_tables.py TABLES RUN...` compares every cell with the files in the folder TABLES.
Accuracy on training pictures (and on the validation pictures of the dissertation's protocol) is taken as it stands in
metrics.json, for a run stores no answers to them.
"""

import math
import sys
from pathlib import Path

import numpy as np
from recomputation import (
    SCALES,
    Answers,
    Run,
    accuracy,
    auc,
    brier,
    calibration_error_ends,
    chance,
    counts,
    difference,
    ends,
    every_metric,
    infants_of,
    loss,
    mean_and_sd,
    read,
    resampled,
    share_over_infants,
    shown,
    signed,
    spread,
    upper_tail,
    with_error,
)

PUBLISHED = {
    ("ncnn", "cope"): ("100.0 ± 0.0", "99.6 ± 0.2", "87.2 ± 3.6"),
    ("ncnn", "unifesp"): ("100.0 ± 0.0", "99.5 ± 0.3", "78.7 ± 1.7"),
    ("resnet50-zamzmi", "cope"): ("100.0 ± 0.0", "99.3 ± 0.2", "82.9 ± 4.7"),
    ("resnet50-zamzmi", "unifesp"): ("100.0 ± 0.0", "99.4 ± 0.2", "76.0 ± 0.7"),
    ("resnet50-proposed", "cope"): ("100.0 ± 0.0", "99.5 ± 0.2", "83.8 ± 4.1"),
    ("resnet50-proposed", "unifesp"): ("100.0 ± 0.0", "99.2 ± 0.0", "74.7 ± 1.7"),
}
SHOWN_BENEFITS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7)


def table_one(runs):
    """Cells of Table 1 by (block, title, protocol, column)."""
    cells = {}
    for run in runs:
        training = [fold["training_accuracy"] for fold in run.metrics["training"]]
        validation = [fold["validation_accuracy"] for fold in run.metrics["training"]]
        if run.inner is not None:  # strict: the answers of the inner infants are there
            own = [run.inner.at(np.flatnonzero(run.inner.fold == fold)) for fold in run.folds]
            validation = [accuracy(part.label, part.logit) for part in own]
        tested = [accuracy(part.label, part.logit) for part in map(run.of_fold, run.folds)]
        once = run.once
        error = spread([accuracy(once.label[r], once.logit[r]) for r in resampled(once.subject)], infants_of(once))
        value = accuracy(once.label, once.logit)
        pooled = shown(value, with_error(value, error, infants_of(once)), 100, 1)
        column, published = run.data.upper(), PUBLISHED.get((run.model, run.data), ("-",) * 3)
        measured = [mean_and_sd(training), mean_and_sd(validation), mean_and_sd(tested), pooled]
        for block, cell, other in zip(
            ("Training", "Validation", "Test", "Test, pooled"), measured, (*published, "-"), strict=True
        ):
            cells[block, run.title, run.protocol_text, column] = cell
            cells[block, run.title, run.protocol_text, f"{column} published"] = other
    return cells


def metrics(runs):
    """Cells of the table of metrics by (run, column)."""
    cells = {}
    for run in runs:
        once, infants = run.once, infants_of(run.once)
        behind = infants_by_metric(once)
        values = every_metric(once.label, once.logit)
        drawn = {name: [] for name in values}
        for rows in resampled(once.subject):
            for name, value in every_metric(once.label[rows], once.logit[rows]).items():
                drawn[name].append(value)
        for name, value in values.items():
            scale, number = SCALES.get(name, "share"), behind.get(name, infants)
            both = with_error(value, spread(drawn[name], number, scale), number, scale)
            both = calibration_error_ends(once) if name == "ece" else both
            cells[run.name, name] = shown(value, both)
        own, number = within_folds(run.all), infants_by_metric(run.all)["auc"]
        error = spread([within_folds_at(run.all, rows) for rows in resampled(run.all.subject)], number)
        cells[run.name, "AUC within folds"] = shown(own, with_error(own, error, number))
        cells |= {(run.name, "Pictures"): str(len(once.label)), (run.name, "Subjects"): str(infants)}
    return cells


def infants_by_metric(answers):
    """How many infants have a picture that a metric's denominator counts."""
    infants = {"pain": set(), "calm": set(), "called": set(), "pain or called": set()}
    for label, logit, subject in zip(answers.label, answers.logit, answers.subject.tolist(), strict=True):
        infants["pain" if label == 1 else "calm"].add(subject)
        if logit >= 0:
            infants["called"].add(subject)
        if label == 1 or logit >= 0:
            infants["pain or called"].add(subject)
    sizes = {name: len(found) for name, found in infants.items()}
    return {
        "sensitivity": sizes["pain"],
        "specificity": sizes["calm"],
        "precision": sizes["called"],
        "f1": sizes["pain or called"],
        "auc": min(sizes["pain"], sizes["calm"]),
    }


def fewer_infants(*parts):
    """How many infants have pictures of the class that fewer have."""
    by_label = [{name for part in parts for name in part.subject[part.label == label].tolist()} for label in (0, 1)]
    return min(map(len, by_label))


def within_folds(answers):
    return within_folds_at(answers, np.arange(len(answers.label)))


def within_folds_at(answers, rows):
    """Share of pairs within a fold that are in the right order."""
    right = pairs = 0.0
    for fold in set(answers.fold[rows].tolist()):
        own = rows[answers.fold[rows] == fold]
        number = int((answers.label[own] == 1).sum() * (answers.label[own] == 0).sum())
        if number:
            right, pairs = right + number * auc(answers.label[own], answers.logit[own]), pairs + number
    return right / pairs if pairs else math.nan


def folds(runs):
    """Cells of the table of folds by (run, fold, column)."""
    cells = {}
    for run in runs:
        for fold, trained in zip(run.folds, run.metrics["training"], strict=True):
            part = run.of_fold(fold)
            own = {
                "test loss": f"{loss(part.label, part.logit):.3f}",
                "test accuracy": f"{100 * accuracy(part.label, part.logit):.1f} %",
                "training accuracy": f"{100 * trained['training_accuracy']:.1f} %",
            }
            own |= {
                name: str(n) for name, n in zip(("TP", "FN", "FP", "TN"), counts(part.label, part.logit), strict=True)
            }
            cells |= {(run.name, str(fold + 1), column): text for column, text in own.items()}
    return cells


def gaps(runs):
    """Cells of the table of both protocols by (title, data, column)."""
    cells = {}
    for leaky in (run for run in runs if run.protocol == "dissertation"):
        for honest in (run for run in runs if run.protocol == "strict"):
            if (leaky.model, leaky.data) != (honest.model, honest.data):
                continue
            both = np.concatenate([honest.once.subject, leaky.once.subject])
            own, infants = len(honest.once.label), len(set(both.tolist()))
            for column, metric, scale, digits in (("Gap (points)", accuracy, 100, 1), ("AUC gap", auc, 1, 3)):

                def of(first, second, metric=metric, leaky=leaky.once, honest=honest.once):
                    leaked = metric(leaky.label[second], leaky.logit[second])
                    return leaked - metric(honest.label[first], honest.logit[first])

                value = of(np.arange(own), np.arange(len(leaky.once.label)))
                drawn = [of(rows[rows < own], rows[rows >= own] - own) for rows in resampled(both)]
                if metric is auc:
                    infants = fewer_infants(honest.once, leaky.once)
                cells[leaky.title, leaky.data, column] = signed(value, difference(value, drawn, infants), scale, digits)
    return cells


def paired(runs, reference):
    """Cells of the table of paired differences by (title, data, protocol, column)."""
    cells = {}
    for base in (run for run in runs if run.model == reference):
        for run in runs:
            if run is base or (run.data, run.protocol) != (base.data, base.protocol):
                continue
            ours = {(row["fold"], row["sha256"]): row for row in base.once.rows}
            theirs = {(row["fold"], row["sha256"]): row for row in run.once.rows}
            keys = sorted(ours, key=lambda key: f"{key[0]}/{key[1]}")
            first, second = Answers([ours[key] for key in keys]), Answers([theirs[key] for key in keys])
            start = (run.title, run.data, run.protocol_text)
            for column, metric, scale, digits in (
                ("Accuracy difference (points)", accuracy, 100, 1),
                ("AUC difference", auc, 1, 3),
                ("Brier score difference", brier, 1, 3),
            ):

                def of(rows, metric=metric, first=first, second=second):
                    return metric(first.label[rows], second.logit[rows]) - metric(first.label[rows], first.logit[rows])

                value = of(np.arange(len(keys)))
                drawn = [of(rows) for rows in resampled(first.subject)]
                infants = fewer_infants(first) if metric is auc else infants_of(first)
                cells[*start, column] = signed(value, difference(value, drawn, infants), scale, digits)
            cells |= {(*start, column): text for column, text in zip("tp", nadeau_bengio(base, run), strict=True)}
    return cells


def nadeau_bengio(first, second):
    """Return t and p of the folds' differences of accuracy."""
    if first.one_half:
        return "-", "-"
    parts = [(first.of_fold(fold), second.of_fold(fold)) for fold in first.folds]
    d = np.array([accuracy(b.label, b.logit) - accuracy(a.label, a.logit) for a, b in parts])
    learnt = {fold["fold"]: fold["learnt_pictures"] for fold in first.metrics["training"]}
    share = np.mean([len(a.label) / learnt[fold] for fold, (a, _) in zip(first.folds, parts, strict=True)])
    variance = ((d - d.mean()) ** 2).sum() / (len(d) - 1)
    if variance < 1e-24:
        return "-", "-"
    t = d.mean() / math.sqrt((1 / len(d) + share) * variance)
    return f"{t:.2f}", f"{2 * upper_tail(abs(t), len(d) - 1):.3f}"


def operating(runs):
    """Cells of the table of operating points by (title, data, wanted, column)."""
    cells = {}
    for run in (run for run in runs if run.inner is not None):
        for wanted in ("sensitivity at least 0.9", "false-alarm rate at most 0.1"):
            is_called = np.zeros(len(run.once.label), bool)
            for fold in run.folds:
                part = run.inner.at(np.flatnonzero(run.inner.fold == fold))
                own = run.once.fold == fold
                is_called[own] = run.once.logit[own] >= threshold(part, wanted)
            for column, label in (("Sensitivity", 1), ("Specificity", 0)):
                rows = run.once.label == label
                hit = is_called[rows] if label else ~is_called[rows]
                value, both = share_over_infants(hit, run.once.subject[rows])
                cells[run.title, run.data, wanted, column] = shown(value, both, 100, 1)
    return cells


def threshold(inner, wanted):
    """Return the logit that just meets what is wanted on inner infants, tried one after the other."""
    if wanted.startswith("sensitivity"):
        pain = inner.logit[inner.label == 1]
        return max(limit for limit in pain if (pain >= limit).mean() >= 0.9 - 1e-12)
    calm = inner.logit[inner.label == 0]
    above = sorted({-math.inf, *(math.nextafter(value, math.inf) for value in calm)})
    return min(limit for limit in above if (calm >= limit).mean() <= 0.1 + 1e-12)


def benefits(runs):
    """Cells of the table of net benefit by (title, protocol, data, column)."""
    cells = {}
    for run in runs:
        once, infants = run.once, infants_of(run.once)
        for limit in SHOWN_BENEFITS:

            def of(rows, limit=limit, once=once):
                acted = chance(once.logit[rows]) >= limit
                true, false = (acted & (once.label[rows] == 1)).mean(), (acted & (once.label[rows] == 0)).mean()
                return float(true - false * limit / (1 - limit))

            value = of(np.arange(len(once.label)))
            error = spread([of(rows) for rows in resampled(once.subject)], infants)
            both = ends(value, error, infants, "real") if error > 1e-12 else None
            cells[run.title, run.protocol, run.data, f"at {limit:g}"] = shown(value, both)
    return cells


KEYS = {
    "table-1": ("Block", "Model", "Protocol"),
    "metrics": ("Run",),
    "folds": ("Run", "fold"),
    "dissertation-against-strict": ("Model", "Data"),
    "paired-differences": ("Model", "Data", "Protocol"),
    "operating-points": ("Model", "Data", "Wanted on inner infants"),
    "net-benefit": ("Model", "Protocol", "Data"),
}


def is_same(printed, computed):
    """Return whether two cells agree, the last digit of a number within one: it may have been rounded at a half."""
    ours, theirs = (cell.replace("[", " ").replace("]", " ").replace(",", " ").split() for cell in (printed, computed))
    return len(ours) == len(theirs) and all(map(_is_same_word, ours, theirs))


def _is_same_word(one, other):
    if one == other:
        return True
    try:
        return abs(float(one) - float(other)) < 1.001 * 10.0 ** -len(one.partition(".")[2])
    except ValueError:
        return False


def differing_cells(folders, tables, reference="ncnn"):
    """Compute every cell again.

    Returns:
        How many cells of the files were compared, and a sentence for each that differs.
    """
    runs = [Run(Path(folder)) for folder in folders]
    computed = {
        "table-1": table_one(runs),
        "metrics": metrics(runs),
        "folds": folds(runs),
        "dissertation-against-strict": gaps(runs),
        "paired-differences": paired(runs, reference),
        "operating-points": operating(runs),
        "net-benefit": benefits(runs),
    }
    compared, differing = 0, []
    for name, cells in computed.items():
        printed = {tuple(row[key] for key in KEYS[name]): row for row in read(Path(tables) / f"{name}.csv")}
        for (*key, column), own in cells.items():
            found = printed[tuple(key)][column]
            compared += 1
            if not is_same(found, own):
                differing.append(f"{name}, {', '.join(key)}, {column}: printed {found}, computed {own}")
    return compared, differing


def main(tables, *folders):
    compared, differing = differing_cells(folders, tables)
    print(f"{compared} cells compared, {len(differing)} differ")
    print("\n".join(differing))
    return int(bool(differing))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
