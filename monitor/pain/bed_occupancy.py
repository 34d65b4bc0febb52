"""Admit, discharge and stand-by: what people say of a bed, and what of one infant never passes to the next."""

import copy
from abc import abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from monitor.config import AlarmSettings
from monitor.errors import RefusalCode, RefusedError
from monitor.pain.alarm import Acknowledgement
from monitor.pain.alarm_scope import AlarmScope
from monitor.pain.bed_alarm_state import BedAlarmState
from monitor.pain.conditions import CONDITIONS, Source
from monitor.pain.occupancy import BedOccupancy, BedStatement, OccupancyState, RecentStatement
from monitor.pain.procedure import LONGEST_PROCEDURE_SECONDS, USUAL_PROCEDURE_SECONDS, Procedure, ProcedureKind
from monitor.pain.undoable_statement import UNDO_WITHIN_SECONDS, UndoableStatement, undoable_adapter
from monitor.pain.vocabulary import Code, Occupancy, Transition, Visibility
from monitor.phrases import Phrase

__all__ = ["OccupiedScope"]

_OF_PERSONS = frozenset(code for code, row in CONDITIONS.items() if row.source is Source.PERSON)
_OF_INFANT = frozenset(code for code, row in CONDITIONS.items() if row.source in {Source.LEVEL, Source.FACE}) | {
    Code.FACE_COVERED,
    Code.PATIENT_AMBIGUOUS,
    Code.NO_LIFE_SEEN,
}
"""What is known of the infant; the rest is of the equipment and goes on when another infant is admitted."""
_WATCHED_ON_STANDBY = frozenset({Code.CAMERA_LOST, Code.PICTURE_FROZEN})
_SUSPENDED = {
    Occupancy.OCCUPIED: frozenset[Code](),
    Occupancy.EMPTY: frozenset(Code) - _OF_PERSONS,
    Occupancy.STANDBY: frozenset(Code) - _OF_PERSONS - _WATCHED_ON_STANDBY,
}


_ENDED_BY = {
    BedStatement.ADMIT: _OF_INFANT,
    BedStatement.DISCHARGE: _SUSPENDED[Occupancy.EMPTY],
    BedStatement.STANDBY: _SUSPENDED[Occupancy.STANDBY],
    BedStatement.RESUME: frozenset[Code](),
}
"""Whose alerts a word ends; what goes on meanwhile is not touched where that is taken back."""
_UNPAUSED_BY = {**_ENDED_BY, BedStatement.ADMIT: frozenset(Code)}

_EMPTY = Phrase("the bed is empty; admit an infant first")


