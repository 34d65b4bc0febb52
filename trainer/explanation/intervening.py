"""Interventions on the pictures of a study, with the networks that explain them."""

from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.errors import DataError
from trainer.explanation.inputs import ExplanationInput, Part
from trainer.explanation.interventions import measure_interventions
from trainer.explanation.regions import crop_regions
from trainer.networks import InputContract, prepare_crops

__all__ = ["intervene"]

_BATCH = 32


def intervene(material: ExplanationInput, rows: NDArray[np.int64], seed: int = 0) -> dict[str, Any]:
    """Change pictures and measure what happens to the answers; see `measure_interventions`.

    Args:
        material: Pictures and networks.
        rows: Which pictures; one whose face does not reach into its crop is left aside.
        seed: Decides whose background is swapped in.

    Raises:
        DataError: No picture is left.
    """
    regions = {int(row): crop_regions(material.study, int(row), material.contract) for row in rows}
    kept = np.array([row for row in rows if "face" in regions[int(row)]], dtype=np.int64)
    if not len(kept):
        raise DataError("in none of the pictures the face lies in its crop, so nothing can be changed")
    parts = [
        (partial(_scores, part, material.contract), np.flatnonzero(np.isin(kept, part.rows))) for part in material.parts
    ]
    results = measure_interventions(
        parts,
        material.exact(kept),
        [regions[int(row)] for row in kept],
        material.study.labels[kept],
        material.study.subjects[kept],
        seed,
    )
    return {"pictures": len(kept), **results}


def _scores(part: Part, contract: InputContract, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    batches = [torch.from_numpy(crops[start : start + _BATCH]) for start in range(0, len(crops), _BATCH)]
    return np.concatenate([part.scores(prepare_crops(batch, contract)) for batch in batches])
