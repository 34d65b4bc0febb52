"""A network whose hidden units are silent answers with a constant, and its card says so."""

import torch

from trainer.checkpoint import ModelRecord, Provenance, read_model, write_model
from trainer.explanation import count_empty_maps
from trainer.networks import NCNN, InputContract


def written(tmp_path, bias):
    """Write an N-CNN whose eight units get a bias so large that the picture does not matter to their sign."""
    torch.manual_seed(0)
    network = NCNN().eval()
    with torch.no_grad():
        network.head[1].bias.fill_(bias)
        network.head[4].weight.fill_(1.0)
        network.head[4].bias.fill_(1.0)
    record = ModelRecord(
        name="planted",
        architecture="ncnn",
        contract=InputContract(size_px=120),
        temperature=1.0,
        training_prior=0.5,
        generation="demo",
        intended_use="tests",
        provenance=Provenance(source="tests", licence="none"),
    )
    write_model(tmp_path / "model.pt", record, network)
    return tmp_path / "model.pt"


def test_silent_units_are_reported_in_the_card(paint_study, tmp_path):
    manifest = paint_study(subjects=3, each=2).folder.with_suffix(".csv")
    silent, awake = (tmp_path / name for name in ("silent", "awake"))

    sentences = count_empty_maps(written(silent, -100.0), manifest, None)
    heard = count_empty_maps(written(awake, 100.0), manifest, None)

    assert sentences[0].startswith("Grad-CAM for pain, on 6 training pictures called pain: 6 maps were empty.")
    assert sentences[1] == "None of 6 training pictures looked at was called no pain, so nothing is explained."
    assert read_model(silent).record.card.explanation == sentences
    assert "6 maps were empty" not in heard[0]