class OccupiedScope(AlarmScope[BedAlarmState]):
    """The part of a bed's alarm logic that knows who lies there.

    Args:
        settings: Delays and limits.
        new_id: Makes the id of a new alert.
        memory: An empty one.
    """

    def __init__(self, settings: AlarmSettings, new_id: Callable[[], str], memory: BedAlarmState) -> None:
        super().__init__(settings, new_id, memory)
        self._infant_number = 0

    def _adopt(self, memory: BedAlarmState) -> None:
        super()._adopt(memory)
        self._said: UndoableStatement | None = None

    def snapshot(self) -> dict[str, Any]:
        """Return everything that `restore` needs, as values that JSON can hold; what can be taken back included."""
        state = super().snapshot()
        if self._said is not None and self._now() - self._said.at_seconds <= UNDO_WITHIN_SECONDS:
            state["said"] = undoable_adapter().dump_python(self._said, mode="json")
        return state

    def restore(self, state: Mapping[str, Any], time_seconds: float, away_seconds: float = 0.0) -> None:
        """Go on from a snapshot; what was said within the last 15 s can still be taken back.

        Raises:
            ValueError: As for every scope; nothing was changed then.
        """
        super().restore(state, time_seconds, away_seconds)
        was_seconds = state["memory"].get("now_seconds")
        if "said" not in state or was_seconds is None:
            return
        with suppress(ValueError):  # without it, it is too late to take that back
            said = undoable_adapter().validate_python(state["said"])
            self._check(said.before)
            moved_seconds = self._now() - float(was_seconds)
            said.before.shift(moved_seconds)
            self._said = replace(said, at_seconds=said.at_seconds + moved_seconds)

    @property
    def infant_number(self) -> int:
        """Goes up whenever what was seen so far says nothing about the infant that is watched from now on."""
        return self._infant_number

    @property
    def occupancy(self) -> BedOccupancy:
        """What people have said of the bed."""
        return self._memory.occupancy.now

    @property
    def recent_statement(self) -> RecentStatement | None:
        """What was said last, and can be taken back for 15 s; None where there is nothing."""
        said = self._said
        return None if said is None else RecentStatement(said.statement, said.by, said.at_seconds)

    def admit(self, by: str, time_seconds: float, infant: str | None = None) -> tuple[Transition, ...]:
        """Note that an infant was laid into the bed; the one before, if any, is discharged.

        Args:
            by: Who says so.
            time_seconds: Monotonic.
            infant: A pseudonym; None where none is given.

        Raises:
            ValueError: The time is not finite.
        """
        transitions = self._advance(time_seconds)
        now = self._now()
        self._remember(BedStatement.ADMIT, by)
        acknowledgement = Acknowledgement(by, now, now)
        transitions += self._end_procedure(now, f"{by} admitted another infant.", by)
        if self.occupancy.state is not Occupancy.EMPTY:
            detail = f"{by} admitted another infant; this alert was of the one before."
            transitions += self._board.dismiss(_OF_INFANT, acknowledgement, detail)
            transitions += self._board.resume(now)
            transitions += self._end_standby(now, f"{by} admitted another infant.", by)
            transitions += self._board.begin_by_person(Code.BED_EMPTY, acknowledgement, _emptied(by))
        transitions += self._board.end_by_person(Code.BED_EMPTY, now, f"{by} admitted an infant.", by)
        self._set_occupancy(BedOccupancy(by=by, since_seconds=now, infant=infant))
        return tuple(transitions)

    def discharge(self, by: str, time_seconds: float) -> tuple[Transition, ...]:
        """Note that nobody lies in the bed: it is not watched, and raises no alarm, until somebody is admitted.

        Raises:
            ValueError: The time is not finite.
        """
        transitions = self._advance(time_seconds)
        if self.occupancy.state is Occupancy.EMPTY:
            return tuple(transitions)
        now = self._now()
        self._remember(BedStatement.DISCHARGE, by)
        acknowledgement = Acknowledgement(by, now, now)
        detail = f"{by} discharged the infant; the bed is empty."
        transitions += self._end_procedure(now, f"{by} discharged the infant.", by)
        transitions += self._board.dismiss(_SUSPENDED[Occupancy.EMPTY], acknowledgement, detail)
        transitions += self._end_standby(now, f"{by} discharged the infant.", by)
        transitions += self._board.begin_by_person(Code.BED_EMPTY, acknowledgement, _emptied(by))
        self._set_occupancy(BedOccupancy(Occupancy.EMPTY, by, now))
        return tuple(transitions)

    def standby(
        self,
        by: str,
        time_seconds: float,
        duration_seconds: float | None = None,
        *,
        until_face: bool = False,
        reason: str = "",
    ) -> tuple[Transition, ...]:
        """Note that the infant is away for a while: no pain alarms until the time is over, or until a face returns.

        The alarms that are on are ended in the name of `by`. Those of the camera go on.

        Args:
            by: Who says so.
            time_seconds: Monotonic.
            duration_seconds: For how long at most; None, only with `until_face`, for as long as is allowed.
            until_face: Whether it ends, too, when a face is seen steadily after the infant's face has left.
            reason: Why; may be empty.

        Raises:
            RefusedError: The bed is empty, or the duration is missing, not positive or too long.
            ValueError: The time is not finite.
        """
        longest = self._settings.standby_longest_seconds
        if duration_seconds is None and not until_face:
            words = Phrase("say how long the stand-by lasts, or that it lasts until a face returns")
            raise RefusedError(words, RefusalCode.STANDBY_ENDLESS)
        duration = longest if duration_seconds is None else duration_seconds
        if not 0.0 < duration <= longest:
            words = Phrase(
                "a stand-by lasts at most {longest} s (alarms.standby_longest_seconds), not {duration} s",
                longest=f"{longest:g}",
                duration=f"{duration:g}",
            )
            raise RefusedError(words, RefusalCode.STANDBY_TOO_LONG)
        if self.occupancy.state is Occupancy.EMPTY:
            raise RefusedError(_EMPTY, RefusalCode.BED_EMPTY)
        transitions = self._advance(time_seconds)
        now = self._now()
        self._remember(BedStatement.STANDBY, by)
        acknowledgement = Acknowledgement(by, now, now + duration)
        detail = f"{by} put the bed on stand-by."
        transitions += self._board.dismiss(_SUSPENDED[Occupancy.STANDBY], acknowledgement, detail)
        transitions += self._end_standby(now, f"{by} gave another stand-by.", by)
        occupancy = BedOccupancy(
            Occupancy.STANDBY, by, now, reason, now + duration, until_face, self._memory.occupancy.now.infant
        )
        transitions += self._board.begin_by_person(Code.BED_STANDBY, acknowledgement, _stands_by(occupancy, duration))
        self._set_occupancy(occupancy)
        return tuple(transitions)

    def end_standby(self, by: str, time_seconds: float) -> tuple[Transition, ...]:
        """End a stand-by before its time; nothing happens where there is none.

        Raises:
            ValueError: The time is not finite.
        """
        transitions = self._advance(time_seconds)
        if self.occupancy.state is Occupancy.STANDBY:
            self._remember(BedStatement.RESUME, by)
        return (*transitions, *self._return(self._now(), f"{by} ended the stand-by.", by))

    def undo(self, statement: BedStatement, by: str, time_seconds: float) -> tuple[Transition, ...]:
        """Take back the newest word about this bed, within 15 s: a finger has hit the wrong button.

        The bed is again what it was. What the word had ended is signalled again as the same alert; pain of it is
        questionable then, and only a person ends it. The level starts from nothing.

        Args:
            statement: What is taken back.
            by: Who said it, and takes it back.
            time_seconds: Monotonic.

        Raises:
            RefusedError: It was said too long ago, or something was said after it.
            ValueError: The time is not finite.
        """
        transitions = self._advance(time_seconds)
        now, said = self._now(), self._said
        if said is None or (said.statement, said.by) != (statement, by) or now - said.at_seconds > UNDO_WITHIN_SECONDS:
            words = Phrase("it is too late to take that back, or somebody has said something else of the bed since")
            raise RefusedError(words, RefusalCode.UNDO_TOO_LATE)
        self._said = None
        if statement is BedStatement.PROCEDURE:
            transitions += self._end_procedure(now, f"{by} took the procedure back.", by)
            return (*transitions, *self._begin_again(said.before.procedure))
        return (*transitions, *self._occupy_again(said, now))

    def _remember(self, statement: BedStatement, by: str) -> None:
        """Note what a person is about to say, and what was known before."""
        self._said = UndoableStatement(statement, by, self._now(), copy.deepcopy(self._memory))

    def _occupy_again(self, said: UndoableStatement, now: float) -> list[Transition]:
        """Go on as before a word about who lies in the bed."""
        by, before = said.by, said.before
        acknowledgement = Acknowledgement(by, now, now)
        transitions: list[Transition] = []
        if said.statement is BedStatement.ADMIT and before.occupancy.now.state is not Occupancy.EMPTY:
            # The mark between two infants is followed by one that says that there was none.
            transitions += self._board.begin_by_person(
                Code.BED_EMPTY, acknowledgement, f"{by} took the admission back."
            )
        if said.statement is BedStatement.ADMIT or self.occupancy.state is Occupancy.EMPTY:
            transitions += self._board.end_by_person(Code.BED_EMPTY, now, f"{by} took that back.", by)
        transitions += self._end_standby(now, f"{by} took that back.", by)
        was = before.occupancy.now
        # What has begun since is of a bed that is not watched again.
        transitions += self._board.dismiss(_SUSPENDED[was.state], acknowledgement, f"{by} took that back.")
        self._set_occupancy(was)
        self._memory.occupancy = before.occupancy
        self._memory.face, self._memory.bouts = before.face, before.bouts
        watched = frozenset(Code) - _SUSPENDED[was.state] - _OF_PERSONS
        transitions += self._board.bring_back(before.board, watched & _ENDED_BY[said.statement], now, by)
        transitions += self._board.pause_again(before.board, watched & _UNPAUSED_BY[said.statement], now)
        if was.state is Occupancy.EMPTY:
            again = Acknowledgement(was.by or by, now, now)
            transitions += self._board.begin_by_person(Code.BED_EMPTY, again, _emptied(was.by or by))
        elif was.state is Occupancy.STANDBY and was.until_seconds is not None:
            again = Acknowledgement(was.by or by, now, was.until_seconds)
            words = _stands_by(was, max(0.0, was.until_seconds - now))
            transitions += self._board.begin_by_person(Code.BED_STANDBY, again, words)
        return transitions + self._begin_again(before.procedure)

    def _begin_again(self, procedure: Procedure | None) -> list[Transition]:
        """Go on with a procedure that a word had ended by mistake."""
        if procedure is None or procedure.until_seconds <= self._now():
            return []
        self._memory.procedure = procedure
        acknowledgement = Acknowledgement(procedure.by, self._now(), procedure.until_seconds)
        return self._board.begin_by_person(Code.PROCEDURE, acknowledgement, procedure.sentence)

    def _see_on_standby(self, time_seconds: float, visibility: Visibility) -> list[Transition]:
        """Take a frame of a bed on stand-by."""
        if not self._memory.occupancy.see(time_seconds, visibility):
            return []
        return self._return(self._now(), "The stand-by is over: a face has returned.", None)

    def begin_procedure(
        self,
        by: str,
        time_seconds: float,
        kind: ProcedureKind,
        duration_seconds: float | None = None,
        note: str = "",
    ) -> tuple[Transition, ...]:
        """Note that something painful is done now. It is recorded and shown; it silences, delays and hides nothing.

        Args:
            by: Who says so.
            time_seconds: Monotonic.
            kind: What is done.
            duration_seconds: How long pain is put down to it; ten minutes when None, at most an hour.
            note: A few words more; may be empty.

        Raises:
            RefusedError: The bed is empty, or the duration is not positive or too long.
            ValueError: The time is not finite.
        """
        duration = USUAL_PROCEDURE_SECONDS if duration_seconds is None else duration_seconds
        if not 0.0 < duration <= LONGEST_PROCEDURE_SECONDS:
            words = Phrase(
                "a procedure lasts at most {longest} s, not {duration} s",
                longest=f"{LONGEST_PROCEDURE_SECONDS:g}",
                duration=f"{duration:g}",
            )
            raise RefusedError(words, RefusalCode.PROCEDURE_TOO_LONG)
        if self.occupancy.state is Occupancy.EMPTY:
            raise RefusedError(_EMPTY, RefusalCode.BED_EMPTY)
        transitions = self._advance(time_seconds)
        now = self._now()
        self._remember(BedStatement.PROCEDURE, by)
        transitions += self._end_procedure(now, f"{by} began another procedure.", by)
        procedure = Procedure(kind, by, now, now + duration, note)
        acknowledgement = Acknowledgement(by, now, now + duration)
        transitions += self._board.begin_by_person(Code.PROCEDURE, acknowledgement, procedure.sentence)
        self._memory.procedure = procedure
        return tuple(transitions)

    def _end_procedure(self, at_seconds: float, detail: str, by: str | None) -> list[Transition]:
        if self._memory.procedure is None:
            return []
        self._memory.procedure = None
        return self._board.end_by_person(Code.PROCEDURE, at_seconds, detail, by)

    def _expire(self, now_seconds: float) -> list[Transition]:
        """End what people have limited in time."""
        ended: list[Transition] = []
        procedure = self._memory.procedure
        if procedure is not None and now_seconds >= procedure.until_seconds:
            ended += self._end_procedure(procedure.until_seconds, "The time of the procedure has passed.", None)
        return ended + self._expire_standby(now_seconds)

    def _expire_standby(self, now_seconds: float) -> list[Transition]:
        until = self.occupancy.until_seconds
        if until is None or now_seconds < until:
            return []
        return self._return(until, "The stand-by is over: its time has passed.", None)

    def _return(self, at_seconds: float, detail: str, by: str | None) -> list[Transition]:
        """Watch the same infant again after a stand-by."""
        transitions = self._end_standby(at_seconds, detail, by)
        if transitions:
            before = self.occupancy
            self._set_occupancy(
                replace(
                    before, state=Occupancy.OCCUPIED, since_seconds=at_seconds, reason="", until_seconds=None,
                    until_face=False,
                )
            )  # fmt: skip
        return transitions

    def _end_standby(self, at_seconds: float, detail: str, by: str | None) -> list[Transition]:
        if self.occupancy.state is not Occupancy.STANDBY:
            return []
        return self._board.end_by_person(Code.BED_STANDBY, at_seconds, detail, by)

    def _set_occupancy(self, occupancy: BedOccupancy) -> None:
        """Begin with another occupancy; nothing that was seen before speaks for it."""
        self._memory.occupancy = OccupancyState(occupancy)
        self._infant_number += 1
        self._suspend()
        self._forget_infant()

    def _suspend(self) -> None:
        self._board.suspend(_SUSPENDED[self.occupancy.state])

    @abstractmethod
    def _forget_infant(self) -> None:
        """Forget what was seen of a face."""


def _emptied(by: str) -> str:
    return f"{by} discharged the infant: the bed is empty and not watched."


def _stands_by(occupancy: BedOccupancy, duration_seconds: float) -> str:
    minutes = f"{duration_seconds / 60:.0f} min" if duration_seconds >= 90 else f"{duration_seconds:.0f} s"
    limit = f"until a face returns, for at most {minutes}" if occupancy.until_face else f"for {minutes}"
    reason = f" ({occupancy.reason})" if occupancy.reason else ""
    return f"On stand-by {limit}, by {occupancy.by}{reason}: pain is not watched."
