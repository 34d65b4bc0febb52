"""What following a face by its mesh saves, and what it changes, beside detection in every frame and in whole pictures.

    python tests/bench/mesh_following.py --frames 60 CLIP...

The same frames go through the whole chain of a bed (tracker, crop, classifier, alarm logic) in each way, two times in
turn; CPU times are the lesser of each way's means, of this process, once the face was found. Landmark errors are those
of `quality.py`: from the true points of synthetic infants, and on recorded clips from where many passes see them.
"""

import argparse
import itertools
import json
import time
from pathlib import Path

import cv2
import numpy as np
from quality import (
    FRAMES_PER_SECOND,
    REFERENCE_EVERY,
    SETTLING_FRAMES,
    landmark_error,
    recorded_frames,
    usual_points,
)

from monitor.config import AlarmSettings, BedSettings, CameraSettings, FaceSettings, ModelSettings
from monitor.pipeline.bed_pipeline import BedPipeline
from monitor.pipeline.models import ModelSet
from monitor.synthetic import SyntheticBed
from monitor.video.frame import Frame

SYNTHETIC = ((3, "calm"), (7, "calm"), (5, "pain"), (23, "pain"), (11, "occluded"), (13, "carer"))
ROUNDS = 2
WAYS = {
    "whole pictures": FaceSettings(track_guided=False),
    "every frame": FaceSettings(mesh_following=False),
    "followed": FaceSettings(mesh_following=True),
}


def run(frames, models, settings):
    """Return the results of all frames and the mean CPU milliseconds of one."""
    numbers = itertools.count()
    bed = BedPipeline(
        BedSettings(id="bed", camera=CameraSettings(url="synthetic://calm")),
        settings,
        AlarmSettings(),
        lambda: f"id-{next(numbers)}",
        time.monotonic,
    )
    results, costs = [], []
    for frame in frames:
        began = time.thread_time()
        results.append(bed.analyse(frame, models))
        costs.append(1000 * (time.thread_time() - began))
    return results, float(np.mean(costs[SETTLING_FRAMES:]))


def usual_faces(frames, results, models):
    """Return, for some frames, where many passes see the five points of the face that was found."""
    usual = {}
    for index in range(0, len(frames), REFERENCE_EVERY):
        patient = results[index].frame_faces.patient
        if patient is not None:
            usual[index] = usual_points(models.detector, frames[index].image, patient.face.box)
    return {index: points for index, points in usual.items() if points is not None}


def point_errors(results, truths, usual):
    """Return errors of the five points, in inter-ocular distances or, without a truth, in sizes of the face."""
    patients = [result.frame_faces.patient for result in results]
    if truths is not None:
        pairs = zip(patients, truths, strict=True)
        return [landmark_error(patient.face, truth) for patient, truth in pairs if patient and truth]
    return [
        float(np.linalg.norm(patients[index].face.landmarks - points, axis=1).mean()) / patients[index].face.box.size_px
        for index, points in usual.items()
        if patients[index] is not None
    ]


def summary(results, errors):
    """Return counts, and the errors of the points."""
    return {
        "found": sum(result.frame_faces.patient is not None for result in results),
        "scored": sum(result.observation.score is not None for result in results),
        "identities": len({result.frame_faces.face_id for result in results} - {None}),
        "track_passes": sum(result.frame_faces.track_passes for result in results),
        "point_error_percent": round(100 * float(np.mean(errors)), 2) if errors else None,
        "point_error_p95_percent": round(100 * float(np.percentile(errors, 95)), 2) if errors else None,
        "transitions": [
            (change.code.value, change.phase.value, round(result.frame.time_seconds, 1))
            for result in results
            for change in result.transitions
        ],
    }


def compare(frames, truths, models):
    """Return each way's summary and cost."""
    results, costs = {}, {way: [] for way in WAYS}
    for _, (way, settings) in itertools.product(range(ROUNDS), WAYS.items()):
        results[way], cost = run(frames, models, settings)
        costs[way].append(cost)
    usual = {} if truths is not None else usual_faces(frames, results["every frame"], models)
    row = {way: summary(seen, point_errors(seen, truths, usual)) for way, seen in results.items()}
    lowest = {way: min(of_way) for way, of_way in costs.items()}
    row["cpu_ms"] = {way: round(cost, 1) for way, cost in lowest.items()}
    row["ratio"] = round(lowest["followed"] / lowest["every frame"], 2)
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
