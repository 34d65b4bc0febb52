"""What a bilinear warp before an average changes in crops and scores, beside a box that moves by half a pixel.

    python tests/bench/crop_warp.py CLIP...

Faces of the clips and of synthetic infants are brought to sizes at which a crop's pixel covers 1.7, 2.0 and 2.4 of the
picture's: there the crop is warped to twice its size and averaged. The bicubic crop is what the others are compared
with. Costs are CPU milliseconds of a crop.
"""

import argparse
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from quality import recorded_frames

from monitor.config import FaceSettings, ModelSettings, RegionOfInterest
from monitor.faces import crop as crops
from monitor.faces.geometry import OrientedBox
from monitor.faces.patient_tracker import PatientTracker
from monitor.pipeline.models import ModelSet
from monitor.synthetic import SyntheticBed
from monitor.video.frame import Frame

CLASSIFIERS = ("face-actions", "ncnn-demo")
RATIOS = (1.7, 2.0, 2.4)
LARGEST_ENLARGEMENT = 1.6
SEEDS, SECONDS = (3, 5, 7, 23), range(0, 24, 2)
WAYS = {"bicubic": (3, 0.0), "bilinear": (2, 0.0), "bicubic, half a pixel further right": (3, 0.5)}


def faces(clips, detector):
    """Yield pictures, and where the patient's face lies in each."""
    groups = [recorded_frames(path)[::2] for path in clips]
    for seed in SEEDS:
        bed = SyntheticBed(seed, "pain", width_px=1280, height_px=720, fps=30)
        groups.append([Frame(bed.frame(float(second))[0], second / 5, None, second) for second in SECONDS])
    for frames in groups:
        tracker = PatientTracker(FaceSettings(), RegionOfInterest(), 0.0)
        for frame in frames:
            patient = tracker.update(frame, detector, may_search=True, followed=None).patient
            if patient is not None:
                yield frame.image, patient.face.box


def resized(image, box, ratio, spec):
    """Return picture and box at a size at which a crop's pixel covers so many; None where that enlarges too much."""
    factor = ratio * spec.size_px / ((1 + 2 * spec.margin) * max(box.width_px, box.height_px))
    if factor > LARGEST_ENLARGEMENT:
        return None
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    x, y = ((value + 0.5) * factor - 0.5 for value in (box.center_x_px, box.center_y_px))
    moved = OrientedBox(x, y, box.width_px * factor, box.height_px * factor, box.orientation_deg)
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=how), moved


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("clips", nargs="*", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    opened = {name: ModelSet(ModelSettings(classifier=name), FaceSettings()).open() for name in CLASSIFIERS}
    rows = defaultdict(list)
    for image, box in faces(options.clips, opened[CLASSIFIERS[0]].detector):
        for name, models in opened.items():
            for ratio in RATIOS:
                found = resized(image, box, ratio, models.crop)
                if found is None:
                    continue
                reference = None
                for way, (bilinear_from, shift_px) in WAYS.items():
                    crops._BILINEAR_FROM = bilinear_from
                    placed = replace(found[1], center_x_px=found[1].center_x_px + shift_px)
                    began = time.thread_time()
                    crop = crops.crop_face(found[0], placed, models.crop)
                    cost_ms = 1000 * (time.thread_time() - began)
                    score = models.classifier.answers(crop[None])[0].score
                    reference = reference or (crop.astype(int), score)
                    rows[name, ratio, way].append((abs(crop - reference[0]).mean(), abs(score - reference[1]), cost_ms))
    for (name, ratio, way), values in sorted(rows.items()):
        levels, scores, costs = np.array(values).T
        print(
            f"{name}, ratio {ratio}, {way}: {len(values)} crops, {levels.mean():.2f} levels, "
            f"scores {scores.mean():.4f} (p95 {np.percentile(scores, 95):.3f}, max {scores.max():.3f}), "
            f"{np.median(costs):.2f} ms"
        )


if __name__ == "__main__":
    main()
