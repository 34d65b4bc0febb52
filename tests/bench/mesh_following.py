"""What following a face by its mesh saves, and what it changes, beside the same chain with a pass in every frame.

    python tests/bench/mesh_following.py --frames 60 CLIP...

The same frames go through the whole chain of a bed (tracker, crop, classifier, alarm logic) both ways, two times in
turn; CPU times are the lesser of each way's means, of this process, once the face was found. Landmark errors are those
of `quality.py`, on synthetic infants; recorded clips have no true points.
"""

import argparse
import itertools
import json
import time
from pathlib import Path

import cv2
import numpy as np
from quality import FRAMES_PER_SECOND, SETTLING_FRAMES, landmark_error, recorded_frames

from monitor.config import AlarmSettings, BedSettings, CameraSettings, FaceSettings, ModelSettings
from monitor.pipeline.bed_pipeline import BedPipeline
from monitor.pipeline.models import ModelSet
from monitor.synthetic import SyntheticBed
from monitor.video.frame import Frame

SYNTHETIC = ((3, "calm"), (7, "calm"), (5, "pain"), (23, "pain"), (11, "occluded"), (13, "carer"))
ROUNDS = 2


def run(frames, models, *, follows):
    """Return the results of all frames and the mean CPU milliseconds of one."""
    numbers = itertools.count()
    bed = BedPipeline(
        BedSettings(id="bed", camera=CameraSettings(url="synthetic://calm")),
        FaceSettings(mesh_following=True),
        AlarmSettings(),
        lambda: f"id-{next(numbers)}",
        time.monotonic,
    )
    if not follows:
        bed._assessor.follow = lambda *_: None
    results, costs = [], []
    for frame in frames:
        began = time.thread_time()
        results.append(bed.analyse(frame, models))
        costs.append(1000 * (time.thread_time() - began))
    return results, float(np.mean(costs[SETTLING_FRAMES:]))


def summary(results, truths):
    """Return counts, and the landmark error where the truth is known."""
    patients = [result.frame_faces.patient for result in results]
    pairs = zip(patients, truths or [], strict=False)
    errors = [landmark_error(patient.face, truth) for patient, truth in pairs if patient and truth]
    return {
        "found": sum(patient is not None for patient in patients),
        "scored": sum(result.observation.score is not None for result in results),
        "identities": len({result.frame_faces.face_id for result in results} - {None}),
        "track_passes": sum(result.frame_faces.track_passes for result in results),
        "landmark_error_percent": round(100 * float(np.mean(errors)), 2) if errors else None,
        "transitions": [
            (change.code.value, change.phase.value, round(result.frame.time_seconds, 1))
            for result in results
            for change in result.transitions
        ],
    }


def compare(frames, truths, models):
    """Return both ways' summaries and the ratio of their costs."""
    row, costs = {}, {True: [], False: []}
    for _, follows in itertools.product(range(ROUNDS), (False, True)):
        results, cost = run(frames, models, follows=follows)
        costs[follows].append(cost)
        row["followed" if follows else "every frame"] = summary(results, truths)
    row["cpu_ms"] = [round(min(costs[follows]), 1) for follows in (False, True)]
    row["ratio"] = round(min(costs[True]) / min(costs[False]), 2)
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--frames", type=int, default=60, help="of each synthetic infant")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    models = ModelSet(ModelSettings(), FaceSettings()).open()
    for path in options.clips:
        frames = recorded_frames(path)
        print(json.dumps({"clip": path.stem, "frames": len(frames), **compare(frames, None, models)}), flush=True)
    for seed, scenario in SYNTHETIC:
        bed = SyntheticBed(seed, scenario, width_px=1280, height_px=720, fps=30)
        seen = [bed.frame(index / FRAMES_PER_SECOND) for index in range(options.frames)]
        frames = [Frame(image, index / FRAMES_PER_SECOND, None, index) for index, (image, _) in enumerate(seen)]
        truths = [truth.face for _, truth in seen]
        row = {"clip": f"{scenario} {seed}", "frames": len(frames), **compare(frames, truths, models)}
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
