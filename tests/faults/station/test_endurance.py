"""A station's whole chain behind the face finder, on a clock that runs a thousand times too fast: nothing grows.

The million frames, two and a half days of one bed, are marked slow: `make faults-slow`. `make soak` watches a real
daemon for a day.
"""

import gc
import os
import random

import numpy as np
import pytest
from ward import resident_bytes

from monitor.clock import ManualClock
from monitor.config import StationConfig
from monitor.faces.crop import CropSpec
from monitor.faces.geometry import Face, OrientedBox
from monitor.faces.patient_tracker import FrameFaces, TrackedFace
from monitor.inference.classifier import FaceAnswer
from monitor.pain.vocabulary import Visibility
from monitor.pipeline.models import WorkerModels
from monitor.station.station import Station
from monitor.video.frame import Frame
from monitor.video.status import CameraState, CameraStatus

FRAMES_PER_SECOND = 5.0
SLOPE_MEGABYTES_PER_HOUR = 1.0


class _Finder:
    """Stands in for the face finder, whose tables have a bound and tests of their own."""

    def __init__(self, face: TrackedFace, dice: random.Random) -> None:
        self._face = face
        self._dice = dice

    def update(self, _frame: Frame, _detector: object, *, may_search: bool, followed: Face | None) -> FrameFaces:
        assert may_search
        assert followed is None, "there is no mesh"
        if self._dice.random() < 0.1:
            return FrameFaces((), None, Visibility.NO_FACE, None, 1, 0)
        return FrameFaces((self._face,), self._face, Visibility.USABLE, None, 0, 1)


class _Scorer:
    """Stands in for the classifier: bursts of pain, at random, every now and then."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._left = 0
        self._hurts = False

    def answers(self, _crops: object) -> list[FaceAnswer]:
        if self._left == 0:
            self._left, self._hurts = self._dice.randrange(20, 600), not self._hurts
        self._left -= 1
        return [FaceAnswer(min(1.0, max(0.0, self._dice.gauss(0.85 if self._hurts else 0.15, 0.1))))]


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param(20_000, marks=pytest.mark.timeout(300)),
        pytest.param(1_000_000, marks=[pytest.mark.slow, pytest.mark.timeout(7200)]),
    ],
)
@pytest.mark.fault(
    "20,000 frames on end (a million in `make faults-slow`)",
    "a whole station on a fast clock, Redis away, the spool at its quota, a camera that comes and goes",
    "memory grows by less than 1 MB an hour of the bed's time; every table stays within its bound",
)
def test_nothing_grows(measured, tmp_path, frames):
    dice, clock = random.Random(frames), ManualClock()
    config = StationConfig.model_validate(
        {
            "beds": [{"id": "bed", "camera": {"url": "synthetic://calm"}}],
            "redis": {"url": "redis://127.0.0.1:1/0"},
            "spool": {"directory": tmp_path / "state", "maximum_megabytes": 1},
            "web": {"enabled": False},
        }
    )
    station = Station(config, clock=clock)
    bed = station.beds["bed"]
    bed._patient_tracker = _Finder(_tracked_face(), dice)
    models = WorkerModels(None, _Scorer(dice), CropSpec(16, 0.0), {}, 0.5, None)
    image = np.zeros((48, 64, 3), np.uint8)
    station.publisher.start()
    try:
        warm_bytes = 0
        for index in range(frames):
            clock.advance(1.0 / FRAMES_PER_SECOND)
            now = clock.monotonic()
            station.recorder.record(bed, bed.analyse(Frame(image, now, None, index), models))
            if index % 5 == 0:
                lost = (index // 1000) % 7 == 6
                state = CameraState.LOST if lost else CameraState.PLAYING
                bed.update_camera(CameraStatus("c", "x", state, 0.1, last_error="gone"), now)
            if index % 1000 == 0:
                station.board.snapshot()
                assert station.publisher.wait_until_stored(30.0)
            if index == frames // 5:
                gc.collect()
                warm_bytes = resident_bytes(os.getpid())
        gc.collect()
        grown = (resident_bytes(os.getpid()) - warm_bytes) / 1e6
        hours = 0.8 * frames / FRAMES_PER_SECOND / 3600
        measured.quantity("bed's time", frames / FRAMES_PER_SECOND / 3600, unit="h")
        if frames >= 1_000_000:
            measured.quantity("memory slope", grown / hours, SLOPE_MEGABYTES_PER_HOUR, "MB/h")
        else:
            measured.quantity("memory grew by", grown, 8.0, "MB")
        station.publisher.stats()
        record = station.publisher._outbox.record()
        measured.quantity("spool on the disk (quota 1 MB)", record.bytes_on_disk / 1e6, 1.3, "MB")
        assert len(bed.snapshot(clock.wall())) < 20_000
        series = sum(len(metric.samples) for metric in station.metrics.registry.collect())
        measured.quantity("series of metrics", series, 600)
        assert station.publisher._outbox.backlog().count < 10_000
    finally:
        station.publisher.stop()


def _tracked_face() -> TrackedFace:
    return TrackedFace(1, Face(OrientedBox(32.0, 24.0, 30.0, 30.0, 0.0), np.zeros((5, 2)), 0.9))
