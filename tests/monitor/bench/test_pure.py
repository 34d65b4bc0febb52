"""What the models cost by themselves is measured with the engines that the station would run."""

import logging

import numpy as np
import pytest

from monitor.bench.pure import _engine_seconds
from monitor.config import StationConfig
from monitor.inference.bundle import read_bundle


@pytest.mark.parametrize("fields", [{}, {"classifier_engine": "openvino"}])
def test_a_model_runs_on_its_own_engine(fields, caplog) -> None:
    pytest.importorskip("openvino", reason="openvino is not installed")
    beds = [{"id": "a", "camera": {"url": "synthetic://calm"}}]
    config = StationConfig.model_validate({"beds": beds, "models": {"engine": "onnxruntime", **fields}})
    picture = np.zeros((120, 120, 3), np.uint8)
    with caplog.at_level(logging.INFO, "monitor.inference.engine_factory"):
        assert _engine_seconds(config, "classifier", read_bundle("ncnn-demo"), None, "crops", [picture]) > 0.0
    assert f"runs on {config.models.engines['classifier']}\n" in caplog.text
