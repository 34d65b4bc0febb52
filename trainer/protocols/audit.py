"""Whether what is tested was seen before: by subject, by file, and by near-duplicate. Measured, not assumed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.crops import Study
from trainer.data import NEAR_BITS, near_duplicates
from trainer.data.subjects import name_key
from trainer.protocols.folds import Fold, FoldMap

__all__ = ["UNKNOWN_INFANTS", "Overlap", "audit", "audit_lines", "seen_in_training"]

UNKNOWN_INFANTS = (
    "not known: not every picture says whose face it shows, so each counts as an infant of its own, and an infant with "
    "several pictures is on both sides unnoticed"
)
"""The verdict on a manifest without subjects."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """What two sides of one fold share.

    Attributes:
        fold: From 0.
        sides: Which two: ("development", "test") or ("training", "validation").
        pictures: Number of pictures on the second side.
        subjects: Subjects on both sides, sorted.
        subject_pictures: Pictures of the second side whose subject is on the first, too.
        files: Pictures of the second side whose very file (by SHA-256) is on the first.
        near_duplicates: Pairs (first side, second side) of pictures that look alike, as paths.
        namesakes: Pairs (first side, second side) of subjects whose names differ only in the data set or in spelling.
    """

    fold: int
    sides: tuple[str, str]
    pictures: int
    subjects: tuple[str, ...]
    subject_pictures: int
    files: int
    near_duplicates: tuple[tuple[str, str], ...]
    namesakes: tuple[tuple[str, str], ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether nothing is shared."""
        return not (self.subjects or self.files or self.near_duplicates or self.namesakes)

    @property
    def subject_share(self) -> float:
        """Share of the second side's pictures whose infant was seen on the first."""
        return self.subject_pictures / self.pictures if self.pictures else 0.0


def audit(study: Study, folds: FoldMap) -> list[Overlap]:
    """Return, for every fold, what development and test share, and what training and validation share."""
    pairs = np.array(near_duplicates([record.perceptual_hash for record in study.records], NEAR_BITS)).reshape(-1, 2)
    found = []
    for fold in folds.folds:
        found.append(_overlap(study, fold, ("development", "test"), fold.development, _tested(fold), pairs))
        for train, validation in fold.splits:
            sides = ("training", "validation")
            found.append(_overlap(study, fold, sides, np.unique(train.rows), np.unique(validation.rows), pairs))
    return found


def _tested(fold: Fold) -> NDArray[np.int64]:
    return np.unique(np.concatenate([fold.test, fold.stress]))


def _overlap(
    study: Study,
    fold: Fold,
    sides: tuple[str, str],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    pairs: NDArray[np.int64],
) -> Overlap:
    subjects, hashes = study.subjects, np.array([record.sha256 for record in study.records])
    shared = np.intersect1d(subjects[first], subjects[second])
    across = [
        (a, b) if a in first_set else (b, a)
        for first_set, second_set in [(set(first.tolist()), set(second.tolist()))]
        for a, b in pairs.tolist()
        if (a in first_set and b in second_set) or (b in first_set and a in second_set)
    ]
    return Overlap(
        fold=fold.index,
        sides=sides,
        pictures=len(second),
        subjects=tuple(str(subject) for subject in shared),
        subject_pictures=int(np.isin(subjects[second], shared).sum()),
        files=int(np.isin(hashes[second], hashes[first]).sum()),
        near_duplicates=tuple((study.records[a].image, study.records[b].image) for a, b in across),
        namesakes=_namesakes(subjects[first].tolist(), subjects[second].tolist()),
    )


def _namesakes(first: list[str], second: list[str]) -> tuple[tuple[str, str], ...]:
    """Return the pairs of different subjects of two sides that have one name, up to data set and spelling."""
    named: dict[str, list[str]] = {}
    for subject in sorted(set(first)):
        named.setdefault(name_key(subject), []).append(subject)
    return tuple(
        (own, other) for other in sorted(set(second)) for own in named.get(name_key(other), []) if own != other
    )


def audit_lines(overlaps: Iterable[Overlap]) -> list[str]:
    """Return the audit for people, one sentence for each pair of sides."""
    sentences = []
    for overlap in overlaps:
        first, second = overlap.sides
        where = f"fold {overlap.fold + 1}, {first} against {second}"
        if overlap.is_clean:
            sentences.append(
                f"{where}: no subject, file or near-duplicate is on both sides ({overlap.pictures} pictures)."
            )
            continue
        sentences.append(
            f"{where}: {len(overlap.subjects)} subjects are on both sides ({overlap.subject_share:.0%} of {second}'s "
            f"{overlap.pictures} pictures), {overlap.files} files, {len(overlap.near_duplicates)} pairs look alike"
            + (f", {len(overlap.namesakes)} pairs of infants have one name." if overlap.namesakes else ".")
        )
    return sentences


def seen_in_training(overlaps: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what a run tested and had seen in training, in words: infants, files, near-duplicates, namesakes.

    Args:
        overlaps: As a run's metrics hold them: the fields of `Overlap`, for all folds and sides.

    Returns:
        A part of a sentence for each of the four that is not 0, with the largest number of any fold; none where
        nothing that was tested had been seen.
    """
    tested = [overlap for overlap in overlaps if overlap["sides"][0] == "development"]
    infants = max((len(overlap["subjects"]) for overlap in tested), default=0)
    share = max((overlap["subject_pictures"] / max(1, overlap["pictures"]) for overlap in tested), default=0.0)
    files = max((overlap["files"] for overlap in tested), default=0)
    pairs = max((len(overlap["near_duplicates"]) for overlap in tested), default=0)
    parts = []
    if infants:
        parts.append(
            f"up to {infants} tested infant{'s' if infants > 1 else ''} seen in training, to whom {100 * share:.0f} % "
            "of the tested pictures belong"
        )
    if files:
        parts.append(f"up to {files} tested file{'s' if files > 1 else ''} seen in training")
    if pairs:
        parts.append(
            f"up to {pairs} pair{'s' if pairs > 1 else ''} of a tested picture and one seen in training that look alike"
        )
    if named := max((len(overlap.get("namesakes", ())) for overlap in tested), default=0):
        parts.append(
            f"up to {named} tested infant{'s' if named > 1 else ''} with the name of one seen in training, up to data "
            "set and spelling"
        )
    return parts
