"""The conditions that concern the whole station: publisher, disk, clock, self-check."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter

from monitor.config import AlarmSettings
from monitor.pain.alarm_scope import AlarmScope
from monitor.pain.alarm_set import AlarmSetState
from monitor.pain.vocabulary import Transition

__all__ = ["StationAlarmState", "StationAlarms"]


@dataclass(slots=True)
class StationAlarmState:
    """All that is remembered of the station; times are monotonic seconds."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", allow_inf_nan=False)

    board: AlarmSetState = field(default_factory=AlarmSetState)
    now_seconds: float | None = None

    def shift(self, seconds: float) -> None:
        """Move to another origin of time."""
        self.board.shift(seconds)
        if self.now_seconds is not None:
            self.now_seconds += seconds


class StationAlarms(AlarmScope[StationAlarmState]):
    """The alarm logic of what beds share.

    Args:
        settings: Delays and limits.
        new_id: Makes the id of a new alert.
    """

    def __init__(self, settings: AlarmSettings, new_id: Callable[[], str]) -> None:
        super().__init__(settings, new_id, StationAlarmState())

    def tick(self, time_seconds: float) -> tuple[Transition, ...]:
        """Let time pass; call this about once a second or more often.

        Raises:
            ValueError: The time is not finite.
        """
        return tuple(self._advance(time_seconds))

    def _advance(self, time_seconds: float) -> list[Transition]:
        now = self._move_to(time_seconds)
        return self._board.advance(now, now)

    @classmethod
    @cache
    def _adapter(cls) -> TypeAdapter[StationAlarmState]:
        return TypeAdapter(StationAlarmState)
