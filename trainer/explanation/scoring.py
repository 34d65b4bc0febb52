"""Scores the heat maps of many pictures, method by method, beside random maps as the control.

Energy in a region: the energy-based pointing game (Wang et al., "Score-CAM", CVPR workshops 2020). Pointing game:
Zhang et al., "Top-Down Neural Attention by Excitation Backprop", 2018.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.explanation.faithfulness import deletion_insertion, map_agreement, random_map, randomised
from trainer.explanation.inputs import ExplanationInput, Part
from trainer.explanation.methods import heat_maps
from trainer.explanation.regions import NFCS_REGIONS, crop_regions
from trainer.explanation.target_class import TargetClass

__all__ = ["RANDOM", "energy_in", "enrichment", "points_into", "score_maps"]

RANDOM = "random"
_RANDOMISED_LAYERS = {"last layer": 1, "last two layers": 2, "all layers": 10_000}
_AGREEMENT_PICTURES = 8
_TOLERANCE_SHARE = 15 / 224


def score_maps(
    explained: ExplanationInput,
    rows: NDArray[np.int64],
    methods: Sequence[str],
    seed: int = 0,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Score every method's maps of the answers that the networks gave.

    Args:
        explained: Pictures and networks.
        rows: Which pictures.
        methods: Keys of `METHODS`; random maps are added as the control.
        seed: Of the random maps and weights.
        progress: Called with the number of pictures done.

    Returns:
        Plain values: `maps`, one entry for each method and answer, and `randomisation`, one for each method. A score
        that could not be measured on any picture is None.
    """
    gathered: dict[tuple[str, str], list[dict[str, Any]]] = {}
    agreement: dict[str, list[dict[str, float]]] = {method: [] for method in methods}
    generator, done = np.random.default_rng(seed), 0
    for part in (part.keeping(rows) for part in explained.parts):
        strangers = {name: _randomised(part, layers, seed) for name, layers in _RANDOMISED_LAYERS.items()}
        for row in part.rows:
            inputs = explained.inputs(np.array([row]))
            target = TargetClass.PAIN if part.scores(inputs)[0] >= 0.5 else TargetClass.NO_PAIN
            regions = crop_regions(explained.study, int(row), explained.contract)
            for method in (*methods, RANDOM):
                heat = (
                    random_map(inputs.shape[-1], generator)
                    if method == RANDOM
                    else heat_maps(method, part.networks, inputs, target)[0]
                )
                gathered.setdefault((method, target.value), []).append(_scores(part, inputs, target, heat, regions))
                if method != RANDOM and len(agreement[method]) < _AGREEMENT_PICTURES and heat.max() > 0:
                    agreement[method].append(
                        {
                            name: map_agreement(heat, heat_maps(method, networks, inputs, target)[0])
                            for name, networks in strangers.items()
                        }
                    )
            done += 1
            progress(done)
    maps = [
        {"method": method, "answer": answer, "pictures": len(found), **_summary(found)}
        for (method, answer), found in sorted(gathered.items())
    ]
    return {
        "maps": maps,
        "randomisation": [
            {"method": method, "pictures": len(found)}
            | {name: _mean(entry[name] for entry in found) for name in _RANDOMISED_LAYERS}
            for method, found in agreement.items()
        ],
    }


def _randomised(part: Part, layers: int, seed: int) -> tuple[Any, ...]:
    return tuple(randomised(network, layers, seed + index) for index, network in enumerate(part.networks))


def _scores(
    part: Part,
    inputs: torch.Tensor,
    target: TargetClass,
    heat: NDArray[np.float32],
    regions: dict[str, NDArray[np.bool_]],
) -> dict[str, Any]:
    def answer(values: torch.Tensor) -> NDArray[np.float64]:
        pain = part.scores(values)
        return pain if target is TargetClass.PAIN else 1.0 - pain

    known = [regions[name] for name in NFCS_REGIONS if name in regions]
    areas = dict(regions) | ({"nfcs": np.logical_or.reduce(known)} if known else {})
    is_empty = float(heat.max()) <= 0.0
    scores: dict[str, Any] = {
        "empty": is_empty,
        "energy": {name: energy_in(heat, mask) for name, mask in areas.items()},
        "enrichment": {name: enrichment(heat, mask) for name, mask in areas.items()},
        "pointing": {name: points_into(heat, mask) for name, mask in areas.items()},
    }
    if not is_empty:
        curves = deletion_insertion(answer, inputs, heat)
        scores |= {"deletion": curves.deletion, "insertion": curves.insertion}
    return scores


def _summary(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return means over the pictures; the artefact score is the share of the heat beside the face."""
    summary: dict[str, Any] = {"empty": sum(bool(entry["empty"]) for entry in found)}
    for kind in ("energy", "enrichment", "pointing"):
        names = sorted({name for entry in found for name in entry[kind]})
        summary[kind] = {name: _mean(entry[kind].get(name) for entry in found) for name in names}
    face = summary["energy"].get("face")
    summary["artefact"] = None if face is None else 1.0 - face
    for kind in ("deletion", "insertion"):
        summary[kind] = _mean(entry.get(kind) for entry in found)
    return summary


def _mean(values: Iterable[float | None]) -> float | None:
    known = [float(value) for value in values if value is not None and not math.isnan(value)]
    return float(np.mean(known)) if known else None


def energy_in(heat: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Return the share of the heat that lies in a region, in [0, 1]; not a number for an empty map.

    Args:
        heat: Shape (S, S), not negative.
        mask: Shape (S, S).
    """
    total = float(heat.sum(dtype=np.float64))
    return float(heat[mask].sum(dtype=np.float64)) / total if total > 0 else float("nan")


def enrichment(heat: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Return the energy in a region over the region's share of the crop: 1 is chance.

    Not a number for an empty map or an empty region.
    """
    area = float(mask.mean())
    return energy_in(heat, mask) / area if area > 0 else float("nan")


def points_into(heat: NDArray[np.float32], mask: NDArray[np.bool_]) -> bool | None:
    """Return whether the hottest pixel lies in a region or within 15/224 of the crop's side of it; None if no heat.

    Of several equally hot pixels their mean position counts for the one nearest to it, so that a flat top has its
    middle.
    """
    if heat.max() <= 0:
        return None
    tops = np.argwhere(heat >= heat.max())
    top = tops[np.argmin(((tops - tops.mean(axis=0)) ** 2).sum(axis=1))]
    inside = np.argwhere(mask)
    if not len(inside):
        return False
    nearest = float(np.sqrt(((inside - top) ** 2).sum(axis=1).min()))
    return nearest <= _TOLERANCE_SHARE * len(heat)
