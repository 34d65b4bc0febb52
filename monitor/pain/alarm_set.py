"""All alarm conditions of one scope: their delays, alerts, acknowledgements and pauses."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from monitor.config import AlarmSettings
from monitor.pain.alarm import Acknowledgement, Alarm, AlarmState
from monitor.pain.conditions import CONDITIONS, Source
from monitor.pain.debounce import Debounce
from monitor.pain.lifecycle import PRESENT, State
from monitor.pain.vocabulary import AlarmEvidence, Code, Kind, Phase, Transition, Validity, Visibility

__all__ = ["AlarmSet", "AlarmSetState"]

_FRAMES = "frames"
_REPORT = "report"
_EXPLAINED_BY = {Visibility.COVERED: Code.FACE_COVERED, Visibility.NO_SCORE: Code.MODEL_DEGRADED}
"""Why there is no score for a face that a frame shows, once the condition is declared."""


@dataclass(slots=True)
class AlarmSetState:
    """All that is remembered of one scope's conditions; times are monotonic seconds."""

    alarms: dict[Code, AlarmState] = field(default_factory=dict)
    gates: dict[Code, Debounce] = field(default_factory=dict)
    pauses: dict[Code, Acknowledgement] = field(default_factory=dict)
    latest_seconds: float | None = None

    def shift(self, seconds: float) -> None:
        """Move to another origin of time."""
        for alarm in self.alarms.values():
            alarm.shift(seconds)
        for gate in self.gates.values():
            gate.shift(seconds)
        for pause in self.pauses.values():
            pause.at_seconds += seconds
            pause.until_seconds += seconds
        if self.latest_seconds is not None:
            self.latest_seconds += seconds


