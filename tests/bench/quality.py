"""What each way of detecting costs, with its recall and landmark errors, on synthetic infants whose truth is known.

    python tests/bench/quality.py --infants 6 --frames 50

The same pictures (720p, 5 a second, infants at rest and in pain, each lying otherwise) go through a tracker with passes
over whole pictures at 640, with track-guided detection, and with that but without the small model for faces
that are tracked. CPU times are those of this process, one way after the other within one run: compare them with each
other only.

Clips given as arguments have no truth. What stands in for it is the median of 24 passes over each face, in three sizes
and at eight positions among the detector's cells: what one pass adds by its size and position cancels there. Distances
from it are given as shares of the face's size (root of its box's area), because eyes fall together in profile.
"""

import argparse
import itertools
import json
import statistics
import time
from pathlib import Path

import numpy as np

from monitor.config import FaceSettings, ModelSettings
from monitor.faces.detector import FaceDetector
from monitor.faces.patient_tracker import PatientTracker
from monitor.faces.viewport import Viewport
from monitor.inference.bundle import read_bundle
from monitor.inference.engine_factory import open_engine
from monitor.pain.vocabulary import Visibility
from monitor.synthetic import SyntheticBed
from monitor.video.frame import Frame
from monitor.video.reader import open_video

FRAMES_PER_SECOND = 5.0
SETTLING_FRAMES = 3
RECORDED_FRAMES = 60
REFERENCE_EVERY = 6
REFERENCE_FACES_PX = (90.0, 115.0, 145.0)
REFERENCE_SHIFTS_PX = tuple((right, down) for down in (0.0, 8.0) for right in (0.0, 4.0, 8.0, 12.0))
WAYS = {"whole pictures at 640": (False, ()), "guided, 320 px": (True, (320,)), "guided": (True, (320, 224))}


def synthetic_clips(infants, frames):
    """Yield a name, frames, and the true faces."""
    for number in range(infants):
        scenario = ("calm", "pain")[number % 2]
        bed = SyntheticBed(3 + 2 * number, scenario, width_px=1280, height_px=720, fps=30)
        synthetic = [bed.frame(index / FRAMES_PER_SECOND) for index in range(frames)]
        pictures = [Frame(image, index / FRAMES_PER_SECOND, None, index) for index, (image, _) in enumerate(synthetic)]
        yield f"{scenario} {number}", pictures, [truth.face for _, truth in synthetic]


def recorded_frames(path):
    """Return the frames of a clip, with pictures of their own."""
    with open_video(path, FRAMES_PER_SECOND) as video:
        frames = itertools.islice(video, RECORDED_FRAMES)
        return [Frame(np.array(frame.image), frame.time_seconds, None, frame.index) for frame in frames]


def usual_points(detector, image, box):
    """Return the median of where many passes over a face see its five points; None where less than half of them do."""
    size_px, seen = detector.face_size_px, []
    for face_px, (right, down) in itertools.product(REFERENCE_FACES_PX, REFERENCE_SHIFTS_PX):
        view = Viewport.around(box, box.orientation_deg, size_px, face_px, (right, down))
        found = detector.detect(image, view, FaceSettings().minimum_score)
        near = [one.face for one in found if one.face.box.distance_px(box) <= 0.5 * box.size_px]
        seen += [near[0].landmarks] if near else []
    passes = len(REFERENCE_FACES_PX) * len(REFERENCE_SHIFTS_PX)
    return np.median(seen, axis=0) if len(seen) >= passes / 2 else None


def follow_recorded(detectors, frames):
    """Return the metrics of each way on one recorded clip."""
    results = {}
    for way, (guided, _) in WAYS.items():
        patient_tracker = PatientTracker(FaceSettings(track_guided=guided))
        results[way] = [patient_tracker.update(frame, detectors[way]) for frame in frames]
    far = {way: [] for way in WAYS}
    for index in range(0, len(frames), REFERENCE_EVERY):
        patients = {way: seen[index].patient for way, seen in results.items()}
        if any(patient is None for patient in patients.values()):
            continue
        box = patients["whole pictures at 640"].face.box
        usual = usual_points(detectors["guided"], frames[index].image, box)
        if usual is not None:
            for way, patient in patients.items():
                far[way].append(np.linalg.norm(patient.face.landmarks - usual, axis=1).mean() / box.size_px)
    return {
        way: {
            "frames": len(seen),
            "recall": sum(one.patient is not None for one in seen) / len(seen),
            "ambiguous": sum(one.visibility is Visibility.AMBIGUOUS for one in seen),
            "points_from_usual_percent": 100 * float(np.mean(far[way])) if far[way] else None,
        }
        for way, seen in results.items()
    }


def landmark_error(face, truth):
    """Return the mean distance of the five points from the true ones, in inter-ocular distances."""
    true = np.asarray(truth.landmarks)
    return float(np.linalg.norm(face.landmarks - true, axis=1).mean() / np.linalg.norm(true[0] - true[1]))


def follow(detector, guided, frames, faces):
    """Return faces found, frames with a face, landmark errors, and CPU ms a frame once the face was found."""
    patient_tracker, errors, costs, found = PatientTracker(FaceSettings(track_guided=guided)), [], [], 0
    for index, frame in enumerate(frames):
        began = time.thread_time()
        frame_faces = patient_tracker.update(frame, detector)
        if index >= SETTLING_FRAMES:
            costs.append(1000 * (time.thread_time() - began))
        found += frame_faces.patient is not None
        if faces[index] is not None and frame_faces.patient is not None:
            errors.append(landmark_error(frame_faces.patient.face, faces[index]))
    return found, len(frames), errors, statistics.mean(costs)


def open_detectors():
    """Return the detector of each way."""
    bundle = read_bundle(ModelSettings().detector, kind="detector")
    engines = {size: open_engine(bundle, size_px=size, choice="onnxruntime") for size in (640, 320, 224)}
    return {way: FaceDetector(engines[640], *(engines[size] for size in sizes)) for way, (_, sizes) in WAYS.items()}


def measure(clips, detectors):
    """Return the metrics of each way, over all synthetic clips."""
    table = {}
    for way, (guided, _) in WAYS.items():
        runs = [follow(detectors[way], guided, frames, faces) for _, frames, faces in clips]
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
    detectors = open_detectors()
    synthetic = measure(list(synthetic_clips(options.infants, options.frames)), detectors)
    recorded = {path.stem: follow_recorded(detectors, recorded_frames(path)) for path in options.clips}
    print(json.dumps({"synthetic": synthetic, "recorded": recorded}, indent=2))


if __name__ == "__main__":
    main()
