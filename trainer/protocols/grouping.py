"""Groups that no fold may divide: the pictures of one infant, and infants whose pictures or names are alike."""

import numpy as np
from numpy.typing import NDArray

from trainer.crops import Study
from trainer.data import near_duplicates
from trainer.data.subjects import name_key

__all__ = ["groups_of"]


def groups_of(study: Study, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a group number for each row.

    Pictures of two subjects that are near-duplicates may show one infant under two numbers, so the two subjects are
    grouped together; so are subjects of one name in two data sets, and of names that differ only in spelling.
    All pictures with a face count for that, those that are only tested as possible confusers, too:
    they follow their infant into a test.

    Args:
        study: All pictures.
        rows: Shape (k,): of pictures with a face.

    Returns:
        Shape (k,): equal for rows that must stay together, numbered from 0 in order of appearance.
    """
    linking = np.flatnonzero(study.has_face)
    subjects = study.subjects.tolist()
    parent = {subject: subject for subject in subjects}

    def root(subject: str) -> str:
        while parent[subject] != subject:
            subject = parent[subject]
        return subject

    named: dict[str, str] = {}
    for subject in parent:
        parent[root(subject)] = root(named.setdefault(name_key(subject), subject))
    for first, second in near_duplicates([study.records[row].perceptual_hash for row in linking]):
        parent[root(subjects[linking[second]])] = root(subjects[linking[first]])
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(root(subjects[row]), len(numbers)) for row in rows], np.int64)
