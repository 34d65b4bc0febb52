"""A station whose engine fails while it watches: no frame goes unanswered, and people are informed until it is back."""

import threading
import time
from collections import defaultdict

import pytest

from monitor.config import StationConfig
from monitor.errors import EngineError
from monitor.pain.vocabulary import Code
from monitor.station.station import Station

openvino_engine = pytest.importorskip("monitor.inference.openvino_engine", reason="openvino is not installed")
pytestmark = pytest.mark.e2e


class Fault:
    """Makes every run and every opening of OpenVINO fail on demand: it stands for the GPU's engine."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_on = threading.Event()
        engine = openvino_engine.OpenVinoEngine
        for name in ("__init__", "run"):
            monkeypatch.setattr(engine, name, self._failing(getattr(engine, name)))

    def _failing(self, original):
        def method(*args, **kwargs):
            if self.is_on.is_set():
                raise EngineError("an illegal memory access was encountered")
            return original(*args, **kwargs)

        return method


def test_an_engine_that_fails_is_replaced_at_every_bed_and_taken_back(tmp_path, monkeypatch) -> None:
    fault = Fault(monkeypatch)
    config = StationConfig.model_validate(
        {
            "beds": [
                {"id": bed, "camera": {"url": f"synthetic://calm?seed={seed}"}} for bed, seed in (("a", 3), ("b", 8))
            ],
            "models": {"engine": "openvino"},
            "redis": {"url": "redis://127.0.0.1:1/0"},
            "spool": {"directory": str(tmp_path / "state")},
            "http": {"port": 0},
            "web": {"enabled": False},
        }
    )
    answered: dict[str, list[float]] = defaultdict(list)
    failures: list[str] = []

    def take(bed, result, _age_seconds) -> None:
        answered[bed.id].append(time.monotonic())
        if result.failure is not None:
            failures.append(result.failure)

    station = Station(config, on_result=take)
    with station:
        _wait(lambda: min((len(answered[bed]) for bed in "ab"), default=0) > 5)
        fault.is_on.set()
        before = {bed: len(answered[bed]) for bed in "ab"}
        _wait(lambda: all(_open(station, bed) for bed in "ab"))
        assert "onnxruntime answers in its place" in _open(station, "a").newest.detail
        gaps = [
            later - earlier
            for bed in "ab"
            for earlier, later in zip(answered[bed][before[bed] - 1 :], answered[bed][before[bed] :], strict=False)
        ]
        print(f"longest time between two analysed frames of a bed after the fault: {max(gaps):.2f} s")
        fault.is_on.clear()
        _wait(lambda: not any(_open(station, bed) for bed in "ab"))
    assert failures == []


def _open(station: Station, bed: str):
    """Return the open alert of a bed's model, None where there is none."""
    snapshot = station.board.snapshot().bed(bed)
    assert snapshot is not None
    return next((alert for alert in snapshot.open_alerts if alert.newest.code == Code.MODEL_DEGRADED), None)


def _wait(is_reached, seconds: float = 180.0) -> None:
    give_up = time.monotonic() + seconds
    while not is_reached():
        assert time.monotonic() < give_up, "not reached"
        time.sleep(0.05)
