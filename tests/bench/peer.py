"""A station beside what one would write without it (`peer_program.py`), in one run.

Same clip, same kind of streams, same rate, same threshold, same model files. The peer neither searches turned faces nor
follows them, and it does not notice frozen pictures or lost cameras; the station does all of this within its numbers.

    python tests/bench/peer.py --cameras 2 --seconds 20 --rounds 2

Both run in turn, every second round in the other order, so that a change of the machine's load meets both. Streams per
core is what one core would carry: 1 / (pictures/s x decoding cost + wanted frames/s x cost of an analysed frame), in
CPU time. So it holds also where the machine was too busy for the wanted rate; `achieved_rate` says how much of it there
was.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import numpy as np
from peer_program import Peer

from monitor.bench.cameras import ClipCameras
from monitor.bench.clips import draw_clip
from monitor.bench.machine import describe_machine
from monitor.config import FaceSettings, ModelSettings
from monitor.demo.servers import LocalRedis
from monitor.faces.patient_tracker import PatientTracker
from monitor.pipeline.models import ModelSet
from monitor.video.frame import Frame
from monitor.video.reader import open_video

HERE = Path(__file__).resolve().parent
CLIP_SECONDS = 8.0
# Two answers are the same face when their middles lie no further apart than this share of its size.
SAME_FACE_SHARE = 0.25


def metrics(found, used_cpu_seconds, decode_cpu_seconds, pictures_per_second, cameras, rate):
    """Return what can be compared."""
    if not found["analysed_frames"]:
        sys.exit("no frame was analysed in time: the machine is too busy for this; ask for more --seconds")
    decode = decode_cpu_seconds / found["decoded"]
    other = (used_cpu_seconds - decode_cpu_seconds) / found["analysed_frames"]
    return {
        "achieved_rate": found["analysed_frames"] / found["seconds"] / cameras / rate,
        "decode_cpu_ms_per_picture": 1000 * decode,
        "other_cpu_ms_per_frame": 1000 * other,
        "streams_per_core": 1.0 / (pictures_per_second * decode + rate * other),
        "resident_megabytes": found["resident_megabytes"],
    }


def run_station(clip, pictures_per_second, cameras, seconds, rate):
    """Measure the station in a process of its own."""
    program = [sys.executable, "-c", "from monitor.cli import main; main()", "bench", "--json", "--clip", str(clip)]
    options = ["--cameras", str(cameras), "--seconds", str(seconds), "--rate", str(rate), "--engine", "onnxruntime"]
    ended = subprocess.run([*program, *options], stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(ended.stdout)
    stages = found["cpu_seconds"]
    if found["efficiency"] is None:
        sys.exit("the station analysed no frame in time: the machine is too busy; ask for more --seconds")
    total = {**found["total"], "seconds": found["seconds"], "resident_megabytes": found["resident_megabytes"]}
    decode = stages.get("decode", 0.0) + stages.get("receive", 0.0)
    used = found["efficiency"]["used_cpu_seconds"]
    return metrics(total, used, decode, pictures_per_second, cameras, rate)


def run_peer(clip, pictures_per_second, cameras, seconds, rate):
    """Measure the peer in a process of its own."""
    with ExitStack() as running:
        directory = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="nicu-peer-")))
        redis_url = running.enter_context(LocalRedis(directory)).url
        names = [f"bed-{number}" for number in range(1, cameras + 1)]
        urls = running.enter_context(ClipCameras(clip, names)).urls
        program = [sys.executable, str(HERE / "peer_program.py"), redis_url, str(seconds), str(rate), *urls.values()]
        ended = subprocess.run(program, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(ended.stdout)
    return metrics(found, found["cpu_seconds"], found["decode_cpu_seconds"], pictures_per_second, cameras, rate)


def agreement(clip, rate):
    """Return in how many of the clip's frames each finds the patient's face, and both the same."""
    settings = FaceSettings()
    patient_tracker, peer = PatientTracker(settings), Peer()
    models = ModelSet(ModelSettings(engine="onnxruntime"), settings).open()
    counts = dict.fromkeys(("frames", "station", "peer", "both", "same"), 0)
    with open_video(clip, rate) as video:
        for frame in video:
            frame_faces = patient_tracker.update(
                Frame(frame.image, frame.time_seconds, None, frame.index), models.detector
            )
            boxes = peer.faces(np.asarray(frame.image))
            counts["frames"] += 1
            counts["station"] += frame_faces.patient is not None
            counts["peer"] += len(boxes) > 0
            if frame_faces.patient is None or not len(boxes):
                continue
            counts["both"] += 1
            mine = frame_faces.patient.face.box
            middles = (boxes[:, :2] + boxes[:, 2:]) / 2 - (mine.center_x_px, mine.center_y_px)
            counts["same"] += bool(((middles**2).sum(axis=1) ** 0.5).min() <= SAME_FACE_SHARE * mine.size_px)
    models.close()
    found_by_either = counts["station"] + counts["peer"] - counts["both"]
    return {**counts, "agreement": counts["same"] / found_by_either if found_by_either else None}


def compare(clip, cameras, seconds, rate, rounds):
    """Return every metric of both, their ratios round by round, and the agreement."""
    with open_video(clip) as video:
        pictures_per_second = video.frames_per_second or 30.0
    runs = {"station": [], "peer": []}
    programs = {"station": run_station, "peer": run_peer}
    for number in range(rounds):
        for name in sorted(programs, reverse=number % 2 == 0):
            runs[name].append(programs[name](clip, pictures_per_second, cameras, seconds, rate))
    pairs = zip(runs["station"], runs["peer"], strict=True)
    ratios = [station["streams_per_core"] / peer["streams_per_core"] for station, peer in pairs]
    return {
        "machine": asdict(describe_machine()),
        "clip": clip.name,
        "cameras": cameras,
        "rate": rate,
        **runs,
        "streams_per_core_ratio": {"rounds": ratios, "median": statistics.median(ratios)},
        "detections": agreement(clip, rate),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cameras", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=5.0, help="frames to analyse per second and camera")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--clip", type=Path, help="what the cameras show; a synthetic infant when absent")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nicu-peer-clip-") as directory:
        clip = options.clip
        if clip is None:
            clip = Path(directory) / "synthetic-720.mp4"
            draw_clip(clip, 720, CLIP_SECONDS)
        found = compare(clip, options.cameras, options.seconds, options.rate, options.rounds)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
