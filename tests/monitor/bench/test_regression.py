"""What must not become dearer, as ratios of CPU time within one run, so that a busy machine does not matter."""

import time

import pytest

from monitor.config import FaceSettings, ModelSettings
from monitor.faces.patient_tracker import PatientTracker
from monitor.pain.vocabulary import Visibility
from monitor.pipeline.models import ModelSet
from monitor.synthetic import SyntheticBed
from monitor.video.frame import Frame

FRAMES_PER_SECOND = 5.0
SETTLING_FRAMES = 3
FRAMES = 25


class Timed:
    """A tracker, the CPU time of its passes once it has found the face, and in how many frames it saw the patient."""

    def __init__(self, *, guided):
        settings = FaceSettings(track_guided=guided)
        self.patient_tracker = PatientTracker(settings)
        self.models = ModelSet(ModelSettings(engine="onnxruntime"), settings).open(threads=1)
        self.cpu_seconds = 0.0
        self.seen = 0
        self.boxes = []

    def update(self, frame, *, counts):
        began = time.thread_time()
        frame_faces = self.patient_tracker.update(frame, self.models.detector)
        if counts:
            self.cpu_seconds += time.thread_time() - began
            self.seen += frame_faces.visibility is Visibility.USABLE
            self.boxes.append(None if frame_faces.patient is None else frame_faces.patient.face.box)


@pytest.fixture(scope="module")
def both():
    """The same frames through guided passes and through passes over whole pictures, in turn."""
    bed = SyntheticBed(3, "calm", width_px=1280, height_px=720, fps=30)
    guided, whole = Timed(guided=True), Timed(guided=False)
    for index in range(SETTLING_FRAMES + FRAMES):
        seconds = index / FRAMES_PER_SECOND
        frame = Frame(bed.frame(seconds)[0], seconds, seconds, index)
        for timed in (guided, whole):
            timed.update(frame, counts=index >= SETTLING_FRAMES)
    yield guided, whole
    guided.models.close()
    whole.models.close()


def test_guided_detection_costs_at_most_half_of_passes_over_whole_pictures(both):
    guided, whole = both
    assert whole.cpu_seconds > 0
    assert guided.cpu_seconds / whole.cpu_seconds <= 0.5


def test_guided_detection_finds_the_same_face_as_often(both):
    guided, whole = both
    assert whole.seen == FRAMES
    assert guided.seen >= whole.seen
    for one, other in zip(guided.boxes, whole.boxes, strict=True):
        assert one.distance_px(other) <= 0.1 * other.size_px
