"""One bed, from a frame to observations and changes of alarm conditions.

Live monitoring and replay use this same chain; they differ only in where frames and time come from.

The way of a frame, all of it within `BedPipeline.analyse`:

1. detector: `PatientTracker.update` runs `models.detector` on the frame or on the part around the last face;
2. tracker: the same call links the faces to those of earlier frames and chooses the patient (`FrameFaces.patient`);
3. crop: `crop_face` cuts the patient's face out of the frame;
4. classifier: `models.classifier` gives the probability of pain, `shift_prior` moves it to the expected share of pain;
   in most frames both come first, at the face of the frame before, and its mesh stands in for the detector
   (`FaceAssessor`);
5. visibility: where the classifier says that a region is hidden that the score rests on, the face is covered, and the
   score is not used;
6. level: `BedAlarms.observe` smooths the scores to a level, unknown where the face was seen too little;
7. alarms: the same call compares the level with its thresholds and delays, and returns the changes.

A worker's thread (`monitor.station.workers`) or the replay calls it. A `FrameResult` goes back to the caller, which
passes it to the board and the metrics; changes of alarms also go to `on_change`, and from there to delivery.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from monitor.config import AlarmSettings, BedSettings, FaceSettings, RegionOfInterest
from monitor.errors import EngineError
from monitor.faces.liveness import LivenessDetector
from monitor.faces.patient_tracker import FrameFaces, PatientTracker
from monitor.faces.search_budget import SearchBudget
from monitor.pain.alarm import Acknowledgement
from monitor.pain.bed_alarms import BedAlarms
from monitor.pain.occupancy import BedOccupancy, BedStatement, RecentStatement
from monitor.pain.procedure import ProcedureKind
from monitor.pain.vocabulary import Code, Observation, Occupancy, Sample, Transition, Visibility
from monitor.pipeline.alarm_snapshot import pack, unpack
from monitor.pipeline.face_assessment import Assessment, FaceAssessor
from monitor.pipeline.models import WorkerModels
from monitor.video.frame import Frame
from monitor.video.status import CameraState, CameraStatus

__all__ = ["BedPipeline", "FrameResult"]


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What one frame of one bed led to.

    Attributes:
        frame: The frame.
        frame_faces: The faces in it; None where the detector failed.
        observation: What the bed shows now.
        transitions: Changed alarm conditions, in order of time.
        detect_seconds: Time spent on detecting faces.
        classify_seconds: Time spent on the crop and its score; 0 where there was none.
        failure: Why the models gave no answer; None where they did.
    """

    frame: Frame
    frame_faces: FrameFaces | None
    observation: Observation
    transitions: tuple[Transition, ...]
    detect_seconds: float
    classify_seconds: float
    failure: str | None


