"""One bed: scores and reports in, observations and changes of alarm conditions out."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from pydantic import TypeAdapter

from monitor.config import AlarmSettings
from monitor.pain.bed_alarm_state import BedAlarmState
from monitor.pain.bed_occupancy import OccupiedScope
from monitor.pain.conditions import CONDITIONS
from monitor.pain.face_absence import FaceAbsence
from monitor.pain.facial_actions import ActionWindow
from monitor.pain.level_filter import FRAME_SPAN_SECONDS, LevelFilter, LevelFilterState, LevelReading, LevelSegment
from monitor.pain.samples import covered_words, scored
from monitor.pain.vocabulary import (
    AlarmEvidence,
    Code,
    Observation,
    Occupancy,
    Sample,
    Transition,
    Validity,
    Visibility,
)

__all__ = ["BedAlarms", "BedUpdate"]

_TRUSTED_AGAIN_SECONDS = 2.0
"""A questionable alarm is valid again when the patient could be assessed without doubt for so long."""

_TRUSTED_AGAIN_OFTEN_SECONDS = 30.0
"""The same for an alarm that came back very often."""

_HOUR_SECONDS = 3600.0

_FOLLOWED_SECONDS = 2.4
"""Between frames further apart no face was followed, whatever the frames say; `face_id` never spans more."""

_ROUNDING_SECONDS = 1e-6


@dataclass(frozen=True, slots=True)
class BedUpdate:
    """The answer to one frame, or to time that passed: what the bed shows now, and what changed, in order of time."""

    observation: Observation
    transitions: tuple[Transition, ...]


class BedAlarms(OccupiedScope):
    """The alarm logic of one bed.

    It has no clock: every call carries a monotonic time. Frames carry the time at which they were taken and may
    therefore be a little older than the newest tick; a frame that is not newer than the frame before it is ignored.
    The same calls give the same answers, whatever the wall clock does.

    Args:
        settings: When a level becomes an alarm, and when it stops being one.
        new_id: Makes the id of a new alert: unique for the station, deterministic in a replay.
    """

    def __init__(self, settings: AlarmSettings, new_id: Callable[[], str]) -> None:
        self._actions = ActionWindow.of(settings.window_seconds)
        super().__init__(settings, new_id, BedAlarmState(LevelFilterState.empty(settings.window_seconds)))

    def observe(self, sample: Sample) -> BedUpdate:
        """Take what one analysed frame says.

        Raises:
            ValueError: The time is not finite.
        """
        transitions = self._advance(sample.time_seconds)
        since = self.occupancy.since_seconds
        if since is not None and sample.time_seconds <= since:
            return self._step(transitions)  # it shows who lay there before
        if self.occupancy.state is not Occupancy.OCCUPIED:
            transitions += self._see_on_standby(sample.time_seconds, sample.visibility)
            return self._step(transitions)
        last = self._memory.level.last_frame_seconds
        if last is None or sample.time_seconds > last:
            self._follow_face(sample, last)
            self._memory.newest_hidden = sample.hidden
            self._actions.add(sample.time_seconds, sample.actions)
            transitions += self._take(sample.time_seconds, *scored(sample), last)
        return self._step(transitions)

    def tick(self, time_seconds: float) -> BedUpdate:
        """Let time pass without a frame; call this about once a second or more often.

        Raises:
            ValueError: The time is not finite.
        """
        return self._step(self._advance(time_seconds))

    def acknowledge(self, target: str | None, by: str, time_seconds: float) -> tuple[Transition, ...]:
        """Note that somebody has seen an alert; ends the pain alarms that no face can end once all of them were seen.

        The level starts again from nothing then. Pain that goes on is the same episode, and stays acknowledged.
        """
        transitions = super().acknowledge(target, by, time_seconds)
        now = self._now()
        was_seen = any(item.needs_person and item.acknowledged_seconds == now for item in transitions)
        if not was_seen or not self._board.is_pain_acknowledged():
            return transitions
        evidence = self._evidence()
        ended = [
            item for code in (Code.PAIN_SUSTAINED, Code.PAIN_SIGN) for item in self._board.clear(code, now, evidence)
        ]
        self._start_level_again()
        return (*transitions, *ended)

    def lose_face(self) -> None:
        """Note that no face has been followed without a break up to now: the station was restarted, for instance."""
        memory = self._memory
        memory.face_id = memory.followed_since = memory.raised_by = None

    def observation(self) -> Observation:
        """Return what the bed shows now, at the time of the newest call."""
        return self._observe(self._reading)

    def _forget_infant(self) -> None:
        self._start_level_again()
        self.lose_face()
        self._memory.face = FaceAbsence()
        self._actions = ActionWindow.of(self._settings.window_seconds)
        self._memory.bouts = []

    def _start_level_again(self) -> None:
        memory = self._memory
        memory.level = LevelFilterState.empty(self._settings.window_seconds)
        memory.evidence.forget()
        memory.newest_score, memory.newest_visibility, memory.newest_hidden = None, Visibility.NO_FACE, ()
        memory.is_level_known, memory.trusted_since, memory.raised_by = False, None, None
        self._filter = LevelFilter(self._settings, memory.level)
        self._reading = self._filter.read(self._now())

    def _follow_face(self, sample: Sample, last_seconds: float | None) -> None:
        """Note whose face a frame shows; one that was not followed without a break is another one."""
        memory = self._memory
        if last_seconds is not None and sample.time_seconds - last_seconds > _FOLLOWED_SECONDS + _ROUNDING_SECONDS:
            self.lose_face()
        if sample.face_id is None or sample.face_id != memory.face_id:
            self.lose_face()
            memory.face_id = sample.face_id
            memory.followed_since = sample.time_seconds

    def _needs_person(self) -> bool:
        """Whether a pain alarm is on that no face can end."""
        return self._memory.raised_by is None and self._board.is_present(Code.PAIN_SIGN)

    def _adopt(self, memory: BedAlarmState) -> None:
        super()._adopt(memory)
        self._suspend()
        self._filter = LevelFilter(self._settings, memory.level)
        self._reading = self._filter.read(self._now())
        if not memory.level.fits(self._settings.window_seconds):
            # What was added up over another window says nothing in this one; what is on, and who lies here, stays.
            self._start_level_again()

    def _check(self, memory: BedAlarmState) -> None:
        memory.level.check()

    @classmethod
    @cache
    def _adapter(cls) -> TypeAdapter[BedAlarmState]:
        return TypeAdapter(BedAlarmState)

    def _advance(self, time_seconds: float) -> list[Transition]:
        memory = self._memory
        now = self._move_to(time_seconds)
        ended = self._expire(now)
        reading = self._reading = self._filter.read(now)
        if self.occupancy.state is not Occupancy.OCCUPIED:
            return ended + self._board.advance(now, now)
        if memory.is_level_known and reading.level is None:
            memory.evidence.forget()
        memory.is_level_known = reading.level is not None
        last = memory.level.last_frame_seconds
        if last is not None and now - last > self._settings.indeterminate_after_seconds:
            self.lose_face()
        transitions = ended + self._board.advance(now, now if last is None else min(now, last + FRAME_SPAN_SECONDS))
        transitions += self._update_burden(now) + self._update_face_absence(now)
        return transitions + self._update_validity(now, reading)

    def _take(
        self, time_seconds: float, visibility: Visibility, score: float | None, last_seconds: float | None
    ) -> list[Transition]:
        """Take a frame that is newer than the one before it."""
        memory = self._memory
        memory.newest_score, memory.newest_visibility = score, visibility
        gap = 0.0 if last_seconds is None else time_seconds - last_seconds
        # What changed between two frames changed half-way, as far as anybody can know.
        changed = time_seconds - min(gap / 2, FRAME_SPAN_SECONDS)
        self._board.report_frame(Code.PATIENT_AMBIGUOUS, changed, present=visibility is Visibility.AMBIGUOUS)
        is_covered = visibility is Visibility.COVERED
        self._board.report_frame(
            Code.FACE_COVERED,
            changed,
            present=is_covered,
            detail=covered_words(memory.newest_hidden) if is_covered else "",
        )
        if visibility is Visibility.NO_SCORE:
            self._board.report_frame(Code.MODEL_DEGRADED, changed, present=True)
        elif score is not None or not self._board.is_present(Code.MODEL_DEGRADED):
            self._board.report_frame(Code.MODEL_DEGRADED, changed, present=False)
        if visibility in {Visibility.USABLE, Visibility.AMBIGUOUS}:
            memory.face.see(time_seconds)
        is_picture_in_doubt = self._board.is_picture_in_doubt()
        if is_picture_in_doubt:
            memory.evidence.relief.reset()
        is_certain = visibility is Visibility.USABLE and not is_picture_in_doubt and not self._needs_person()
        segment = self._filter.observe(time_seconds, score, certain=is_certain)
        now = self._now()
        reading = self._reading = self._filter.read(now)
        memory.is_level_known = reading.level is not None
        transitions: list[Transition] = []
        if segment is not None:
            transitions += self._apply_segment(segment)
        elif score is not None:
            memory.evidence.forget()
        last = min(now, time_seconds + FRAME_SPAN_SECONDS)
        transitions += self._board.advance(now, last) + self._update_face_absence(now)
        return transitions + self._update_validity(now, reading)

    def _apply_segment(self, segment: LevelSegment) -> list[Transition]:
        """Draw the conclusions from time in which the level is known."""
        board, evidence = self._board, self._evidence()
        transitions: list[Transition] = []
        pain = self._memory.evidence.pain_proof(segment, self._settings)
        followed_from = None if pain is None else pain[0]
        if pain is None and segment.painful_after > segment.painful_before:
            # Short bouts with rests never bring the level up for long enough; how much of the window they take does.
            often = segment.reached(segment.painful_before, segment.painful_after, self._settings.sustained_share)
            if often is not None:
                pain, followed_from = (often, often), often - self._settings.window_seconds
        relief = self._relief(segment)
        if pain is not None and followed_from is not None:
            transitions += self._declare_pain(pain, followed_from, evidence)
        if not board.is_present(Code.PAIN_SIGN):
            return transitions
        if relief is not None:
            for code in (Code.PAIN_SUSTAINED, Code.PAIN_SIGN):
                transitions += board.clear(code, relief, evidence)
            self._filter.forget_painful()
            return transitions
        shares = segment.share_before, segment.share_after
        sustained = segment.reached(*shares, self._settings.sustained_share)
        if sustained is not None and segment.above:
            transitions += board.go_on(Code.PAIN_SUSTAINED, sustained, sustained, evidence)
            transitions += board.begin(
                Code.PAIN_SUSTAINED,
                sustained,
                sustained,
                validity=self._validity_of_new_alarm(),
                evidence=evidence,
                needs_person=self._memory.raised_by is None,
            )
        maximal = segment.reached(*shares, self._settings.maximal_share)
        if maximal is not None:
            transitions += board.escalate(Code.PAIN_SUSTAINED, maximal, evidence)
        return transitions

    def _declare_pain(
        self, pain: tuple[float, float], followed_from: float, evidence: AlarmEvidence
    ) -> list[Transition]:
        """Declare pain, or another bout of it where the alarm stayed on since the last one."""
        board = self._board
        is_bout = not board.is_present(Code.PAIN_SIGN) or board.is_resting(Code.PAIN_SIGN)
        if not is_bout:
            return []
        if board.is_present(Code.PAIN_SIGN):
            return board.go_on(Code.PAIN_SIGN, *pain, evidence) + self._count_bout(pain[1])
        self._memory.raised_by = self._face_followed_from(followed_from)
        began = board.begin(
            Code.PAIN_SIGN,
            *pain,
            validity=self._validity_of_new_alarm(),
            evidence=evidence,
            needs_person=self._memory.raised_by is None,
        )
        return began + self._count_bout(pain[1])

    def _relief(self, segment: LevelSegment) -> float | None:
        """Return when the pain alarms are over; where they came back very often, they stay on for longer."""
        settings, timers = self._settings, self._memory.evidence
        is_often = self._board.is_present(Code.ALARM_BURDEN_HIGH)
        needed = max(settings.clear_seconds, settings.merge_seconds) if is_often else settings.clear_seconds
        relief = timers.relief_proof(segment, needed)
        if self._board.has_doubt():
            return None  # what has been proven ends them once the doubt is over
        if is_often and timers.relief.lasted_seconds >= settings.clear_seconds and self._board.rest():
            self._filter.forget_painful()
        return relief

    def _count_bout(self, at_seconds: float) -> list[Transition]:
        self._memory.bouts.append(at_seconds)
        bouts = self._recent_bouts(at_seconds)
        if bouts <= self._settings.bouts_per_hour:
            return []
        detail = f"Pain was declared {bouts} times within an hour here; the alarm stays on between bouts from now on."
        return self._board.begin(Code.ALARM_BURDEN_HIGH, at_seconds, at_seconds, detail=detail)

    def _recent_bouts(self, now_seconds: float) -> int:
        """Return how often pain was declared within the last hour."""
        self._memory.bouts = [bout for bout in self._memory.bouts if now_seconds - bout < _HOUR_SECONDS]
        return len(self._memory.bouts)

    def _update_burden(self, now_seconds: float) -> list[Transition]:
        if not self._board.is_present(Code.ALARM_BURDEN_HIGH):
            return []
        is_over = self._recent_bouts(now_seconds) <= self._settings.bouts_per_hour // 2
        return self._board.clear(Code.ALARM_BURDEN_HIGH, now_seconds) if is_over else []

    def _face_followed_from(self, onset_seconds: float) -> int | None:
        """Return the face that alone was analysed from a time until now; None where there was another before it."""
        since, first = self._memory.followed_since, self._memory.level.first_frame_seconds
        begun = onset_seconds if first is None else max(onset_seconds, first)
        return self._memory.face_id if since is not None and since <= begun + _ROUNDING_SECONDS else None

    def _validity_of_new_alarm(self) -> Validity:
        certain = (
            self._memory.newest_visibility is Visibility.USABLE
            and self._memory.raised_by is not None
            and not self._board.has_doubt()
            and not self._board.is_picture_in_doubt()
        )
        return Validity.VALID if certain else Validity.QUESTIONABLE

    def _update_face_absence(self, now_seconds: float) -> list[Transition]:
        memory, board = self._memory, self._board
        is_hidden = board.is_face_hidden(memory.newest_visibility)
        memory.face.pass_time(now_seconds, is_level_known=memory.is_level_known, is_hidden=is_hidden)
        condition = CONDITIONS[Code.FACE_NOT_VISIBLE]
        if board.is_present(condition.code):
            found = memory.face.found_at(
                now_seconds, condition.clear_seconds(self._settings), is_level_known=memory.is_level_known
            )
            return [] if found is None else board.clear(condition.code, found)
        lost = memory.face.lost_at(now_seconds, condition.delay_seconds(self._settings))
        return [] if lost is None else board.begin(condition.code, *lost)

    def _update_validity(self, now_seconds: float, reading: LevelReading) -> list[Transition]:
        """Say how far the pain alarms that are on can be trusted now."""
        memory, board = self._memory, self._board
        if self._needs_person():
            memory.trusted_since = None
            return board.disown_pain(now_seconds, self._evidence())
        if reading.level is None or board.has_doubt():
            memory.trusted_since = None
            gone = self._filter.unknown_from()
            since = now_seconds if gone is None or reading.level is not None else min(gone, now_seconds)
            return board.set_pain_validity(Validity.QUESTIONABLE, since, self._evidence())
        if self._validity(reading) is not Validity.VALID:
            memory.trusted_since = None
            return []
        if memory.trusted_since is None:
            memory.trusted_since = now_seconds
        is_often = board.is_present(Code.ALARM_BURDEN_HIGH)
        trusted = memory.trusted_since + (_TRUSTED_AGAIN_OFTEN_SECONDS if is_often else _TRUSTED_AGAIN_SECONDS)
        return board.set_pain_validity(Validity.VALID, trusted, self._evidence()) if now_seconds >= trusted else []

    def _validity(self, reading: LevelReading) -> Validity:
        if reading.level is None or reading.seconds_since_face is None:
            return Validity.INVALID
        is_confirmed = (
            self._memory.newest_visibility is not Visibility.AMBIGUOUS
            and reading.seconds_since_face <= 2 * FRAME_SPAN_SECONDS
            and not self._board.has_doubt()
            and not self._needs_person()
        )
        return Validity.VALID if is_confirmed else Validity.QUESTIONABLE

    def _observe(self, reading: LevelReading) -> Observation:
        now, last = self._now(), self._memory.level.last_frame_seconds
        is_fresh = last is not None and now - last <= 2 * FRAME_SPAN_SECONDS
        return Observation(
            time_seconds=now,
            score=self._memory.newest_score if is_fresh else None,
            level=reading.level,
            display_level=reading.display_level,
            coverage=reading.coverage,
            # A window in which nothing was seen is above no threshold, which must not read as "not in pain".
            on_share=None if reading.level is None else reading.on_share,
            validity=self._validity(reading),
            seconds_since_face=reading.seconds_since_face,
            occupancy=self.occupancy.state,
            hidden=self._memory.newest_hidden if is_fresh else (),
            actions=self._actions.read(now),
        )

    def _evidence(self) -> AlarmEvidence:
        reading, actions = self._reading, self._actions.read(self._now())
        return AlarmEvidence(reading.level, reading.on_share, reading.coverage, reading.frames_used, actions)

    def _step(self, transitions: list[Transition]) -> BedUpdate:
        return BedUpdate(self.observation(), tuple(transitions))
