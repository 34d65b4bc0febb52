"""One alarm condition of one scope: its alert, who has acknowledged it, and what is known about it."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from monitor.pain.conditions import Condition, Source
from monitor.pain.lifecycle import PRESENT, SIGNALS, Event, State, rule_for
from monitor.pain.vocabulary import AlarmEvidence, Bout, Kind, Phase, Transition, Validity

__all__ = ["PERSON_REMEDY", "Acknowledgement", "Alarm", "AlarmState"]

_HOUR_SECONDS = 3600.0
_BOUTS_SHOWN = 8
_BOUT_RECORDS_SECONDS = 60.0
"""Bouts of an alarm that stays on are recorded together, at most this often."""
_RESTATED_SECONDS = 60.0
"""Another sentence about trouble that goes on is recorded at most this often."""
_COUNTED_AGAIN_SECONDS = 600.0
"""The same for a sentence in which only numbers have changed: what waits for Redis must not grow by counting it."""
_NUMBER = re.compile(r"\d+([.,]\d+)*")
# The ten seconds for which a page offers it, and the way there.
_WITHDRAW_WITHIN_SECONDS = 15.0
PERSON_REMEDY = (
    "Go to the infant and assess pain with your unit's scale; then acknowledge, which ends this alert: the face that "
    "raised it was not followed without a break, so no face can end it."
)


@dataclass(slots=True)
class Acknowledgement:
    """Somebody has seen a condition. Times are monotonic seconds.

    Attributes:
        by: Who.
        at_seconds: When.
        until_seconds: When it lapses; the condition is signalled again from then on if it still holds.
    """

    by: str
    at_seconds: float
    until_seconds: float


@dataclass(slots=True)
class AlarmState:
    """All that is remembered of one condition; times are monotonic seconds."""

    state: State = State.NONE
    alert_id: str = ""
    validity: Validity = Validity.VALID
    onset_seconds: float = 0.0
    ended_seconds: float = 0.0
    has_worsened: bool = False
    phase: Phase = Phase.START
    detail: str = ""
    subjects: list[str] = field(default_factory=list)  # what the newest record says that it is about, by name
    evidence: AlarmEvidence | None = None
    silence: Acknowledgement | None = None
    seen_seconds: float | None = None  # of the newest acknowledgement, for as long as it may be withdrawn
    determined_seconds: float = 0.0
    needs_person: bool = False
    bouts: int = 1
    starts: list[float] = field(default_factory=list)  # of episodes within the last hour
    recent_bouts: list[Bout] = field(default_factory=list)
    is_resting: bool = False  # the bout is over, and the alarm stays on for the next one
    has_unrecorded: bool = False  # a bout that no record has said yet

    def shift(self, seconds: float) -> None:
        """Move to another origin of time."""
        self.onset_seconds += seconds
        self.ended_seconds += seconds
        self.determined_seconds += seconds
        self.starts = [start + seconds for start in self.starts]
        self.recent_bouts = [replace(bout, onset_seconds=bout.onset_seconds + seconds) for bout in self.recent_bouts]
        if self.seen_seconds is not None:
            self.seen_seconds += seconds
        if self.silence is not None:
            self.silence.at_seconds += seconds
            self.silence.until_seconds += seconds


class Alarm:
    """Runs one condition through `lifecycle.RULES`.

    Args:
        condition: Its row of the table.
        merge_seconds: A return within this is the same episode, where the condition merges.
        episodes_per_hour: After so many in an hour, a later return is the same episode, too.
        new_id: Makes the id of a new alert.
        stamp: Turns the time of a change into the time to be recorded, so that records never go back in time.
        memory: To go on from; nothing has happened when absent.
    """

    def __init__(
        self,
        condition: Condition,
        merge_seconds: float,
        episodes_per_hour: int,
        new_id: Callable[[], str],
        stamp: Callable[[float], float],
        memory: AlarmState | None = None,
    ) -> None:
        self.condition = condition
        self.memory = memory or AlarmState()
        self._merge_seconds = merge_seconds
        self._episodes_per_hour = episodes_per_hour
        self._new_id = new_id
        self._stamp = stamp

    @property
    def is_present(self) -> bool:
        """Whether the condition holds, as declared."""
        return self.memory.state in PRESENT

    @property
    def is_signalled(self) -> bool:
        """Whether people have something to see: it holds, or it is latched."""
        return self.is_present or self.memory.state is State.LATCHED

    def begin(
        self,
        onset_seconds: float,
        at_seconds: float,
        *,
        validity: Validity,
        detail: str,
        evidence: AlarmEvidence | None,
        pause: Acknowledgement | None,
        needs_person: bool = False,
        subjects: Collection[str] = (),
    ) -> list[Transition]:
        """Declare the condition: the same episode where it has been over only for a short time, else a new one."""
        memory = self.memory
        if self.is_present:
            return []
        transitions: list[Transition] = []
        seen_seconds = None
        if self._goes_on(onset_seconds):
            silence = pause
            if memory.silence is not None and memory.silence.until_seconds > at_seconds:
                # It returns in the name of who acknowledged it a moment ago, and may still take that back.
                silence, seen_seconds = memory.silence, memory.seen_seconds
            memory.bouts += 1
            event = Event.RETURN_QUIETLY if silence else Event.RETURN
        else:
            transitions += self._apply(Event.REPLACE, at_seconds)
            memory.alert_id, memory.onset_seconds, memory.bouts = self._new_id(), onset_seconds, 1
            memory.recent_bouts = []
            if self.condition.merges:
                memory.starts = [*self._recent_starts(onset_seconds), onset_seconds]
            silence = pause
            event = Event.BEGIN_QUIETLY if silence else Event.BEGIN
        memory.silence, memory.seen_seconds = silence, seen_seconds
        memory.has_worsened, memory.needs_person = False, needs_person
        memory.validity, memory.detail, memory.evidence = validity, detail or self.condition.detail, evidence
        memory.subjects = list(subjects)
        self._note_bout(onset_seconds, at_seconds, evidence)
        return transitions + self._apply(event, at_seconds)

    def rest(self) -> bool:
        """Note that the bout is over while the alarm stays on for the next one; return whether that is news."""
        is_news = self.is_present and not self.memory.is_resting
        self.memory.is_resting = self.is_present
        return is_news

    def go_on(self, onset_seconds: float, at_seconds: float, evidence: AlarmEvidence) -> list[Transition]:
        """Note another bout of an alarm that stayed on, with a record at most once a minute for all of them."""
        memory = self.memory
        if not self.is_present or not memory.is_resting:
            return []
        memory.bouts += 1
        memory.detail, memory.evidence, memory.has_worsened = self.condition.detail, evidence, False
        memory.is_resting, memory.has_unrecorded = False, True
        self._note_bout(onset_seconds, at_seconds, evidence)
        return self.record_bouts(at_seconds)

    def record_bouts(self, now_seconds: float) -> list[Transition]:
        """Record the bouts that no record has said yet, once the last record is a minute old."""
        if not self.memory.has_unrecorded or now_seconds < self.memory.determined_seconds + _BOUT_RECORDS_SECONDS:
            return []
        return self._apply(Event.CHANGE, now_seconds)

    def escalate(self, at_seconds: float, evidence: AlarmEvidence | None) -> list[Transition]:
        """Declare that it has become more severe, once per spell; an acknowledgement of less does not cover it."""
        if not self.is_present or self.memory.has_worsened:
            return []
        self.memory.has_worsened, self.memory.evidence, self.memory.silence = True, evidence, None
        return self._apply(Event.ESCALATE, at_seconds)

    def restate(self, detail: str, subjects: Collection[str], now_seconds: float) -> list[Transition]:
        """Say what is seen by now of trouble that goes on.

        One more that it is about is news at once, which no acknowledgement covers. Another sentence is recorded once
        the last record is a minute old, or ten where only its numbers have changed.

        Args:
            detail: One sentence for people; the table's when empty.
            subjects: What it is about, by name; empty where it is about one thing.
            now_seconds: Monotonic time.
        """
        memory, words = self.memory, detail or self.condition.detail
        if not self.is_present or (words == memory.detail and set(subjects) == set(memory.subjects)):
            return []
        is_more = not set(memory.subjects).issuperset(subjects)
        is_counted = _NUMBER.sub("", words) == _NUMBER.sub("", memory.detail)
        wait_seconds = _COUNTED_AGAIN_SECONDS if is_counted else _RESTATED_SECONDS
        if not is_more and now_seconds < memory.determined_seconds + wait_seconds:
            return []
        memory.detail, memory.subjects = words, list(subjects)
        if is_more:
            memory.silence = None
        return self._apply(Event.ESCALATE if is_more else Event.CHANGE, now_seconds)

    def set_validity(self, validity: Validity, at_seconds: float, evidence: AlarmEvidence | None) -> list[Transition]:
        """Say how far it can be trusted."""
        if not self.is_present or self.memory.validity is validity:
            return []
        self.memory.validity, self.memory.evidence = validity, evidence
        return self._apply(Event.CHANGE, at_seconds)

    def disown(self, at_seconds: float, evidence: AlarmEvidence | None) -> list[Transition]:
        """Say that no face can end it any more: it is questionable from now on, until a person ends it."""
        if not self.is_present or self.memory.needs_person:
            return []
        self.memory.needs_person, self.memory.validity, self.memory.evidence = True, Validity.QUESTIONABLE, evidence
        return self._apply(Event.CHANGE, at_seconds)

    def clear(self, at_seconds: float, evidence: AlarmEvidence | None) -> list[Transition]:
        """Declare that it is over."""
        if not self.is_present:
            return []
        self.memory.evidence, self.memory.ended_seconds = evidence, at_seconds
        return self._apply(Event.CLEAR_UNSEEN if self.condition.is_latching else Event.CLEAR, at_seconds)

    def silence_again(self, silence: Acknowledgement, at_seconds: float) -> list[Transition]:
        """Go on with the silence that a person's word had ended by mistake."""
        self.memory.silence = silence
        return self._apply(Event.ACKNOWLEDGE, at_seconds)

    def acknowledge(self, silence: Acknowledgement) -> list[Transition]:
        """Note that somebody has seen it."""
        if not self.is_signalled:
            return []
        was_present = self.is_present
        self.memory.silence, self.memory.seen_seconds = silence, silence.at_seconds
        transitions = self._apply(Event.ACKNOWLEDGE, silence.at_seconds)
        if not was_present:
            # What was seen is over; if it comes back, that is news. Who saw it is kept, for they may take it back.
            self.memory.silence = replace(silence, until_seconds=silence.at_seconds)
        return transitions

    def withdraw(self, by: str, at_seconds: float) -> list[Transition]:
        """Take back an acknowledgement of one's own that was given a moment ago: it is signalled again.

        What does not latch and is over by now would not be signalled without the acknowledgement either.
        """
        if not self.is_present and not self.condition.is_latching:
            return []
        seen_seconds, silence = self.memory.seen_seconds, self.memory.silence
        if seen_seconds is None or at_seconds - seen_seconds > _WITHDRAW_WITHIN_SECONDS:
            return []
        if silence is None or silence.by != by:
            return []
        self.memory.seen_seconds = self.memory.silence = None
        return self._apply(Event.WITHDRAW, at_seconds)

    def dismiss(self, by: Acknowledgement, detail: str) -> list[Transition]:
        """End what is signalled by a person's word, which says nothing about pain."""
        if not self.is_signalled:
            return []
        memory = self.memory
        memory.silence, memory.detail, memory.validity = by, detail, Validity.QUESTIONABLE
        event = Event.CLEAR if self.is_present else Event.ACKNOWLEDGE
        memory.ended_seconds = by.at_seconds
        return self._apply(event, by.at_seconds)

    def bring_back(self, before: AlarmState, at_seconds: float, detail: str) -> list[Transition]:
        """Go on as before a person's word had ended this by mistake, with the same alert; what began since stays.

        Nobody followed the face of a pain condition meanwhile, so that only a person can end it.

        Args:
            before: The memory of then; it belongs to this alarm from now on.
            at_seconds: Monotonic time.
            detail: One sentence for people.
        """
        if self.is_signalled:
            return []
        memory = self.memory = before
        if before.state not in PRESENT | {State.LATCHED}:
            return []
        event = Event.WITHDRAW
        if before.state in PRESENT:
            is_silent = memory.silence is not None and memory.silence.until_seconds > at_seconds
            event = Event.RETURN_QUIETLY if is_silent else Event.RETURN
            memory.silence = memory.silence if is_silent else None
            if self.condition.kind is Kind.PHYSIOLOGICAL:
                memory.needs_person, memory.validity = True, Validity.QUESTIONABLE
        memory.state, memory.detail = State.ENDED, detail
        return self._apply(event, at_seconds)

    def expire(self, now_seconds: float) -> list[Transition]:
        """Signal it again when its acknowledgement has expired; what a person caused stays acknowledged."""
        silence = self.memory.silence
        is_due = silence is not None and now_seconds >= silence.until_seconds and self.is_present
        if silence is None or not is_due or self.condition.source is Source.PERSON:
            return []
        self.memory.silence = None
        return self._apply(Event.EXPIRE, silence.until_seconds)

    def last(self) -> Transition:
        """Return the newest record of its alert."""
        memory, condition = self.memory, self.condition
        return Transition(
            alert_id=memory.alert_id,
            code=condition.code,
            kind=condition.kind,
            phase=memory.phase,
            priority=condition.priority,
            condition_present=self.is_present,
            signal=SIGNALS[memory.state],
            validity=memory.validity,
            onset_seconds=memory.onset_seconds,
            determined_seconds=memory.determined_seconds,
            evidence=memory.evidence,
            acknowledged_by=memory.silence.by if memory.silence else None,
            acknowledged_seconds=memory.silence.at_seconds if memory.silence else None,
            detail=memory.detail,
            remedy=PERSON_REMEDY if memory.needs_person and self.is_present else condition.remedy,
            needs_person=memory.needs_person and self.is_present,
            bouts=memory.bouts,
            recent_bouts=tuple(memory.recent_bouts),
        )

    def _goes_on(self, onset_seconds: float) -> bool:
        memory = self.memory
        return (
            self.condition.merges
            and memory.state in {State.LATCHED, State.ENDED}
            and (
                onset_seconds - memory.ended_seconds <= self._merge_seconds
                or len(self._recent_starts(onset_seconds)) >= self._episodes_per_hour
            )
        )

    def _note_bout(self, onset_seconds: float, at_seconds: float, evidence: AlarmEvidence | None) -> None:
        memory = self.memory
        memory.is_resting = False
        if evidence is not None:
            memory.recent_bouts = [*memory.recent_bouts, Bout(onset_seconds, evidence)][-_BOUTS_SHOWN:]
        if memory.bouts > 1:
            minutes = max(1.0, (at_seconds - memory.onset_seconds) / 60.0)
            memory.detail = f"{memory.detail} {memory.bouts} bouts in {minutes:.0f} min."

    def _recent_starts(self, now_seconds: float) -> list[float]:
        return [start for start in self.memory.starts if now_seconds - start < _HOUR_SECONDS]

    def _apply(self, event: Event, at_seconds: float) -> list[Transition]:
        rule = rule_for(event, self.memory.state)
        if rule is None:
            return []
        self.memory.state = rule.leads_to or self.memory.state
        self.memory.phase, self.memory.has_unrecorded = rule.phase, False
        self.memory.determined_seconds = self._stamp(at_seconds)
        return [self.last()]