class BedPipeline:
    """The chain of one bed. Frames come from one worker at a time; everything else may come from any thread.

    Args:
        settings: Id, camera, region of interest.
        faces: Sizes, scores and times of face detection.
        alarms: When a level becomes an alarm.
        new_id: Makes ids of alerts.
        stopwatch: Monotonic seconds, for the durations in a `FrameResult` only.
        expected_prior: Share of pain expected at the bedside, None to keep the classifier's own.
        on_change: Called with the bed and its changed alarm conditions, in their order, whatever thread they came
            from; it must return at once and may ask for a `snapshot`.
        phase: In [0, 1): when this bed's scans for other faces are due between those of other beds.
        search_budget: Shared by the beds of a station, so that searches for faces cannot starve the tracked ones; None
            lets every search run.
    """

    def __init__(
        self,
        settings: BedSettings,
        faces: FaceSettings,
        alarms: AlarmSettings,
        new_id: Callable[[], str],
        stopwatch: Callable[[], float],
        expected_prior: float | None = None,
        on_change: "Callable[[BedPipeline, tuple[Transition, ...]], None] | None" = None,
        phase: float = 0.0,
        search_budget: SearchBudget | None = None,
    ) -> None:
        self.id = settings.id
        self.camera_id = settings.camera_id
        self._faces, self._phase, self._new_id = faces, phase, new_id
        self._region = settings.region_of_interest
        self._alarms, self._monitor = alarms, BedAlarms(alarms, new_id)
        self._expected_prior = expected_prior
        self._watch_another_infant()
        # Held until a change has been passed on, so that changes leave in the order in which they happened.
        self._lock = threading.RLock()
        self._on_change = on_change
        self._stopwatch = stopwatch
        self._search_budget = search_budget

    def _watch_another_infant(self) -> None:
        """Forget what frames have shown of a face: it says nothing about the infant that is watched from now on."""
        self._infant_number = self._monitor.infant_number
        self._patient_tracker = PatientTracker(self._faces, self._region, self._phase)
        self._assessor = FaceAssessor(self._expected_prior)
        self._liveness = LivenessDetector()
        self._face_id: int | None = None

    def analyse(self, frame: Frame, models: WorkerModels) -> FrameResult:
        """Take the next frame through faces, crop, score and alarm logic. Never raises for a model that fails.

        The frames of an empty bed are not analysed, and the faces of a bed on stand-by are found but not scored.
        """
        budget = self._search_budget
        may_search = budget is None or budget.has_left()
        began = self._stopwatch()
        with self._lock:
            occupancy = self._monitor.occupancy.state
            if self._infant_number != self._monitor.infant_number:
                self._watch_another_infant()
            tracker, assessor, liveness = self._patient_tracker, self._assessor, self._liveness
        if occupancy is Occupancy.EMPTY:
            observation, transitions = self._pass_time(frame.time_seconds)
            return FrameResult(frame, None, observation, transitions, 0.0, 0.0, None)
        frame_faces: FrameFaces | None = None
        seen = Assessment(Visibility.NO_SCORE)
        is_scored = occupancy is Occupancy.OCCUPIED
        followed = assessor.follow(frame, tracker, models) if is_scored else None
        found = read = self._stopwatch()
        try:
            frame_faces = tracker.update(frame, models.detector, may_search=may_search, followed=followed)
            found = self._stopwatch()
            patient = frame_faces.patient
            liveness.update(frame.image, None if patient is None else patient.face.box, frame.time_seconds)
            seen = assessor.assess(frame, frame_faces, models, is_scored=is_scored)
        except EngineError as error:
            seen = Assessment(Visibility.NO_SCORE, failure=str(error))
        done = self._stopwatch()
        if budget is not None and frame_faces is not None and frame_faces.is_search:
            budget.spend(found - read)
        with self._lock:
            if self._patient_tracker is not tracker:
                # The region or the camera was changed, which waited for this frame, but not for as long as it took.
                return FrameResult(frame, None, *self._pass_time(frame.time_seconds), 0.0, 0.0, seen.failure)
            if self._infant_number != self._monitor.infant_number:
                # Another infant was admitted while this frame was analysed.
                seen, frame_faces = Assessment(Visibility.NO_FACE, failure=seen.failure), None
                self._watch_another_infant()
            if frame_faces is not None:
                self._face_id = frame_faces.face_id
            time, face = frame.time_seconds, self._face_id
            step = self._monitor.observe(Sample(time, seen.score, seen.visibility, face, seen.hidden, seen.actions))
            still_since = self._liveness.still_since_seconds
            still = self._monitor.report(
                Code.NO_LIFE_SEEN, still_since is not None, frame.time_seconds, since_seconds=still_since
            )
            transitions = (*step.transitions, *still)
            self._notify(transitions)
        return FrameResult(
            frame=frame,
            frame_faces=frame_faces,
            observation=step.observation,
            transitions=transitions,
            detect_seconds=found - read,
            classify_seconds=(read - began) + (done - found) if seen.score is not None else 0.0,
            failure=seen.failure,
        )

    def _pass_time(self, now_seconds: float) -> tuple[Observation, tuple[Transition, ...]]:
        with self._lock:
            step = self._monitor.tick(now_seconds)
            return step.observation, self._notify(step.transitions)

    def update_camera(self, status: CameraStatus, now_seconds: float) -> tuple[Observation, tuple[Transition, ...]]:
        """Let time pass, and take the state of the camera.

        Returns:
            What the bed shows now, and changed alarm conditions.
        """
        with self._lock:
            changed: list[Transition] = []
            for code, since, detail in _camera_conditions(status, now_seconds):
                present = since is not None
                changed += self._monitor.report(code, present, now_seconds, detail, since)
            step = self._monitor.tick(now_seconds)
            transitions = (*changed, *step.transitions)
            self._notify(transitions)
        return step.observation, transitions

    def report(
        self, code: Code, present: bool, now_seconds: float, detail: str = "", since_seconds: float | None = None
    ) -> tuple[Transition, ...]:
        """Take what another part of the program sees of a technical condition of this bed."""
        with self._lock:
            return self._notify(self._monitor.report(code, present, now_seconds, detail, since_seconds))

    def acknowledge(self, target: str | None, by: str, now_seconds: float) -> tuple[Transition, ...]:
        """Note that a person has seen an alert (by id), a code, or everything (None)."""
        with self._lock:
            return self._notify(self._monitor.acknowledge(target, by, now_seconds))

    def withdraw(self, alert_id: str, by: str, now_seconds: float) -> tuple[Transition, ...]:
        """Take back an acknowledgement that the same person gave a moment ago."""
        with self._lock:
            return self._notify(self._monitor.withdraw(alert_id, by, now_seconds))

    def pause(self, by: str, now_seconds: float, duration_seconds: float | None = None) -> tuple[Transition, ...]:
        """Acknowledge all that is signalled, and the same codes in advance, for a limited time.

        See `monitor.pain.alarm_scope.AlarmScope.pause`: another kind of condition, or a worse one, is signalled as
        before.
        """
        with self._lock:
            return self._notify(self._monitor.pause(by, now_seconds, duration_seconds))

    def resume(self, now_seconds: float) -> tuple[Transition, ...]:
        """End a pause before its time: what still holds is signalled again."""
        with self._lock:
            return self._notify(self._monitor.resume(now_seconds))

    def admit(self, by: str, now_seconds: float, infant: str | None = None) -> tuple[Transition, ...]:
        """Note that an infant was laid into the bed; nothing of the one before passes to it."""
        with self._lock:
            return self._notify(self._monitor.admit(by, now_seconds, infant))

    def discharge(self, by: str, now_seconds: float) -> tuple[Transition, ...]:
        """Note that the bed is empty: its alarms end, and its frames are not analysed."""
        with self._lock:
            return self._notify(self._monitor.discharge(by, now_seconds))

    def standby(
        self,
        by: str,
        now_seconds: float,
        duration_seconds: float | None = None,
        *,
        until_face: bool = False,
        reason: str = "",
    ) -> tuple[Transition, ...]:
        """Note that the infant is away for a while: no pain alarms until then.

        Raises:
            ValueError: One sentence; see `monitor.pain.bed_occupancy.OccupiedScope.standby`.
        """
        with self._lock:
            return self._notify(
                self._monitor.standby(by, now_seconds, duration_seconds, until_face=until_face, reason=reason)
            )

    def end_standby(self, by: str, now_seconds: float) -> tuple[Transition, ...]:
        """End a stand-by before its time."""
        with self._lock:
            return self._notify(self._monitor.end_standby(by, now_seconds))

    def begin_procedure(
        self, by: str, now_seconds: float, kind: ProcedureKind, duration_seconds: float | None = None, note: str = ""
    ) -> tuple[Transition, ...]:
        """Note that something painful is done now; it silences and hides nothing.

        Raises:
            ValueError: One sentence; see `monitor.pain.bed_occupancy.OccupiedScope.begin_procedure`.
        """
        with self._lock:
            return self._notify(self._monitor.begin_procedure(by, now_seconds, kind, duration_seconds, note))

    def undo(self, statement: BedStatement, by: str, now_seconds: float) -> tuple[Transition, ...]:
        """Take back what somebody has just said of the bed.

        Raises:
            ValueError: One sentence; see `monitor.pain.bed_occupancy.OccupiedScope.undo`.
        """
        with self._lock:
            return self._notify(self._monitor.undo(statement, by, now_seconds))

    def occupancy(self) -> BedOccupancy:
        """Return what people have said of the bed."""
        with self._lock:
            return self._monitor.occupancy

    def recent_statement(self) -> RecentStatement | None:
        """Return what somebody said of the bed last, and may still take back; None where there is nothing."""
        with self._lock:
            return self._monitor.recent_statement

    def paused_codes(self) -> tuple[Code, ...]:
        """Return the codes that a pause covers now."""
        with self._lock:
            return self._monitor.paused_codes()

    def pause_in_force(self) -> Acknowledgement | None:
        """Return who silenced this bed and until when; None where no pause holds."""
        with self._lock:
            return self._monitor.pause_in_force()

    def _notify(self, transitions: tuple[Transition, ...]) -> tuple[Transition, ...]:
        if transitions and self._on_change is not None:
            self._on_change(self, transitions)
        return transitions

    def snapshot(self, wall: datetime) -> str:
        """Return the alarm state as JSON, to be stored with the alerts that came from it."""
        with self._lock:
            return pack(self._monitor.snapshot(), wall)

    def change_alarms(self, alarms: AlarmSettings) -> None:
        """Go on with other delays and limits; what is on stays on, with the same ids."""
        with self._lock:
            state, now_seconds = self._monitor.snapshot(), self._monitor.now_seconds
            changed = BedAlarms(alarms, self._new_id)
            changed.restore(state, now_seconds)
            is_another_awaited = self._infant_number != self._monitor.infant_number
            self._infant_number = changed.infant_number - is_another_awaited
            self._alarms, self._monitor = alarms, changed

    def change_settings(self, settings: BedSettings) -> None:
        """Search for the face again, in another region or another camera's pictures; alarms that are on stay on.

        What a worker finds that hangs in a frame from before is left.
        """
        with self._lock:
            self.camera_id = settings.camera_id
            self._region = settings.region_of_interest
            self._watch_another_infant()
            self._monitor.lose_face()

    @property
    def alarms(self) -> AlarmSettings:
        """The delays and limits in force."""
        return self._alarms

    @property
    def region(self) -> RegionOfInterest:
        """Where in the picture the face is searched for."""
        return self._region

    def retire(self) -> None:
        """Report no further change: this bed is not watched here any more."""
        with self._lock:
            self._on_change = None

    def restore(self, text: str, wall: datetime, now_seconds: float) -> tuple[Transition, ...]:
        """Go on from a snapshot of an earlier run: what was on is still on.

        Returns:
            The newest record of every alert that is signalled.

        Raises:
            ValueError: The snapshot does not fit; nothing was changed.
        """
        state, away_seconds = unpack(text, wall)
        with self._lock:
            self._monitor.restore(state, now_seconds, away_seconds)
            self._monitor.lose_face()  # nobody saw who lay there meanwhile
            return self._monitor.active()


def _camera_conditions(status: CameraStatus, now_seconds: float) -> Iterator[tuple[Code, float | None, str]]:
    """Yield code, since when it holds (None: it does not), and a sentence, for every condition of a camera."""
    age = status.seconds_since_frame
    lost = status.state is not CameraState.PLAYING
    lost_since = now_seconds if age is None else now_seconds - age
    yield Code.CAMERA_LOST, lost_since if lost else None, status.last_error or ""
    yield Code.PICTURE_FROZEN, status.frozen_since_seconds, ""
    yield Code.PICTURE_DARK, status.dark_since_seconds, ""
