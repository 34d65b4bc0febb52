"""Which pictures are learnt from, which decide when to stop, and which are tested on."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.atomic_file import write_atomically
from trainer.crops import Study
from trainer.errors import DataError

__all__ = ["AS_IT_IS", "Fold", "FoldMap", "Items", "read_fold_map"]

AS_IT_IS = -1
"""The variant of a picture that is not one of a fixed set of copies: it may be varied while training."""


@dataclass(frozen=True, slots=True)
class Items:
    """Pictures, each possibly as one of several copies.

    Attributes:
        rows: Shape (k,): rows of the study.
        variants: Shape (k,): which copy, or `AS_IT_IS`.
    """

    rows: NDArray[np.int64]
    variants: NDArray[np.int64]

    @classmethod
    def as_they_are(cls, rows: NDArray[np.int64]) -> "Items":
        """Return pictures without copies."""
        return cls(rows.astype(np.int64), np.full(len(rows), AS_IT_IS, np.int64))


@dataclass(frozen=True, slots=True)
class Fold:
    """One experiment.

    Attributes:
        index: From 0.
        splits: How the development pictures are divided into (training, validation): one pair for each member of an
            ensemble. Validation decides when to stop and the temperature.
        test: Rows that are tested on.
        stress: Rows that are only tested as confusers.
    """

    index: int
    splits: tuple[tuple[Items, Items], ...]
    test: NDArray[np.int64]
    stress: NDArray[np.int64]

    @property
    def development(self) -> NDArray[np.int64]:
        """Rows that any training or validation sees, sorted."""
        seen = [items.rows for split in self.splits for items in split]
        return np.unique(np.concatenate(seen))


@dataclass(frozen=True, slots=True)
class FoldMap:
    """All folds of a run.

    Attributes:
        protocol: Name and settings, as plain values.
        folds: In order.
    """

    protocol: dict[str, Any]
    folds: tuple[Fold, ...]

    def as_json(self, study: Study) -> str:
        """Return the map for people and programs: pictures by SHA-256, so that it holds wherever they lie."""
        hashes = [record.sha256 for record in study.records]
        content = {
            "protocol": self.protocol,
            "manifest_sha256": study.manifest.sha256,
            "folds": [_fold_json(fold, hashes) for fold in self.folds],
        }
        return json.dumps(content, indent=1) + "\n"

    def sha256(self, study: Study) -> str:
        """Return the digest of the map: two runs with the same digest tested the same pictures in the same folds."""
        return hashlib.sha256(self.as_json(study).encode()).hexdigest()

    def write(self, path: Path, study: Study) -> None:
        """Write the map, atomically."""
        write_atomically(path, self.as_json(study).encode())


def _fold_json(fold: Fold, hashes: list[str]) -> dict[str, Any]:
    return {
        "index": fold.index,
        "splits": [
            {"train": _items_json(train, hashes), "validation": _items_json(validation, hashes)}
            for train, validation in fold.splits
        ],
        "test": [hashes[row] for row in fold.test],
        "stress": [hashes[row] for row in fold.stress],
    }


def _items_json(items: Items, hashes: list[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row, variant in zip(items.rows.tolist(), items.variants.tolist(), strict=True):
        found.setdefault(hashes[row], []).append(variant)
    return found


def read_fold_map(path: Path, study: Study) -> FoldMap:
    """Read what `FoldMap.write` wrote.

    Raises:
        DataError: It is missing, damaged, or belongs to other pictures.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"there is no fold map {path}; `nicu-trainer cv` writes one") from None
    except (OSError, ValueError) as error:
        raise DataError(f"the fold map {path} cannot be read: {error}") from error
    if not isinstance(content, dict) or "manifest_sha256" not in content:
        raise DataError(f"{path} is no fold map; `nicu-trainer cv` writes one")
    if content["manifest_sha256"] != study.manifest.sha256:
        raise DataError(f"the fold map {path} belongs to another manifest than {study.manifest.folder}")
    rows = {record.sha256: row for row, record in enumerate(study.records)}
    try:
        return FoldMap(content["protocol"], _folds(content["folds"], rows))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"the fold map {path} is damaged ({type(error).__name__}: {error}); make the run again"
        ) from error


def _folds(entries: list[dict[str, Any]], rows: dict[str, int]) -> tuple[Fold, ...]:
    return tuple(
        Fold(
            index=entry["index"],
            splits=tuple(
                (_items(split["train"], rows), _items(split["validation"], rows)) for split in entry["splits"]
            ),
            test=np.array([rows[sha256] for sha256 in entry["test"]], np.int64),
            stress=np.array([rows[sha256] for sha256 in entry["stress"]], np.int64),
        )
        for entry in entries
    )


def _items(found: dict[str, list[int]], rows: dict[str, int]) -> Items:
    pairs = [(rows[sha256], variant) for sha256, variants in found.items() for variant in variants]
    return Items(np.array([row for row, _ in pairs], np.int64), np.array([variant for _, variant in pairs], np.int64))
