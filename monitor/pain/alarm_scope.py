"""What beds and the station have in common: reports, acknowledgements, pauses, and a memory that survives a restart."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from typing import Any, Generic, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from monitor.config import AlarmSettings
from monitor.errors import RefusalCode, RefusedError
from monitor.pain.alarm import Acknowledgement
from monitor.pain.alarm_set import AlarmSet, AlarmSetState
from monitor.pain.vocabulary import Code, Transition
from monitor.phrases import Phrase

__all__ = ["AlarmScope", "AlarmScopeState"]

_SCHEMA = "nicu-alarm-state/1"


class AlarmScopeState(Protocol):
    """The stored state of a scope."""

    board: AlarmSetState
    now_seconds: float | None

    def shift(self, seconds: float) -> None:
        """Move to another origin of time."""
        ...


Memory = TypeVar("Memory", bound=AlarmScopeState)


class AlarmScope(ABC, Generic[Memory]):
    """A set of alarm conditions that are updated together.

    Args:
        settings: Delays and limits.
        new_id: Makes the id of a new alert.
        memory: An empty one.
    """

    def __init__(self, settings: AlarmSettings, new_id: Callable[[], str], memory: Memory) -> None:
        self._settings = settings
        self._new_id = new_id
        self._adopt(memory)

    def report(
        self,
        code: Code,
        present: bool,
        time_seconds: float,
        detail: str = "",
        since_seconds: float | None = None,
        subjects: Collection[str] = (),
    ) -> tuple[Transition, ...]:
        """Take what another part of the program sees of a technical condition.

        Report early and often: the delay is applied here, and repeating a report changes nothing. Another sentence
        about what is on is an update, at most once a minute; one more of its subjects is signalled again at once. After
        `restore`, every condition has to be reported again, whether it holds or not.

        Args:
            code: Any technical code but `face_not_visible`, which follows from the frames.
            present: Whether it holds now.
            time_seconds: Monotonic time of the report.
            detail: One sentence for people, without a credential; the table's sentence when empty.
            since_seconds: When it began to hold or to be gone, where that was earlier: for a camera that is lost, the
                time of its last frame.
            subjects: What it is about, by name, where that can be several: the beds that nobody watches.

        Raises:
            ValueError: The code cannot be reported, or a time is not finite.
        """
        transitions = self._advance(time_seconds)
        now = self._now()
        since = now if since_seconds is None else min(_finite(since_seconds), now)
        self._board.report_external(code, since, present=present, detail=detail, subjects=subjects)
        return (*transitions, *self._advance(now))

    def acknowledge(self, target: str | None, by: str, time_seconds: float) -> tuple[Transition, ...]:
        """Note that somebody has seen an alert; it lapses after `acknowledge_expires_seconds`.

        Args:
            target: An alert id, a code, or None for all alerts.
            by: Who.
            time_seconds: Monotonic.

        Returns:
            What changed; empty when there is nothing to acknowledge.

        Raises:
            ValueError: The time is not finite.
        """
        transitions = self._advance(time_seconds)
        now = self._now()
        until = now + self._settings.acknowledge_expires_seconds
        return (*transitions, *self._board.acknowledge(target, by, now, until))

    def withdraw(self, alert_id: str, by: str, time_seconds: float) -> tuple[Transition, ...]:
        """Take back the acknowledgement of an alert, within 15 s: a finger has hit the wrong button.

        Args:
            alert_id: Which alert.
            by: Who acknowledged it, and takes that back.
            time_seconds: Monotonic.

        Returns:
            What changed; empty where there was no such acknowledgement, or it was given earlier or by somebody else.

        Raises:
            ValueError: The time is not finite.
        """
        transitions = self._advance(time_seconds)
        return (*transitions, *self._board.withdraw(alert_id, by, self._now()))

    def pause(self, by: str, time_seconds: float, duration_seconds: float | None = None) -> tuple[Transition, ...]:
        """Acknowledge all alerts, and their codes in advance, for a limited time.

        Only codes that are signalled at this moment are covered. Any other condition, and an escalation of a covered
        one, is signalled as ever; and what is covered is still recorded, start and end.

        Args:
            by: Who.
            time_seconds: Monotonic.
            duration_seconds: At most `acknowledge_expires_seconds`, which is the default.

        Raises:
            RefusedError: The duration is not positive or too long.
            ValueError: The time is not finite.
        """
        longest = self._settings.acknowledge_expires_seconds
        duration = longest if duration_seconds is None else duration_seconds
        if not 0.0 < duration <= longest:
            words = Phrase(
                "a pause lasts at most {longest} s (alarms.acknowledge_expires_seconds), not {duration} s",
                longest=f"{longest:g}",
                duration=f"{duration:g}",
            )
            raise RefusedError(words, RefusalCode.PAUSE_TOO_LONG)
        transitions = self._advance(time_seconds)
        now = self._now()
        return (*transitions, *self._board.pause(by, now, now + duration))

    def resume(self, time_seconds: float) -> tuple[Transition, ...]:
        """End a pause before its time: what still holds is signalled again.

        Raises:
            ValueError: The time is not finite.
        """
        transitions = self._advance(time_seconds)
        return (*transitions, *self._board.resume(self._now()))

    def active(self) -> tuple[Transition, ...]:
        """Return the newest record of every alert that is signalled now, in the order of the table."""
        return self._board.active()

    @property
    def now_seconds(self) -> float:
        """Monotonic time of the newest call; 0 before the first call."""
        return self._now()

    def paused_codes(self) -> tuple[Code, ...]:
        """Return the codes that a pause covers now."""
        return self._board.paused_codes()

    def pause_in_force(self) -> Acknowledgement | None:
        """Return the pause that lasts longest; None where there is none. Its times are monotonic seconds."""
        return self._board.pause_in_force()

    def snapshot(self) -> dict[str, Any]:
        """Return everything that `restore` needs, as values that JSON can hold."""
        return {"schema": _SCHEMA, "memory": self._adapter().dump_python(self._memory, mode="json")}

    def restore(self, state: Mapping[str, Any], time_seconds: float, away_seconds: float = 0.0) -> None:
        """Go on from a snapshot: what was on is still on, with the same id.

        Where it was taken with another window length, a bed's level begins from nothing, and only a person can end pain
        that is on.

        Args:
            state: From `snapshot`.
            time_seconds: Monotonic time now, from any origin.
            away_seconds: Time between the newest call before the snapshot and now.

        Raises:
            ValueError: The state is of another version or damaged; nothing was changed then.
        """
        if state.get("schema") != _SCHEMA:
            raise ValueError(f"the alarm state has the schema {state.get('schema')!r}, expected {_SCHEMA!r}")
        try:
            memory = self._adapter().validate_python(state.get("memory"))
        except ValidationError as error:
            first = error.errors()[0]
            path = ".".join(str(part) for part in first["loc"])
            raise ValueError(f"the alarm state is damaged at {path or 'its top'}: {first['msg']}") from error
        self._check(memory)
        if memory.now_seconds is not None:
            memory.shift(_finite(time_seconds) - max(0.0, _finite(away_seconds)) - memory.now_seconds)
        self._adopt(memory)

    def _adopt(self, memory: Memory) -> None:
        self._memory = memory
        self._board = AlarmSet(self._settings, self._new_id, memory.board)

    def _check(self, memory: Memory) -> None:
        """Raise ValueError when a memory from outside does not fit."""

    def _now(self) -> float:
        now = self._memory.now_seconds
        return 0.0 if now is None else now

    def _move_to(self, time_seconds: float) -> float:
        """Advance to a time, or stay where it lies in the past, and return where that is."""
        now = self._memory.now_seconds
        self._memory.now_seconds = _finite(time_seconds) if now is None else max(now, _finite(time_seconds))
        return self._memory.now_seconds

    @abstractmethod
    def _advance(self, time_seconds: float) -> list[Transition]:
        """Let time pass."""

    @classmethod
    @abstractmethod
    def _adapter(cls) -> TypeAdapter[Memory]:
        """Return what reads and writes this scope's state."""


def _finite(seconds: float) -> float:
    if not math.isfinite(seconds):
        raise ValueError(f"a monotonic time must be finite, got {seconds}")
    return float(seconds)
