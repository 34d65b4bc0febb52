"""What the patient's face shows in one frame, and following it by its mesh so that most frames need no detector."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.errors import EngineError
from monitor.faces.actions.clinical import clinical_actions, mesh_of_crop
from monitor.faces.crop import crop_face
from monitor.faces.geometry import Face, OrientedBox
from monitor.faces.mesh_following import FaceReading, MeshFollower
from monitor.faces.patient_tracker import FrameFaces, PatientTracker
from monitor.faces.squares import CropSquare
from monitor.inference.lazy_rows import LazyRows
from monitor.pain.vocabulary import FaceAction, Region, Visibility
from monitor.pipeline.covered_face import hidden_in, shows_face
from monitor.pipeline.models import WorkerModels
from monitor.pipeline.prior import shift_prior
from monitor.video.frame import Frame

__all__ = ["Assessment", "FaceAssessor"]

# Below this probability that a crop shows a face no action is measured on it.
_MINIMUM_PRESENCE = 0.5


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the patient's face shows in one frame; as in `Sample`, with the reason of a failure."""

    visibility: Visibility
    score: float | None = None
    hidden: tuple[Region, ...] = ()
    actions: Mapping[FaceAction, float] = field(default_factory=dict)
    failure: str | None = None


class FaceAssessor:
    """Reads the patient's face of one bed, one crop a frame. Not thread-safe.

    A frame goes first to `follow`, then through the tracker, then to `assess`. Where the face was followed by its mesh,
    the crop and the answer that showed it are those that are assessed.

    Args:
        expected_prior: Share of pain expected at the bedside, None to keep the classifier's own.
    """

    def __init__(self, expected_prior: float | None = None) -> None:
        self._expected_prior = expected_prior
        self._follower = MeshFollower()
        self._followed: tuple[Face, FaceReading] | None = None

    def follow(self, frame: Frame, tracker: PatientTracker, models: WorkerModels) -> Face | None:
        """Return the patient's face of a frame as its mesh shows it; None where the frame needs a detection pass.

        A model that fails is no answer here; `assess` reports it.
        """
        self._followed = None
        if not self._follower.is_due(frame.time_seconds):
            return None
        last = tracker.followable()
        if last is None:
            self._follower.lose()
            return None
        try:
            reading = _read(frame, last.box, models)
        except EngineError:
            self._follower.lose()
            return None
        face = self._follower.follow(reading, models.crop, frame.time_seconds)
        if face is not None:
            self._followed = face, reading
        return face

    def assess(self, frame: Frame, frame_faces: FrameFaces, models: WorkerModels, *, is_scored: bool) -> Assessment:
        """Return what the patient's face shows: hidden regions, else the score and the facial actions.

        A face in which the mesh sees none is POOR.

        Args:
            frame: Of which `frame_faces` came.
            frame_faces: What the tracker made of it.
            models: The calling thread's.
            is_scored: Whether the bed's scores are wanted.

        Raises:
            EngineError: A model failed.
        """
        patient, visibility = frame_faces.patient, frame_faces.visibility
        if patient is None or not is_scored or visibility not in {Visibility.USABLE, Visibility.AMBIGUOUS}:
            self._follower.lose()
            return Assessment(visibility)
        if self._followed is not None and patient.face is self._followed[0]:
            reading = self._followed[1]
        else:
            reading = _read(frame, patient.face.box, models)
            self._follower.confirm(reading, patient.face, models.crop, frame.time_seconds)
        if reading.hidden:
            return Assessment(Visibility.COVERED, hidden=reading.hidden)
        if not shows_face(reading.answer):
            return Assessment(Visibility.POOR)
        answer, score = reading.answer, reading.answer.score
        if score is None:
            return Assessment(Visibility.NO_SCORE, failure="the classifier gave no answer to this face")
        if self._expected_prior is not None:
            score = shift_prior(score, models.training_prior, self._expected_prior)
        actions: Mapping[FaceAction, float] = {}
        if answer.points is not None and answer.presence is not None:
            mesh = mesh_of_crop(reading.crop, answer.points, answer.presence, _MINIMUM_PRESENCE, reading.box)
            actions = clinical_actions(mesh)
        return Assessment(visibility, score, actions=actions)


def _read(frame: Frame, box: OrientedBox, models: WorkerModels) -> FaceReading:
    """Cut the crop at a box and return what the classifier says of it.

    Raises:
        EngineError: The classifier failed.
    """
    cutter = models.cutter
    if cutter is None or not cutter.is_ready:
        crop = crop_face(frame.image, box, models.crop)
        answer = models.classifier.answers(crop[None])[0]
    else:
        square = CropSquare(frame.image, box, models.crop)
        answer = models.classifier.answers(LazyRows((square,), models.crop.size_px, cutter))[0]
        crop = square.pixels()
    return FaceReading(box, crop, answer, hidden_in(crop, answer))
