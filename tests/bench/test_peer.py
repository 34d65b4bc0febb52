"""The comparison runs on real streams and compares like with like."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.synthetic import BedOptions, SyntheticBed
from monitor.video.writer import VideoWriter

PROGRAM = Path(__file__).resolve().parent / "peer.py"


@pytest.mark.timeout(240)
def test_both_watch_the_same_streams_and_find_the_same_face(tmp_path):
    clip = tmp_path / "upright.mp4"
    bed = SyntheticBed(3, "calm", width_px=640, height_px=360, fps=15, options=BedOptions(orientation_deg=0.0))
    with VideoWriter(clip, 15.0) as writer:
        for index in range(30):
            writer.write(bed.frame(index / 15)[0], index / 15)
    options = ["--cameras", "1", "--seconds", "4", "--rounds", "1", "--clip", str(clip)]
    ended = subprocess.run([sys.executable, str(PROGRAM), *options], check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr

    found = json.loads(ended.stdout)
    for name in ("station", "peer"):
        (run,) = found[name]
        assert run["achieved_rate"] > 0
        assert run["decode_cpu_ms_per_picture"] > 0
        assert run["other_cpu_ms_per_frame"] > 0
    expected = found["station"][0]["streams_per_core"] / found["peer"][0]["streams_per_core"]
    assert found["streams_per_core_ratio"]["median"] == pytest.approx(expected)
    assert found["detections"]["frames"] >= 8
    assert found["detections"]["agreement"] >= 0.9