class AlarmSet:
    """Holds one `Alarm` for every code.

    Args:
        settings: Delays and limits.
        new_id: Makes alert ids.
        memory: To go on from; nothing has happened when absent.
    """

    def __init__(self, settings: AlarmSettings, new_id: Callable[[], str], memory: AlarmSetState | None = None) -> None:
        self._settings = settings
        self.memory = memory or AlarmSetState()
        self._alarms = {
            code: Alarm(
                condition,
                settings.merge_seconds,
                settings.episodes_per_hour,
                new_id,
                self._stamp,
                self.memory.alarms.setdefault(code, AlarmState()),
            )
            for code, condition in CONDITIONS.items()
        }
        self._suspended: frozenset[Code] = frozenset()
        self._hiding = [alarm for alarm in self._alarms.values() if alarm.condition.hides_face]
        self._doubting = [alarm for alarm in self._alarms.values() if alarm.condition.casts_doubt]
        self._pains = [alarm for alarm in self._alarms.values() if alarm.condition.kind is Kind.PHYSIOLOGICAL]

    def is_present(self, code: Code) -> bool:
        """Whether a condition holds, as declared."""
        return self._alarms[code].is_present

    def has_doubt(self) -> bool:
        """Whether any declared condition makes what is known about pain questionable."""
        return any(alarm.memory.state in PRESENT for alarm in self._doubting)

    def is_picture_in_doubt(self) -> bool:
        """Whether something that casts doubt is reported from outside, its delay perhaps not yet over."""
        return any(
            _REPORT in gate.witnesses for code, gate in self.memory.gates.items() if CONDITIONS[code].casts_doubt
        )

    def is_face_hidden(self, visibility: Visibility) -> bool:
        """Whether a declared condition explains why no face is seen; one whose delay still runs says nothing yet.

        Args:
            visibility: What the newest frame shows.
        """
        seen = _EXPLAINED_BY.get(visibility)
        return any(alarm.is_present for alarm in self._hiding) or (seen is not None and self.is_present(seen))

    def active(self) -> tuple[Transition, ...]:
        """Return the newest record of every alert that is signalled, most urgent codes as declared in the table."""
        return tuple(alarm.last() for alarm in self._alarms.values() if alarm.is_signalled)

    def begin(
        self,
        code: Code,
        onset_seconds: float,
        at_seconds: float,
        *,
        validity: Validity = Validity.VALID,
        detail: str = "",
        evidence: AlarmEvidence | None = None,
        needs_person: bool = False,
        subjects: Collection[str] = (),
    ) -> list[Transition]:
        """Declare a condition; one that is suspended is not declared. A pause covers only what it was about before."""
        if code in self._suspended:
            return []
        alarm = self._alarms[code]
        if not set(alarm.memory.subjects).issuperset(subjects):
            self.memory.pauses.pop(code, None)
        return alarm.begin(
            onset_seconds,
            at_seconds,
            validity=validity,
            detail=detail,
            evidence=evidence,
            pause=self._pause(code, at_seconds),
            needs_person=needs_person,
            subjects=subjects,
        )

    def escalate(self, code: Code, at_seconds: float, evidence: AlarmEvidence | None) -> list[Transition]:
        """Declare that a condition has become more severe; this ends a pause of its code."""
        transitions = self._alarms[code].escalate(at_seconds, evidence)
        if transitions:
            self.memory.pauses.pop(code, None)
        return transitions

    def clear(self, code: Code, at_seconds: float, evidence: AlarmEvidence | None = None) -> list[Transition]:
        """Declare that a condition is over."""
        return self._alarms[code].clear(at_seconds, evidence)

    def suspend(self, codes: Collection[Code]) -> None:
        """Declare none of these conditions from now on; a delay that ran for one that was suspended begins again."""
        for code in self._suspended.difference(codes):
            self.memory.gates.pop(code, None)
        self._suspended = frozenset(codes)

    def dismiss(self, codes: Collection[Code], by: Acknowledgement, detail: str) -> list[Transition]:
        """End by a person's word whatever of these conditions is signalled, and forget it: nothing returns to it."""
        transitions: list[Transition] = []
        for code, alarm in self._alarms.items():
            if code in codes:
                transitions += alarm.dismiss(by, detail)
                self.memory.alarms[code] = alarm.memory = AlarmState()
                self.memory.gates.pop(code, None)
                self.memory.pauses.pop(code, None)
        return transitions

    def bring_back(
        self, before: AlarmSetState, codes: Collection[Code], at_seconds: float, by: str
    ) -> list[Transition]:
        """Go on with these conditions as before `dismiss`, which `by` takes back; see `Alarm.bring_back`."""
        transitions: list[Transition] = []
        for code, alarm in self._alarms.items():
            if code not in codes or code not in before.alarms:  # a memory of an earlier version may know fewer
                continue
            was_signalled = alarm.is_signalled
            transitions += alarm.bring_back(
                before.alarms[code], at_seconds, f"{by} took back what had ended this alert."
            )
            self.memory.alarms[code] = alarm.memory
            has_returned = alarm.is_present and not was_signalled
            if code in before.gates and (has_returned or code not in self.memory.gates):
                # What was seen since is of what began since, and nothing but what was seen before ends what returned.
                self.memory.gates[code] = before.gates[code]
        return transitions

    def pause_again(self, before: AlarmSetState, codes: Collection[Code], at_seconds: float) -> list[Transition]:
        """Go on with the pauses of these conditions that a mistake had ended, and silence again what is still on."""
        transitions: list[Transition] = []
        for code, pause in before.pauses.items():
            if code not in codes or code in self.memory.pauses or pause.until_seconds <= at_seconds:
                continue
            self.memory.pauses[code] = pause
            alarm, was = self._alarms[code], before.alarms.get(code, AlarmState())
            is_same = alarm.memory.alert_id == was.alert_id
            if is_same and (alarm.memory.state, was.state) == (State.ON, State.ACKNOWLEDGED):
                silence = Acknowledgement(pause.by, pause.at_seconds, pause.until_seconds)
                transitions += alarm.silence_again(silence, at_seconds)
        return transitions

    def begin_by_person(self, code: Code, by: Acknowledgement, detail: str) -> list[Transition]:
        """Declare what a person caused, as acknowledged by them."""
        return self._alarms[code].begin(
            by.at_seconds, by.at_seconds, validity=Validity.VALID, detail=detail, evidence=None, pause=by
        )

    def end_by_person(self, code: Code, at_seconds: float, detail: str, by: str | None) -> list[Transition]:
        """Declare that what a person caused is over; `by` is None where it ended by itself."""
        memory = self._alarms[code].memory
        memory.detail = detail
        if by is not None:
            memory.silence = Acknowledgement(by, at_seconds, at_seconds)
        return self._alarms[code].clear(at_seconds, None)

    def rest(self) -> bool:
        """Note that a bout of pain is over while its alarms stay on; return whether that is news."""
        news = [alarm.rest() for alarm in self._pains]
        return any(news)

    def go_on(self, code: Code, onset_seconds: float, at_seconds: float, evidence: AlarmEvidence) -> list[Transition]:
        """Note another bout of an alarm that stayed on."""
        return self._alarms[code].go_on(onset_seconds, at_seconds, evidence)

    def is_resting(self, code: Code) -> bool:
        """Whether a condition is on between two bouts."""
        return self._alarms[code].memory.is_resting

    def set_pain_validity(
        self, validity: Validity, at_seconds: float, evidence: AlarmEvidence | None
    ) -> list[Transition]:
        """Say how far the pain conditions that hold can be trusted."""
        return [
            transition for alarm in self._pains for transition in alarm.set_validity(validity, at_seconds, evidence)
        ]

    def disown_pain(self, at_seconds: float, evidence: AlarmEvidence | None) -> list[Transition]:
        """Say that no face can end the pain conditions that hold."""
        return [transition for alarm in self._pains for transition in alarm.disown(at_seconds, evidence)]

    def is_pain_acknowledged(self) -> bool:
        """Whether somebody has seen every pain condition that holds."""
        return all(alarm.memory.state is State.ACKNOWLEDGED for alarm in self._pains if alarm.is_present)

    def report_frame(self, code: Code, at_seconds: float, *, present: bool, detail: str = "") -> None:
        """Note what the analysed frames say about a condition; `detail` is one sentence for people."""
        gate = self._gate(code)
        gate.set_source(_FRAMES, at_seconds, present=present)
        if present and detail:
            gate.detail = detail

    def report_external(
        self, code: Code, at_seconds: float, *, present: bool, detail: str, subjects: Collection[str] = ()
    ) -> None:
        """Note what was reported from outside about a condition; see `AlarmScope.report`.

        Raises:
            ValueError: The code is one that only the level, the sight of a face or a person's request can show.
        """
        if CONDITIONS[code].source in {Source.LEVEL, Source.FACE, Source.PERSON}:
            raise ValueError(f"{code} follows from the bed's frames or from a person's request and cannot be reported")
        gate = self._gate(code)
        gate.set_source(_REPORT, at_seconds, present=present)
        if present:
            gate.detail, gate.subjects = detail, list(subjects)

    def advance(self, now_seconds: float, frames_seconds: float) -> list[Transition]:
        """Let time pass: end delays, acknowledgements and pauses that are due.

        Args:
            now_seconds: Monotonic time.
            frames_seconds: Up to when the analysed frames can be spoken of; what only they have shown waits there.
        """
        transitions: list[Transition] = []
        for code, gate in self.memory.gates.items():
            only_frames = CONDITIONS[code].source is Source.FRAMES and _REPORT not in gate.witnesses
            transitions += self._advance_gate(code, gate, frames_seconds if only_frames else now_seconds)
        for code, pause in list(self.memory.pauses.items()):
            if now_seconds >= pause.until_seconds:
                del self.memory.pauses[code]
        for alarm in self._alarms.values():
            if alarm.memory.silence is not None:
                transitions += alarm.expire(now_seconds)
            if alarm.memory.has_unrecorded:
                transitions += alarm.record_bouts(now_seconds)
        return transitions

    def acknowledge(self, target: str | None, by: str, at_seconds: float, until_seconds: float) -> list[Transition]:
        """Note that somebody has seen one alert (by id or code), or all of them (None)."""
        return [
            transition
            for code, alarm in self._alarms.items()
            if alarm.condition.source is not Source.PERSON
            and (target is None or target in {code.value, alarm.memory.alert_id})
            for transition in alarm.acknowledge(Acknowledgement(by, at_seconds, until_seconds))
        ]

    def withdraw(self, alert_id: str, by: str, at_seconds: float) -> list[Transition]:
        """Take back one's own acknowledgement of one alert that was given a moment ago."""
        return [
            transition
            for alarm in self._alarms.values()
            if alarm.memory.alert_id == alert_id
            for transition in alarm.withdraw(by, at_seconds)
        ]

    def pause(self, by: str, at_seconds: float, until_seconds: float) -> list[Transition]:
        """Acknowledge all alerts that are signalled, and their codes in advance until the pause is over."""
        for code, alarm in self._alarms.items():
            if alarm.is_signalled and alarm.condition.source is not Source.PERSON:
                self.memory.pauses[code] = Acknowledgement(by, at_seconds, until_seconds)
        return self.acknowledge(None, by, at_seconds, until_seconds)

    def resume(self, at_seconds: float) -> list[Transition]:
        """End the pause: what still holds is signalled again."""
        transitions: list[Transition] = []
        for code, pause in self.memory.pauses.items():
            silence = self._alarms[code].memory.silence
            if silence is not None and silence.until_seconds == pause.until_seconds:
                silence.until_seconds = at_seconds
                transitions += self._alarms[code].expire(at_seconds)
        self.memory.pauses.clear()
        return transitions

    def paused_codes(self) -> tuple[Code, ...]:
        """Return the codes that a pause covers now."""
        return tuple(self.memory.pauses)

    def pause_in_force(self) -> Acknowledgement | None:
        """Return the pause that lasts longest; None where there is none."""
        return max(self.memory.pauses.values(), key=lambda pause: pause.until_seconds, default=None)

    def _advance_gate(self, code: Code, gate: Debounce, now_seconds: float) -> list[Transition]:
        condition = CONDITIONS[code]
        declared = gate.declared_at(now_seconds, condition.delay_seconds(self._settings))
        if declared is not None and gate.since_seconds is not None and not self.is_present(code):
            return self.begin(code, gate.since_seconds, declared, detail=gate.detail, subjects=gate.subjects)
        if gate.holds:
            return self._restate(code, gate, now_seconds)
        over = gate.over_at(now_seconds, condition.clear_seconds(self._settings))
        return [] if over is None else self.clear(code, over)

    def _restate(self, code: Code, gate: Debounce, now_seconds: float) -> list[Transition]:
        """Say what is seen by now of a condition that holds; one more that it is about ends a pause of its code."""
        transitions = self._alarms[code].restate(gate.detail, gate.subjects, now_seconds)
        if any(item.phase is Phase.ESCALATE for item in transitions):
            self.memory.pauses.pop(code, None)
        return transitions

    def _gate(self, code: Code) -> Debounce:
        return self.memory.gates.setdefault(code, Debounce())

    def _pause(self, code: Code, at_seconds: float) -> Acknowledgement | None:
        pause = self.memory.pauses.get(code)
        return (
            None
            if pause is None or pause.until_seconds <= at_seconds
            else Acknowledgement(pause.by, pause.at_seconds, pause.until_seconds)
        )

    def _stamp(self, at_seconds: float) -> float:
        """Return the time to record for a change: never before that of an earlier record."""
        latest = self.memory.latest_seconds
        self.memory.latest_seconds = at_seconds if latest is None else max(latest, at_seconds)
        return self.memory.latest_seconds
