"""What these metrics cannot show: known flaws of such comparisons, as far as they apply to these runs."""

from collections.abc import Iterator

from trainer.evaluation.intervals import LEAST_INFANTS
from trainer.evaluation.run_summary import BASELINES, RunSummary
from trainer.reporting.document import Listing, Section, Text
from trainer.reporting.gathering import Comparison
from trainer.reporting.sections.groups import CONFUSERS
from trainer.reporting.words import counted, percent, percent_range, with_interval

__all__ = ["limits_section"]


def limits_section(comparison: Comparison) -> Section:
    """Return the limits that apply to these runs, one point each."""
    intro = Text("Points that a strict reviewer would raise, checked against these very runs.")
    general = Text("Points that hold for such pictures and metrics in general; no program can check them here.")
    return Section("Limits", (intro, Listing(tuple(_points(comparison))), general, Listing(tuple(_always()))))


def _points(comparison: Comparison) -> Iterator[str]:
    yield from _unknown_infants(comparison)
    yield from _leaks(comparison)
    yield from _size(comparison)
    yield from _baselines(comparison)
    yield from _confusers(comparison)
    yield from _data(comparison)
    yield from _groups(comparison)
    yield from _prevalence(comparison)


def _unknown_infants(comparison: Comparison) -> Iterator[str]:
    for data in comparison.data:
        if not all(part.subjects_are_known for part in comparison.of(data)):
            yield (
                f"{data}: not every picture says whose face it shows, so each counts as an infant of its own. Where "
                "one infant has several, it is on both sides of divisions, metrics are too high and intervals too "
                "narrow: give the subjects (`nicu-trainer ingest`)."
            )


def _leaks(comparison: Comparison) -> Iterator[str]:
    leaky = [entry for entry in comparison.entries if entry.protocol == "dissertation"]
    if not leaky:
        trained = [part for part in comparison.reported if not part.run.is_external]
        if trained and all(part.subjects_are_known for part in trained):
            yield "Split by picture and copies made before the split: not here; every run that trained divides infants."
        return
    strict = {(entry.model, entry.data) for entry in comparison.entries if entry.protocol == "strict"}
    yield (
        f"{counted(len(leaky), 'run')} under the dissertation protocol: pictures are divided, not infants, so tested "
        "infants were learnt from; and copies of one picture are in training and validation, so validation metrics "
        "there mean nothing. These rows exist to be compared with the published ones."
    )
    alone = sorted({entry.title for entry in leaky if (entry.model, entry.data) not in strict})
    if alone:
        yield f"No strict run stands beside the dissertation run of {', '.join(alone)}: its leak is not measured."


def _size(comparison: Comparison) -> Iterator[str]:
    for data in comparison.data:
        entries = [part.entry for part in comparison.of(data)]
        infants = max(entry.metrics["subjects"] for entry in entries)
        widths = [width for entry in entries if (width := _width(entry)) is not None]
        spans = (
            f"The widest 95 % interval of an accuracy spans {100 * max(widths):.0f} points"
            if widths
            else "No accuracy has an interval, since infants are too few or all alike"
        )
        yield (
            f"{data}: {counted(infants, 'infant')}. {spans}; models whose paired difference holds 0 cannot be ranked."
        )


def _width(entry: RunSummary) -> float | None:
    interval = entry.metrics["pooled"]["accuracy"]
    return None if interval["low"] is None else float(interval["high"] - interval["low"])


def _baselines(comparison: Comparison) -> Iterator[str]:
    for data in comparison.data:
        entries = [part.entry for part in comparison.of(data) if part.entry.protocol == "strict"]
        simple = [entry for entry in entries if entry.model in BASELINES]
        others = [entry for entry in entries if entry.model not in BASELINES]
        if others and not simple:
            yield (
                f"{data}: no strict run of a baseline ({', '.join(BASELINES)}) stands beside the networks, so it is "
                "not shown that they do better than the width of the mouth or than grey levels."
            )
        elif others:
            best = max(simple, key=_accuracy)
            top = max(others, key=_accuracy)
            relation = "does better than" if _accuracy(top) > _accuracy(best) else "does no better than"
            yield (
                f"{data}: under the strict protocol the best network ({top.title}, accuracy "
                f"{with_interval(top.metrics['pooled']['accuracy'])}) {relation} the best trivial baseline "
                f"({best.title}, {with_interval(best.metrics['pooled']['accuracy'])}); whether the difference is more "
                "than chance is in the paired differences."
            )


