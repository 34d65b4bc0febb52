"""What leaving out pictures that no other needs saves, beside decoding all of them.

    python tests/bench/unreferenced_pictures.py CLIP...

One camera at 5 frames/s watches a clip over RTSP, sent by another process, both ways in turn. Without clips of your
own, a synthetic infant is encoded as a camera with two B pictures between the others does. CPU milliseconds of this
process (user and system) for each frame that is handed on; it converts and checks it, and analyses nothing.
"""

import argparse
import json
import resource
import statistics
import tempfile
import time
from pathlib import Path
from unittest import mock

from monitor.bench.cameras import ClipCameras
from monitor.bench.clips import draw_clip
from monitor.clock import SystemClock
from monitor.config import CameraSettings
from monitor.video.camera import Camera
from monitor.video.picture_references import ReferenceRate
from monitor.video.writer import CameraEncoding

FRAMES_PER_SECOND = 5.0
SETTLING_SECONDS = 3.0


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def watch(url, seconds):
    """Return CPU milliseconds a frame, frames and decoded pictures a second, and the median age of a frame."""
    camera, ages = Camera(CameraSettings(url=url), "bench", SystemClock(), FRAMES_PER_SECOND), []
    camera.start()
    try:
        while camera.latest_frame.take(0.5) is None:
            pass
        time.sleep(SETTLING_SECONDS)
        before, used, began = camera.status(), cpu_seconds(), time.monotonic()
        while time.monotonic() < began + seconds:
            frame = camera.latest_frame.take(0.1)
            if frame is not None:
                ages.append(time.monotonic() - frame.time_seconds)
        after, used, taken = camera.status(), cpu_seconds() - used, time.monotonic() - began
    finally:
        camera.stop()
    frames = after.frames - before.frames
    decoded = (after.pictures - after.undecoded) - (before.pictures - before.undecoded)
    return 1000 * used / frames, frames / taken, decoded / taken, 1000 * statistics.median(ages)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        clips = options.clips
        if not clips:
            clips = [Path(directory) / "b-pictures.mp4"]
            draw_clip(clips[0], 720, 6.0, CameraEncoding(b_pictures=2))
        for clip in clips:
            rounds = {"all": [], "referenced": []}
            with ClipCameras(clip, ["bed"]) as cameras:
                for _ in range(options.rounds):
                    with mock.patch.object(ReferenceRate, "are_enough", return_value=False):
                        rounds["all"].append(watch(cameras.urls["bed"], options.seconds))
                    rounds["referenced"].append(watch(cameras.urls["bed"], options.seconds))
            names = ("cpu_ms_a_frame", "frames_per_second", "decoded_per_second", "median_age_ms")
            found = {
                way: dict(
                    zip(names, (round(statistics.median(column), 2) for column in zip(*rows, strict=True)), strict=True)
                )
                for way, rows in rounds.items()
            }
            print(json.dumps({"clip": clip.name, **found}), flush=True)


if __name__ == "__main__":
    main()
