"""Whether a model's answer hangs on the picture at all: empty Grad-CAM maps of a trained model, counted."""

from pathlib import Path

import numpy as np

from trainer.checkpoint import read_model, write_model
from trainer.explanation.inputs import open_explanation_input
from trainer.explanation.methods import heat_maps
from trainer.explanation.target_class import TargetClass

__all__ = ["count_empty_maps"]

_PICTURES = 12


def count_empty_maps(path: Path, manifest: Path, crops: Path | None) -> tuple[str, ...]:
    """Count a trained model's empty maps on some of its training pictures, and write that into its card.

    A map is empty where the units before the output were silent: the answer is then the network's constant.

    Args:
        path: Of the model's file; it is rewritten with the sentences in its card.
        manifest: The pictures.
        crops: Where `nicu-trainer crop` wrote; beside the manifest if absent.

    Returns:
        The sentences.

    Raises:
        CheckpointError: The model cannot be read or written.
        DataError: The pictures are gone.
    """
    explained = open_explanation_input(path, manifest, crops)
    part = explained.parts[0].keeping(explained.chosen(_PICTURES))
    inputs = explained.inputs(part.rows)
    predicted = part.scores(inputs) >= 0.5
    sentences = []
    for target, answered in ((TargetClass.PAIN, predicted), (TargetClass.NO_PAIN, ~predicted)):
        word = "pain" if target is TargetClass.PAIN else "no pain"
        if not answered.any():
            sentences.append(
                f"None of {len(predicted)} training pictures looked at was called {word}, so nothing is explained."
            )
            continue
        maps = heat_maps("grad-cam", part.networks, inputs[np.flatnonzero(answered)], target)
        empty = int((maps.reshape(len(maps), -1).max(axis=1) <= 0).sum())
        sentences.append(
            f"Grad-CAM for {word}, on {len(maps)} training pictures called {word}: "
            + (
                f"{empty} maps were empty. The units before the output were silent there, so the answer is the "
                "network's constant and not something that it saw."
                if empty
                else "no map was empty."
            )
        )
    model = read_model(path)
    card = model.record.card.model_copy(update={"explanation": tuple(sentences)})
    write_model(path, model.record.model_copy(update={"card": card}), model.network)
    return tuple(sentences)
