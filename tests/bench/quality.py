"""What each way of looking costs, and what it does to recall and landmarks, on drawn infants whose truth is known.

    python tests/bench/quality.py --infants 6 --frames 50

The same pictures (720p, 5 a second, infants at rest and in pain, each lying otherwise) go through a follower with looks
at whole pictures at 640, with track-guided looks, and with track-guided looks but without the small model for faces
that are followed. Clips given as arguments have no truth; of them only the recall is told. CPU times are those of this
process, one way after the other within one run: compare them with each other only.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np

from monitor.config import FaceSettings, ModelSettings
from monitor.faces.detector import FaceDetector
from monitor.faces.follower import FaceFollower
from monitor.inference.bundle import read_bundle
from monitor.inference.opening import open_engine
from monitor.synthetic import SyntheticBed
from monitor.video.frame import Frame
from monitor.video.reader import open_video

FRAMES_PER_SECOND = 5.0
SETTLING_FRAMES = 3
WAYS = {"whole pictures at 640": (False, ()), "guided, close looks": (True, (320,)), "guided": (True, (320, 224))}


def drawn_clips(infants, frames):
    """Yield a name, frames, and the true faces."""
    for number in range(infants):
        scenario = ("calm", "pain")[number % 2]
        bed = SyntheticBed(3 + 2 * number, scenario, width_px=1280, height_px=720, fps=30)
        drawn = [bed.frame(index / FRAMES_PER_SECOND) for index in range(frames)]
        pictures = [Frame(image, index / FRAMES_PER_SECOND, None, index) for index, (image, _) in enumerate(drawn)]
        yield f"{scenario} {number}", pictures, [truth.face for _, truth in drawn]


def recorded_clips(paths):
    """Yield a name and frames; None instead of the truth."""
    for path in paths:
        with open_video(path, FRAMES_PER_SECOND) as video:
            yield path.stem, list(video), None


def landmark_error(face, truth):
    """Return the mean distance of the five points from the true ones, in inter-ocular distances."""
    true = np.asarray(truth.landmarks)
    return float(np.linalg.norm(face.landmarks - true, axis=1).mean() / np.linalg.norm(true[0] - true[1]))


def follow(detector, guided, frames, faces):
    """Return faces found, frames with a face, landmark errors, and CPU ms a frame once the face was found."""
    follower, errors, costs, found = FaceFollower(FaceSettings(track_guided=guided)), [], [], 0
    for index, frame in enumerate(frames):
        began = time.thread_time()
        sighting = follower.update(frame, detector)
        if index >= SETTLING_FRAMES:
            costs.append(1000 * (time.thread_time() - began))
        found += sighting.patient is not None
        if faces is not None and faces[index] is not None and sighting.patient is not None:
            errors.append(landmark_error(sighting.patient.face, faces[index]))
    return found, len(frames), errors, statistics.mean(costs)


def measure(clips):
    """Return the figures of each way, over all clips."""
    bundle = read_bundle(ModelSettings().detector, kind="detector")
    engines = {size: open_engine(bundle, size_px=size, choice="onnxruntime") for size in (640, 320, 224)}
    table = {}
    for way, (guided, sizes) in WAYS.items():
        detector = FaceDetector(engines[640], *(engines[size] for size in sizes))
        runs = [follow(detector, guided, frames, faces) for _, frames, faces in clips]
        errors = [error for run in runs for error in run[2]]
        table[way] = {
            "recall": sum(run[0] for run in runs) / sum(run[1] for run in runs),
            "frames": sum(run[1] for run in runs),
            "landmark_error_percent": 100 * statistics.mean(errors),
            "landmark_error_p95_percent": 100 * float(np.percentile(errors, 95)),
            "cpu_ms_per_frame": statistics.mean(run[3] for run in runs),
        }
    whole = table["whole pictures at 640"]["cpu_ms_per_frame"]
    for row in table.values():
        row["cost_share"] = row["cpu_ms_per_frame"] / whole
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--infants", type=int, default=6)
    parser.add_argument("--frames", type=int, default=50, help="of each infant")
    options = parser.parse_args()
    clips = [*drawn_clips(options.infants, options.frames), *recorded_clips(options.clips)]
    print(json.dumps(measure(clips), indent=2))


if __name__ == "__main__":
    main()
