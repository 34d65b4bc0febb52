"""Twice as many frames as the station can analyse: all beds less often, none starved, none late, and it says so."""

import dataclasses
import threading
import time
from collections import Counter
from statistics import median

import pytest
from ward import eventually

from monitor.config import StationConfig
from monitor.pain.vocabulary import Code
from monitor.pipeline.bed_pipeline import BedPipeline, FrameResult
from monitor.pipeline.models import ModelSet, WorkerModels
from monitor.station import station as station_module
from monitor.station.station import Station

BEDS = 4
FRAMES_PER_SECOND = 5.0
DETECTION_SECONDS = 2.0 / (BEDS * FRAMES_PER_SECOND)
"""One worker that needs so long for a frame analyses half of what comes."""


class _SlowDetector:
    """Takes as long for a frame as the test says, and finds nobody: only time matters here."""

    size_px, face_size_px = 640, 320

    def detect(self, *_args: object, **_kwargs: object) -> tuple[()]:
        time.sleep(DETECTION_SECONDS)
        return ()


class _SlowModels(ModelSet):
    def open(self, threads: int = 1) -> WorkerModels:
        return dataclasses.replace(super().open(threads), detector=_SlowDetector())


@pytest.mark.fault(
    "two times overload",
    "4 beds at 5 frames/s before one worker that needs 0.1 s a frame",
    "no bed is analysed less than half as often as another; frames are as fresh as ever; the station raises `overload`",
)
def test_overload_is_shared_fairly_and_reported(monkeypatch, redis_server, measured, tmp_path):
    monkeypatch.setattr(station_module, "ModelSet", _SlowModels)
    monkeypatch.setattr("monitor.station.capacity_watch._SETTLING_SECONDS", 2.0)
    config = StationConfig.model_validate(
        {
            "beds": [
                {"id": f"bed-{n}", "camera": {"url": f"synthetic://calm?seed={n}&size=160x120"}} for n in range(BEDS)
            ],
            "analysis": {"frames_per_second": FRAMES_PER_SECOND, "workers": 1},
            "redis": {"url": redis_server.url},
            "spool": {"directory": tmp_path / "state"},
            "http": {"port": 0},
            "web": {"enabled": False},
        }
    )
    analysed: Counter[str] = Counter()
    ages: list[float] = []
    decided: list[float] = []
    overloaded: set[str | None] = set()
    counting = threading.Event()

    def take(bed: BedPipeline, _result: FrameResult, age_seconds: float) -> None:
        if counting.is_set():
            analysed[bed.id] += 1
            ages.append(age_seconds)
            decided.append(time.monotonic())

    with Station(config, on_result=take) as station:
        record = station.dispatcher.record

        def note(bed, transitions, snapshot):
            overloaded.update(bed for change in transitions if change.code is Code.OVERLOAD)
            record(bed, transitions, snapshot)

        monkeypatch.setattr(station.dispatcher, "record", note)
        # A new picture is searched from all sides once, which costs several detection passes.
        time.sleep(4.0)
        counting.set()
        time.sleep(8.0)
        counting.clear()
        eventually(lambda: None in overloaded, 30, "the alarm of the station")
    assert len(analysed) == BEDS
    most_to_least = max(analysed.values()) / min(analysed.values())
    measured.quantity("analysed frames, most to least served bed", most_to_least, 2.0, "x")
    # A frame waits for at most one turn of all beds, however long that takes on this machine, and is replaced by a
    # newer one meanwhile. Not the oldest of all: a machine that does something else for a second makes one frame old.
    oldest = sorted(ages)[int(0.95 * len(ages))]
    turn = median(later - earlier for earlier, later in zip(decided, decided[BEDS + 1 :], strict=False))
    assert turn >= DETECTION_SECONDS * BEDS, "the station was overloaded"
    measured.quantity("95 % of the frames at their decision, to a turn of all beds", oldest / turn, 1.6, "x")
