"""A station whose models have engines of their own says so, to people and to metrics."""

import time

import pytest

from monitor.config import StationConfig
from monitor.station.station import Station

pytest.importorskip("openvino", reason="openvino is not installed")
pytestmark = pytest.mark.e2e


def test_status_and_metrics_name_the_engine_of_each_model(tmp_path) -> None:
    config = StationConfig.model_validate(
        {
            "beds": [{"id": "a", "camera": {"url": "synthetic://calm"}}],
            "models": {"engine": "onnxruntime", "classifier_engine": "openvino"},
            "redis": {"url": "redis://127.0.0.1:1/0"},
            "spool": {"directory": str(tmp_path / "state")},
            "http": {"port": 0},
            "web": {"enabled": False},
        }
    )
    with Station(config) as station:
        give_up = time.monotonic() + 60.0
        while (status := station.board.snapshot().station) is None:
            assert time.monotonic() < give_up, "the station says nothing about itself"
            time.sleep(0.05)
        samples = [sample for metric in station.metrics.registry.collect() for sample in metric.samples]
    assert status.engine == "onnxruntime (detector), openvino (classifier)"
    shown = {one.labels["role"]: one.labels for one in samples if one.name == "nicu_monitor_model_info"}
    assert {role: labels["engine"] for role, labels in shown.items()} == {
        "detector": "onnxruntime",
        "classifier": "openvino",
    }
    assert shown["classifier"]["name"] == "face-actions"
