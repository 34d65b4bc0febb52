"""How soon a second face beside the patient's is noticed: by small scans that follow hints, and by large ones.

    python tests/bench/second_faces.py --infants 12 [CLIP...]

Into pictures of synthetic infants (720p) another synthetic infant's face is put, or that of a recorded clip, with 0.55
of the patient's size, far from it, at angles all around. Four frames a second go through a tracker; a second face
counts as noticed when it makes the patient questionable, within 15 s. Prints how many were noticed, and after how many
seconds. With `--seconds-alone 25` nothing has changed for so long before that scans come seldom.
"""

import argparse
import json
import math
import statistics
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np

from monitor.config import FaceSettings, ModelSettings
from monitor.faces.detection_passes import FrameDetector
from monitor.faces.patient_tracker import PatientTracker
from monitor.pain.vocabulary import Visibility
from monitor.pipeline.models import ModelSet
from monitor.synthetic import SyntheticBed
from monitor.video.frame import Frame
from monitor.video.reader import open_video

FRAMES_PER_SECOND = 4.0
SECONDS_ALONE = 1.25
LONGEST_SECONDS = 15.0
SHARE = 0.55
FIRST_SEED = 101
FACES_EACH = 4


def recorded_face(path, detector):
    """Return the first picture of a clip and the box of its face."""
    with open_video(path, 1.0) as video:
        image = np.array(next(iter(video)).image)
    frame_faces = PatientTracker(FaceSettings()).update(Frame(image, 0.0, None, 0), detector)
    return image, frame_faces.patient.face.box


def put(image, patient, source, box, turn_deg):
    """Return the picture with the face of another one in the corner that is farthest from the patient."""
    height, width = image.shape[:2]
    size_px = SHARE * patient.size_px
    half = 0.75 * size_px
    corners = [(x, y) for x in (half + 5, width - half - 5) for y in (half + 5, height - half - 5)]
    x, y = max(corners, key=lambda corner: math.dist(corner, (patient.center_x_px, patient.center_y_px)))
    scale = size_px / box.size_px
    shrink = max(1, int(1 / scale))
    small = cv2.resize(source, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA)
    angle = math.radians(box.orientation_deg - turn_deg)
    cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
    center_x, center_y = box.center_x_px, box.center_y_px
    there = np.array(
        [[cos, -sin, x - cos * center_x + sin * center_y], [sin, cos, y - sin * center_x - cos * center_y]]
    )
    there[:, :2] *= shrink
    other = cv2.warpAffine(small, there, (width, height), borderMode=cv2.BORDER_REPLICATE)
    rows, columns = np.indices((height, width))
    share = np.clip((half - np.hypot(columns - x, rows - y)) / (0.12 * size_px), 0.0, 1.0)[..., None]
    return (image * (1 - share) + other * share).astype(np.uint8)


def noticed_after(detector, alone, both, seconds_alone):
    """Return after how many seconds the second face is noticed; None where it is not."""
    frames_alone = round(seconds_alone * FRAMES_PER_SECOND)
    patient_tracker = PatientTracker(FaceSettings())
    for index in range(frames_alone + int(LONGEST_SECONDS * FRAMES_PER_SECOND)):
        image = alone if index < frames_alone else both
        frame_faces = patient_tracker.update(Frame(image, index / FRAMES_PER_SECOND, None, index), detector)
        if frame_faces.visibility is Visibility.AMBIGUOUS:
            return (index - frames_alone) / FRAMES_PER_SECOND
    return None


def metrics(seconds):
    """Return what both ways are compared by."""
    found = [value for value in seconds if value is not None]
    return {
        "faces": len(seconds),
        "noticed": len(found),
        "mean_seconds": statistics.mean(found),
        "p90_seconds": float(np.percentile(found, 90)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("clips", nargs="*", type=Path, help="every fourth second face is one of theirs")
    parser.add_argument("--infants", type=int, default=12)
    parser.add_argument("--seconds-alone", type=float, default=SECONDS_ALONE, help="before the second face comes")
    options = parser.parse_args()
    detector = ModelSet(ModelSettings(engine="onnxruntime"), FaceSettings()).open().detector
    recorded = [recorded_face(path, detector) for path in options.clips]
    beds = [
        SyntheticBed(FIRST_SEED + 2 * n, "calm", width_px=1280, height_px=720, fps=30) for n in range(options.infants)
    ]
    synthetic = [(image, truth.face.box) for image, truth in (bed.frame(1.0) for bed in beds)]
    seconds = {"small scans": [], "large scans": []}
    for number, (image, box) in enumerate(synthetic):
        for face in range(FACES_EACH):
            others = recorded if recorded and face == FACES_EACH - 1 else synthetic
            source, source_box = others[(number + face + 2) % len(others)]
            both = put(image, box, source, source_box, box.orientation_deg + 90.0 * number + 45.0 * face + 11.0 * face)
            seconds["small scans"].append(noticed_after(detector, image, both, options.seconds_alone))
            with patch.object(FrameDetector, "can_scan_small", lambda *_: False):
                seconds["large scans"].append(noticed_after(detector, image, both, options.seconds_alone))
    print(json.dumps({way: metrics(found) for way, found in seconds.items()}, indent=2))


if __name__ == "__main__":
    main()
