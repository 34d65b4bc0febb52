"""The library `uniface`, which one might reach for, beside the station's way of finding faces, on the same weights.

    pip install --no-deps --target /tmp/uniface uniface scikit-image lazy-loader    # no dependency of this project
    nicu-export detector --from WEIGHTS.pth --out /tmp/same
    PYTHONPATH=/tmp/uniface python tests/bench/uniface_peer.py WEIGHTS.onnx /tmp/same CLIP

WEIGHTS.onnx is RetinaFace as its authors export it: one float picture of 640 px, raw boxes, class scores and landmarks;
WEIGHTS.pth are the same weights. uniface 4 takes only the names of weights that it downloads itself and checks by hash,
so its session is opened on the given file behind that check; its own scaling, decoding and suppression run as they are.
Prints CPU ms a frame of both, and how often they see the same face.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

from monitor.config import FaceSettings, ModelSettings
from monitor.faces.patient_tracker import PatientTracker
from monitor.pipeline.models import ModelSet
from monitor.video.reader import open_video

RATE = 5.0
MINIMUM_SCORE = 0.8
SAME_FACE_SHARE = 0.25
SETTLING_FRAMES = 3


def open_uniface(weights):
    """Return uniface's RetinaFace on given weights."""
    try:
        from uniface.detection import retinaface
    except ImportError as error:
        sys.exit(
            f"uniface cannot be imported ({error}); pip install --target DIRECTORY uniface, and name it in PYTHONPATH"
        )
    retinaface.verify_model_weights = lambda _name: str(weights)
    return retinaface.RetinaFace(confidence_threshold=MINIMUM_SCORE, providers=["CPUExecutionProvider"])


def cpu_ms(run):
    """Return what a call gives, and the CPU time of all threads."""
    began = time.process_time()
    answer = run()
    return answer, 1000 * (time.process_time() - began)


def main():
    weights, bundle, clip = (Path(argument).absolute() for argument in sys.argv[1:])
    peer = open_uniface(weights)
    settings = FaceSettings(minimum_score=MINIMUM_SCORE)
    models = ModelSet(ModelSettings(detector=str(bundle), engine="onnxruntime"), settings).open()
    patient_tracker = PatientTracker(settings)
    costs = {"uniface": [], "station": []}
    counts = dict.fromkeys(("frames", "uniface", "station", "both", "same"), 0)
    with open_video(clip, RATE) as video:
        for frame in video:
            found, cost = cpu_ms(lambda frame=frame: peer.detect(np.asarray(frame.image)[:, :, ::-1]))
            frame_faces, own = cpu_ms(lambda frame=frame: patient_tracker.update(frame, models.detector))
            counts["frames"] += 1
            if counts["frames"] > SETTLING_FRAMES:
                costs["uniface"].append(cost)
                costs["station"].append(own)
            counts["uniface"] += len(found) > 0
            counts["station"] += frame_faces.patient is not None
            if not found or frame_faces.patient is None:
                continue
            counts["both"] += 1
            box = frame_faces.patient.face.box
            middles = [(face.bbox[:2] + face.bbox[2:]) / 2 - (box.center_x_px, box.center_y_px) for face in found]
            counts["same"] += bool(min(np.linalg.norm(middle) for middle in middles) <= SAME_FACE_SHARE * box.size_px)
    models.close()
    means = {name: float(np.mean(values)) for name, values in costs.items()}
    ratio = means["uniface"] / means["station"]
    print(json.dumps({"clip": clip.name, **counts, "cpu_ms_per_frame": means, "ratio": ratio}, indent=2))


if __name__ == "__main__":
    main()
