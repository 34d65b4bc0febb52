"""Measures what a network answers when the picture is changed: stronger evidence about shortcuts than any heat map.

DeGrave et al., "AI for radiographic COVID-19 detection selects shortcuts over signal", Nature Machine Intelligence
2021: a network can do well elsewhere and still use the wrong thing. Its answers without the face, or with another
infant's surroundings behind the same face, show it.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from trainer.errors import DataError
from trainer.evaluation.bootstrap import infants_of_both, interval_of, resamples
from trainer.evaluation.metrics import area_under_curve
from trainer.explanation.inputs import ExplanationInput, Part
from trainer.explanation.regions import crop_regions
from trainer.networks import InputContract, prepare_crops

__all__ = [
    "background_donors",
    "blurred_in",
    "intervene",
    "measure_interventions",
    "with_background_of",
    "without",
    "without_face",
]

Crops = NDArray[np.uint8]
Masks = NDArray[np.bool_]
Scores = Callable[[Crops], NDArray[np.float64]]

_RESAMPLES = 500
_SMALLEST = 1e-9
_BLUR_SHARE = 1 / 12
_BATCH = 32
_VIEWS = 4
"""Whole, background, face, and another background."""


def without(crop: Crops, mask: Masks) -> Crops:
    """Return a crop with a region filled by the mean colour of the rest; grey if there is no rest.

    Args:
        crop: Shape (S, S, 3).
        mask: Shape (S, S).
    """
    changed = crop.copy()
    changed[mask] = np.rint(crop[~mask].mean(axis=0)).astype(np.uint8) if (~mask).any() else np.uint8(128)
    return changed


def without_face(crops: Crops, covers: Masks) -> Crops:
    """Return crops in which only the background is left, shape (n, S, S, 3)."""
    return np.stack([without(crop, cover) for crop, cover in zip(crops, covers, strict=True)])


def with_background_of(crops: Crops, faces: Masks, covers: Masks, donors: NDArray[np.int64]) -> Crops:
    """Return each crop's face on another crop's background; the other's cover is filled by its background's mean.

    Args:
        crops: Shape (n, S, S, 3).
        faces: What remains of each crop, shape (n, S, S).
        covers: What is filled in each background, shape (n, S, S).
        donors: Shape (n,): whose background each gets.
    """
    backgrounds = without_face(crops, covers)[donors]
    return np.where(faces[..., None], crops, backgrounds)


def blurred_in(crop: Crops, mask: Masks) -> Crops:
    """Return a crop without detail in a region, shape (S, S, 3)."""
    smooth = cv2.GaussianBlur(crop, (0, 0), len(crop) * _BLUR_SHARE)
    return np.where(mask[..., None], np.asarray(smooth, np.uint8), crop)


def background_donors(labels: NDArray[np.float32], subjects: NDArray[np.str_], seed: int) -> NDArray[np.int64]:
    """Return for each picture another one of the other label and of another infant, shape (n,); -1 where there is none.

    Args:
        labels: Shape (n,).
        subjects: Shape (n,).
        seed: Decides which.
    """
    generator = np.random.default_rng(seed)
    donors = np.full(len(labels), -1, dtype=np.int64)
    for index in range(len(labels)):
        able = np.flatnonzero((labels != labels[index]) & (subjects != subjects[index]))
        if len(able):
            donors[index] = generator.choice(able)
    return donors


def measure_interventions(
    parts: Sequence[tuple[Scores, NDArray[np.int64]]],
    crops: Crops,
    regions: Sequence[Mapping[str, Masks]],
    labels: NDArray[np.float32],
    subjects: NDArray[np.str_],
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, Any]:
    """Measure what the answers hang on.

    Args:
        parts: Each network's answer, from crops (k, S, S, 3) to probabilities of pain (k,), and the indices of the
            pictures that it answers; no picture in two of them.
        crops: Shape (n, S, S, 3).
        regions: Of each picture; "face" must be among them. Where there is "head", it is covered in the face's stead
            before the background is looked at: the outline of a synthetic face shows how wide the mouth is open.
        labels: Shape (n,), 0 or 1.
        subjects: Shape (n,).
        seed: Decides whose background is swapped in.
        progress: Called with the kinds of change done, and their number.

    Returns:
        Plain values: `auc` of the whole crop, of the background only and of the face only, each with a 95 % interval
        over infants; `background_swap` with the share of answers that flip and the mean change of the probability;
        `occlusion`, the mean change of the probability when a region is blurred, for each label. A network that looks
        at faces has a background-only AUC about 0.5 and hardly flips.
    """
    done, kinds = 0, _VIEWS + len(_changed_regions(regions))

    def answers(changed: Crops) -> NDArray[np.float64]:
        nonlocal done
        result = np.zeros(len(changed))
        for scores, positions in parts:
            if len(positions):
                result[positions] = scores(changed[positions])
        done += 1
        progress(done, kinds)
        return result

    faces = np.stack([entry["face"] for entry in regions])
    covers = faces | np.stack([entry.get("head", entry["face"]) for entry in regions])
    plain = answers(crops)
    views = {
        "whole": plain,
        "background": answers(without_face(crops, covers)),
        "face": answers(without_face(crops, ~faces)),
    }
    donors = background_donors(labels, subjects, seed)
    has_donor = donors >= 0
    swapped = answers(with_background_of(crops, faces, covers, np.where(has_donor, donors, np.arange(len(donors)))))
    change = np.abs(swapped - plain)[has_donor]
    flips = ((swapped >= 0.5) != (plain >= 0.5))[has_donor]
    return {
        "auc": {name: _auc(labels, scores, subjects) for name, scores in views.items()},
        "background_swap": {
            "pictures": int(has_donor.sum()),
            "flip_rate": float(flips.mean()) if len(flips) else None,
            "mean_change": float(change.mean()) if len(change) else None,
        },
        "occlusion": _occlusions(answers, crops, regions, labels, plain),
    }


def _auc(
    labels: NDArray[np.float32], scores: NDArray[np.float64], subjects: NDArray[np.str_]
) -> dict[str, float | None]:
    share = np.clip(scores, _SMALLEST, 1.0 - _SMALLEST)
    logits, truth = np.log(share) - np.log1p(-share), labels.astype(np.float64)
    resampled = [area_under_curve(truth[rows], logits[rows]) for rows in resamples(subjects, _RESAMPLES)]
    return interval_of(area_under_curve(truth, logits), resampled, infants_of_both(truth, subjects)).as_json()


def _changed_regions(regions: Sequence[Mapping[str, Masks]]) -> list[str]:
    """Return the names of the regions that are blurred one after the other."""
    return sorted({name for entry in regions for name in entry} - {"head"})


def _occlusions(
    answers: Scores,
    crops: Crops,
    regions: Sequence[Mapping[str, Masks]],
    labels: NDArray[np.float32],
    plain: NDArray[np.float64],
) -> dict[str, dict[str, float | None]]:
    """Return the mean change of the probability of pain for each region and label."""
    result: dict[str, dict[str, float | None]] = {}
    for name in _changed_regions(regions):
        has = np.array([name in entry for entry in regions])
        changed = np.stack(
            [
                blurred_in(crop, entry[name]) if name in entry else crop
                for crop, entry in zip(crops, regions, strict=True)
            ]
        )
        change = answers(changed) - plain
        result[name] = {
            word: float(change[has & (labels == label)].mean()) if (has & (labels == label)).any() else None
            for word, label in (("pain", 1.0), ("no-pain", 0.0))
        }
    return result


def intervene(
    explained: ExplanationInput,
    rows: NDArray[np.int64],
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, Any]:
    """Change pictures and measure what happens to the answers; see `measure_interventions`.

    Args:
        explained: Pictures and networks.
        rows: Which pictures; one whose face does not reach into its crop is left aside.
        seed: Decides whose background is swapped in.
        progress: Called with the kinds of change done, and their number.

    Raises:
        DataError: No picture is left.
    """
    regions = {int(row): crop_regions(explained.study, int(row), explained.contract) for row in rows}
    usable = np.array([row for row in rows if "face" in regions[int(row)]], dtype=np.int64)
    if not len(usable):
        raise DataError("in none of the pictures the face lies in its crop, so nothing can be changed")
    parts = [
        (partial(_scores, part, explained.contract), np.flatnonzero(np.isin(usable, part.rows)))
        for part in explained.parts
    ]
    results = measure_interventions(
        parts,
        explained.exact(usable),
        [regions[int(row)] for row in usable],
        explained.study.labels[usable],
        explained.study.subjects[usable],
        seed,
        progress,
    )
    return {"pictures": len(usable), **results}


def _scores(part: Part, contract: InputContract, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    batches = [torch.from_numpy(crops[start : start + _BATCH]) for start in range(0, len(crops), _BATCH)]
    return np.concatenate([part.scores(prepare_crops(batch, contract)) for batch in batches])
