"""What is measured of a model with silent units is what a station makes of it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from trainer.checkpoint import ModelRecord, Provenance, write_model
from trainer.clips.scores import NetworkScorer
from trainer.crops import CropSet, pad_px
from trainer.experiments.answering import open_answerer
from trainer.models.fitted import Outcome
from trainer.models.network_model import FittedNetworks
from trainer.networks import NCNN, Ensemble, InputContract, PainNetwork, architectures, are_silent

CONTRACT = InputContract(size_px=120)


def ncnn(*, is_silent: bool, bias: float = 2.0) -> PainNetwork:
    torch.manual_seed(3)
    network = architectures()["ncnn"].create({}).eval()
    assert isinstance(network, NCNN)
    with torch.no_grad():
        network.head[1].weight.mul_(0.01)
        network.head[1].bias.fill_(-100.0 if is_silent else 1.0)
        network.head[4].bias.fill_(bias)
    return network


def test_only_networks_that_are_all_silent_give_no_answer() -> None:
    networks = [ncnn(is_silent=True), ncnn(is_silent=True, bias=-1.0)]
    logits = np.array([[1.0, 1.0, 0.7], [-1.0, -0.8, -1.0]])
    assert are_silent(networks, [2.0, 1.0], logits).tolist() == [True, False, False]
    leaking = architectures()["ncnn"].create({"head_leak": 0.01})
    assert not are_silent([leaking], [1.0], np.zeros((1, 3))).any()


@pytest.mark.parametrize("is_silent", [True, False])
def test_a_model_without_a_bundle_answers_as_its_bundle(is_silent: bool, tmp_path: Path) -> None:
    network = ncnn(is_silent=is_silent)
    record = ModelRecord(
        name="quiet",
        architecture="ncnn",
        contract=CONTRACT,
        temperature=1.6,
        training_prior=0.5,
        generation="demo",
        intended_use="Tests.",
        provenance=Provenance(source="none", licence="none"),
    )
    write_model(tmp_path / "model.pt", record, network)
    side = CONTRACT.size_px + 2 * pad_px(CONTRACT)
    wide = np.random.default_rng(2).integers(0, 256, (2, side, side, 3)).astype(np.uint8)
    crops = CropSet(wide, np.zeros(2, np.float32), np.array(["a", "b"]), CONTRACT)
    answers = open_answerer(tmp_path / "model.pt").predict(crops, np.arange(2))
    assert np.isnan(answers.logits).tolist() == [is_silent] * 2
    scores = NetworkScorer([network, ncnn(is_silent=True)], 1.6, CONTRACT).scores(crops.exact(np.arange(2)))
    assert [score is None for score in scores] == [is_silent] * 2


@pytest.mark.parametrize("silent", [(True, True), (True, False), (True,)])
def test_answers_of_a_fold_say_which_are_the_constant(silent: tuple[bool, ...]) -> None:
    trained: Any = [SimpleNamespace(network=ncnn(is_silent=s), history=[], best_epoch=0, attempts=1) for s in silent]
    training = SimpleNamespace(device="cpu", precision="float32", threads=1)
    plan: Any = SimpleNamespace(training=training, contract=CONTRACT)
    side = CONTRACT.size_px + 2 * pad_px(CONTRACT)
    wide = np.random.default_rng(2).integers(0, 256, (2, side, side, 3)).astype(np.uint8)
    crops = CropSet(wide, np.zeros(2, np.float32), np.array(["a", "b"]), CONTRACT)
    outcome = Outcome(1.0, 0.1, 2)

    answers = FittedNetworks(plan, crops, trained, 1.6, outcome, outcome).predict(np.arange(2))

    assert answers.silent is not None
    assert answers.silent.tolist() == [all(silent)] * 2
    assert np.isfinite(answers.logits).all()


def test_an_ensemble_has_the_constant_of_its_members() -> None:
    both = Ensemble([ncnn(is_silent=True), ncnn(is_silent=True, bias=-1.0)], (1.0, 2.0)).eval()
    crops = torch.rand((3, 3, 120, 120), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert both(crops).tolist() == pytest.approx([both.constant_logit()] * 3, abs=1e-5)
