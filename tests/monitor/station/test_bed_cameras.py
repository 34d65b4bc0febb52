"""In how many processes cameras are, where the configuration does not say."""

import os

import pytest

from monitor.config import StationConfig
from monitor.station.bed_cameras import camera_process_count


def _fleet(**fleet):
    return StationConfig.model_validate({"fleet": fleet})


def _config(real, synthetic=0, **analysis):
    urls = [f"rtsp://10.0.0.{n + 1}/x" for n in range(real)] + ["synthetic://calm"] * synthetic
    beds = [{"id": f"b{n}", "camera": {"url": url}} for n, url in enumerate(urls)]
    return StationConfig.model_validate({"beds": beds, "analysis": analysis})


@pytest.mark.parametrize(
    ("config", "cores", "count"),
    [
        (_config(7), 2, 0),
        (_config(8), 2, 1),
        (_config(40), 16, 1),
        (_config(8), 1, 0),
        (_config(4, synthetic=8), 2, 0),  # what is painted stays in the station
        (_config(8, camera_processes=0), 2, 0),
        (_config(1, camera_processes=3), 1, 3),
        (_fleet(), 2, 1),
        (_fleet(capacity_beds=7), 2, 0),
        (_fleet(capacity_beds=12), 2, 1),
    ],
)
def test_many_cameras_have_a_process_of_their_own(monkeypatch, config, cores, count):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    assert camera_process_count(config) == count