def _accuracy(entry: RunSummary) -> float:
    return float(entry.metrics["pooled"]["accuracy"]["value"])


def _confusers(comparison: Comparison) -> Iterator[str]:
    for data in comparison.data:
        every = [part.entry for part in comparison.of(data)]
        entries = [entry for entry in every if entry.protocol == "strict"] or every
        shown = {found["stimulus"] for entry in entries for found in entry.metrics["per_stimulus"]}
        absent = [name for name in CONFUSERS if name not in shown]
        if absent:
            yield f"{data}: without pictures of {', '.join(absent)}, learning 'mouth open' looks like learning pain."
        present = [name for name in CONFUSERS if name in shown]
        if present:
            worst = max(
                (
                    (float(found["said_pain_share"]), str(found["stimulus"]), entry)
                    for entry in entries
                    for found in entry.metrics["per_stimulus"]
                    if found["stimulus"] in present and not found["labelled_pain"]
                ),
                key=lambda item: item[0],
                default=None,
            )
            if worst is not None:
                share, stimulus, entry = worst
                yield (
                    f"{data}: {entry.title} ({entry.protocol}) called {percent(share)} of the pictures of {stimulus} "
                    "pain, the worst case among the confusers."
                )


def _data(comparison: Comparison) -> Iterator[str]:
    if len(comparison.data) == 1 and not any(part.run.is_external for part in comparison.reported):
        yield (
            f"All metrics are of one data set ({next(iter(comparison.data))}); nothing was tested on pictures from "
            "elsewhere."
        )
    elif not any(part.run.is_external for part in comparison.reported):
        yield "No model was trained on one data set and tested on another: every metric is within its own data set."
    for data in comparison.data:
        lost = {part.metrics["without_face"]["pictures"] for part in comparison.of(data)} - {0}
        if lost:
            worst = min(
                value
                for part in comparison.of(data)
                if (value := part.metrics["accuracy_if_missing_is_wrong"]) is not None
            )
            yield (
                f"{data}: {counted(max(lost), 'picture')} without a found face got no answer and are in no other "
                f"figure; counted as wrong, the lowest accuracy of a run is {worst:.3f}."
            )
    synthetic = [name for name, facts in comparison.data.items() if facts.is_synthetic]
    if synthetic:
        yield f"{', '.join(synthetic)}: synthetic faces. The numbers show that the software works, nothing else."


def _groups(comparison: Comparison) -> Iterator[str]:
    known = {name for entry in comparison.entries for name in entry.metrics.get("per_group", {})}
    if missing := [name.replace("_", " ") for name in ("sex", "gestation", "skin_tone") if name not in known]:
        yield (
            f"No manifest says {', '.join(missing)} of several groups, so no metric by such a group could be computed; "
            "the infants' own results are the only information about fairness there."
        )
    for entry in comparison.entries:
        for name, groups in entry.metrics.get("per_group", {}).items():
            small = [group["group"] for group in groups if group["subjects"] < LEAST_INFANTS]
            if small and entry.protocol != "dissertation":
                yield (
                    f"{entry.title}, {entry.data}, {name.replace('_', ' ')}: {', '.join(small)} has fewer than "
                    f"{LEAST_INFANTS} infants; nothing follows for such a group."
                )


def _prevalence(comparison: Comparison) -> Iterator[str]:
    for data in comparison.data:
        shares = percent_range(part.entry.positive_share for part in comparison.of(data))
        yield (
            f"{data}: {shares} of the tested pictures show pain. Where pain is rarer, the share of alarms that are "
            "true is lower than the precision here."
        )


def _always() -> Iterator[str]:
    yield (
        "The label of a photograph is usually the stimulus (a heel lance, rest), not a coded face; only about two "
        "thirds of heel lances change the face (64 % of 172), which caps what any model can reach."
    )
    yield (
        "Accuracy, sensitivity, specificity and F1 are taken at probability 0.5. A threshold that fits these infants "
        "need not fit others; published thresholds by fold ranged from 0.37 to 0.73."
    )
    yield (
        "Still photographs are no video from a ward. Whether tape, tubes, hands, dim light and turned heads are as "
        "frequent in these pictures as at the bedside is for their owner to say; finding and reading a face is harder "
        "with them."
    )
