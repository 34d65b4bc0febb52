"""A station whose device for crops fails while it watches: every bed goes on within the frame, and says so."""

import threading
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from host_crops import HostCrops, compile_kernel
from redis_server import wait_until

import monitor.station.station as station_module
from monitor.config import StationConfig
from monitor.errors import EngineError
from monitor.inference.device_memory import CudaApi
from monitor.pain.vocabulary import Code
from monitor.pipeline.crop_choice import CropDevices
from monitor.pipeline.models import ModelSet

pytestmark = pytest.mark.e2e


class Devices:
    """Opens devices in the main memory, whose opening and cutting fail on demand."""

    def __init__(self, library) -> None:
        self.opened: list[HostCrops] = []
        self.is_lost = threading.Event()
        self._library = library

    def open(self, _api: CudaApi) -> HostCrops:
        if self.is_lost.is_set():
            raise EngineError("the GPU is lost")
        self.opened.append(HostCrops(self._library))
        return self.opened[-1]

    def lose(self) -> None:
        self.is_lost.set()
        for device in self.opened:
            device.fails.set()


def test_a_device_that_fails_is_replaced_at_every_bed_and_taken_back(tmp_path: Path, monkeypatch) -> None:
    library = compile_kernel(tmp_path)
    if library is None:
        pytest.skip("no C++ compiler here (apt install g++)")
    devices = Devices(library)
    crops = CropDevices(frozenset({"onnxruntime"}), devices.open)
    monkeypatch.setattr(station_module, "ModelSet", partial(ModelSet, crop_devices=crops))
    config = StationConfig.model_validate(
        {
            "beds": [
                {"id": bed, "camera": {"url": f"synthetic://calm?seed={seed}"}} for bed, seed in (("a", 3), ("b", 8))
            ],
            "models": {"engine": "onnxruntime", "crops": "gpu", "batching": "on"},
            "faces": {"detection_size_px": 320},
            "redis": {"url": "redis://127.0.0.1:1/0"},
            "spool": {"directory": str(tmp_path / "state")},
            "http": {"port": 0},
            "web": {"enabled": False},
        }
    )
    answered: Counter[str] = Counter()
    scored: Counter[str] = Counter()
    failures: list[str] = []

    def take(bed, result, _age_seconds) -> None:
        answered[bed.id] += 1
        scored[bed.id] += result.observation.score is not None
        if result.failure is not None:
            failures.append(result.failure)

    with station_module.Station(config, on_result=take) as station:
        wait_until(lambda: min(scored["a"], scored["b"]) > 2, 180, "scores of crops that the device cut")
        assert devices.opened[0].launches
        devices.lose()
        before = dict(scored)
        wait_until(lambda: all(is_degraded(station, bed) for bed in "ab"), 180, "the alarm at every bed")
        wait_until(lambda: all(scored[bed] > before[bed] + 2 for bed in "ab"), 180, "scores of the processor's crops")
        devices.is_lost.clear()
        wait_until(lambda: not any(is_degraded(station, bed) for bed in "ab"), 180, "the end of the alarm")
        assert devices.opened[-1].launches
    assert failures == []
    assert all(device.memory.is_closed for device in devices.opened)


def is_degraded(station: station_module.Station, bed: str) -> bool:
    snapshot = station.board.snapshot().bed(bed)
    assert snapshot is not None
    alerts = [alert.newest for alert in snapshot.open_alerts if alert.newest.code == Code.MODEL_DEGRADED]
    assert all("the processor cuts them in its place" in alert.detail for alert in alerts)
    return bool(alerts)
