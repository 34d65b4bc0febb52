"""A trained model is one file that says everything about itself."""

import numpy as np
import pytest
import torch

from monitor.inference.manifest import Metric
from trainer.checkpoint import ModelRecord, Provenance, find_model, read_model, write_model
from trainer.errors import CheckpointError, SettingsError
from trainer.networks import InputContract, architectures


def record(**changes):
    values = {
        "name": "trial",
        "architecture": "ncnn",
        "network_settings": {"head_dropout": 0.2},
        "contract": InputContract(size_px=120, margin=0.1),
        "temperature": 1.7,
        "training_prior": 0.46,
        "generation": "demo",
        "intended_use": "Tests.",
        "metrics": (Metric(name="auc", value=0.9, low=0.8, high=0.95, confidence=0.95, data="nothing"),),
        "provenance": Provenance(source="random numbers", licence="Apache-2.0").completed(),
    }
    return ModelRecord(**(values | changes))


def test_a_model_comes_back_with_its_record_and_gives_the_same_logits(tmp_path):
    network = architectures()["ncnn"].create({"head_dropout": 0.2}).eval()
    crops = torch.rand(2, 3, 120, 120)
    write_model(tmp_path / "model.pt", record(), network)

    model = read_model(tmp_path)

    assert model.record == record()
    assert model.record.provenance.versions["torch"] == torch.__version__
    assert not model.network.training
    with torch.inference_mode():
        assert torch.equal(model.network(crops), network(crops))


def test_a_missing_model_names_the_command_that_writes_one(tmp_path):
    with pytest.raises(CheckpointError, match=r"no trained model .*model\.pt; `nicu-trainer fit` writes one"):
        find_model(tmp_path)


def test_weights_of_another_shape_are_refused(tmp_path):
    network = architectures()["ncnn"].create()
    network.head[1] = torch.nn.Linear(1600, 9)
    write_model(tmp_path / "model.pt", record(), network)

    with pytest.raises(CheckpointError, match="do not fit the network 'ncnn'"):
        read_model(tmp_path / "model.pt")


def test_an_unknown_network_is_answered_with_the_known_ones(tmp_path):
    write_model(tmp_path / "model.pt", record(architecture="mystery"), architectures()["ncnn"].create())

    with pytest.raises(SettingsError, match=r"unknown network 'mystery'.*ncnn"):
        read_model(tmp_path)


@pytest.mark.parametrize("content", [{}, {"record": 3}, {"record": "{}"}, {"record": "not json"}])
def test_a_file_without_a_record_of_this_schema_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "model.pt")

    with pytest.raises(CheckpointError, match="no trained model of this program"):
        read_model(tmp_path)


def test_grey_means_are_given_in_rgb_order_whatever_order_the_network_wants():
    caffe = InputContract(size_px=224, colour_order="BGR", value_maximum=255.0, mean=(91.5, 103.9, 131.1))
    scaled = InputContract(size_px=224, mean=(0.485, 0.456, 0.406), std=(0.2, 0.2, 0.2))

    assert caffe.mean_grey_rgb == pytest.approx((131.1, 103.9, 91.5))
    assert caffe.std_grey_rgb == pytest.approx((1.0, 1.0, 1.0))
    assert scaled.mean_grey_rgb == pytest.approx(np.array([0.485, 0.456, 0.406]) * 255)
    assert scaled.std_grey_rgb == pytest.approx((51.0, 51.0, 51.0))
