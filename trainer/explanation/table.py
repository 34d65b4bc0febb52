"""The scores as tables for people."""

from collections.abc import Sequence
from typing import Any

from trainer.evaluation.tables import Table

__all__ = ["intervention_tables", "probe_table", "score_tables"]

_HEAD = ("method", "answer", "pictures", "empty maps", "artefact score", "points at face")
_TAIL = ("deletion (low is good)", "insertion (high is good)")
_REGIONS = ("face", "nfcs", "brows", "eyes", "nose", "nasolabial", "mouth", "chin", "cue")


def score_tables(scores: dict[str, Any]) -> list[Table]:
    """Return the tables of what `score_maps` returned."""
    maps: Sequence[dict[str, Any]] = scores["maps"]
    known = [name for name in _REGIONS if any(name in entry["enrichment"] for entry in maps)]
    rows = [
        [
            entry["method"],
            entry["answer"],
            str(entry["pictures"]),
            str(entry["empty"]),
            _number(entry["artefact"]),
            _number(entry["pointing"].get("face")),
            *(_number(entry["enrichment"].get(name)) for name in known),
            _number(entry["deletion"]),
            _number(entry["insertion"]),
        ]
        for entry in maps
    ]
    head = [*_HEAD, *(f"{name} enrichment" for name in known), *_TAIL]
    checks: Sequence[dict[str, Any]] = scores["randomisation"]
    steps = [name for name in (checks[0] if checks else {}) if name not in {"method", "pictures"}]
    randomised = [
        [entry["method"], str(entry["pictures"]), *(_number(entry[step]) for step in steps)] for entry in checks
    ]
    return [
        Table(
            "Scores of the heat maps",
            head,
            rows,
            "Means over the pictures, each for the answer that was given. Enrichment 1 is chance; the artefact score "
            "is the share of the heat beside the face. Empty maps, of constant answers, have no scores; random maps "
            "are the control.",
        ),
        Table(
            "Agreement with randomised weights",
            ["method", "pictures", *steps],
            randomised,
            "Spearman's correlation with the map of the same network after its last layers got random weights. It "
            "should fall towards 0; a map that stays the same does not show what was learnt.",
        ),
    ]


def intervention_tables(results: dict[str, Any]) -> list[Table]:
    """Return the tables of what `intervene` returned."""
    swap = results["background_swap"]
    areas = [
        [f"AUC, {name}", _number(area["value"]), f"[{_number(area['low'])}, {_number(area['high'])}]"]
        for name, area in results["auc"].items()
    ]
    areas.append(["flip rate, background swapped", _number(swap["flip_rate"]), ""])
    areas.append(["mean change, background swapped", _number(swap["mean_change"]), ""])
    regions = [
        [name, _number(change["pain"]), _number(change["no-pain"])] for name, change in results["occlusion"].items()
    ]
    return [
        Table(
            "Interventions",
            ["quantity", "value", "95 % interval over infants"],
            areas,
            f"{swap['pictures']} backgrounds were swapped for one of the other label and of another infant. A network "
            "that looks at faces has a background AUC about 0.5 and hardly flips.",
        ),
        Table(
            "Change of the probability of pain when a region is blurred",
            ["region", "pictures of pain", "pictures of no pain"],
            regions,
        ),
    ]


def probe_table(results: dict[str, Any]) -> Table:
    """Return the table of what `probe_features` returned."""
    rows = []
    for name, word, items in (("infant", "infant", "pictures"), ("data_set", "data set", "infants")):
        found = results[name]
        if found is None:
            rows.append([word, "-", "-", "-", "-", "-", "-"])
            continue
        rows.append(
            [
                word,
                f"{found['items']} {items}",
                f"{found['classes']:.1f}",
                _number(found["accuracy"]),
                _number(found["chance"]),
                _number(found["p"]),
                _number(found["untrained"]["accuracy"]),
            ]
        )
    head = ["predicted", "of", "classes in a fold", "correct", "by chance", "p", "by an untrained network"]
    return Table(
        "Probes of the last features",
        head,
        rows,
        "A ridge regression on what the last layer sees, fold by fold, on pictures that it did not learn from. Chance: "
        "the same with infants shuffled among pictures of one label, or with data sets shuffled among infants; p: how "
        "often that did as well. Above chance, the network keeps what the label does not need; the untrained network "
        "shows how much the pictures themselves give away.",
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
