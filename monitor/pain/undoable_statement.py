"""What a person said of a bed last, and what the bed's alarms were before, so that it can be taken back."""

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter

from monitor.pain.bed_alarm_state import BedAlarmState
from monitor.pain.occupancy import BedStatement

__all__ = ["UNDO_WITHIN_SECONDS", "UndoableStatement", "undoable_adapter"]

UNDO_WITHIN_SECONDS = 15.0
"""The ten seconds for which a page offers it, and the way there."""


@dataclass(frozen=True, slots=True)
class UndoableStatement:
    """The newest word of a person about a bed.

    Attributes:
        statement: What was said.
        by: Who said it.
        at_seconds: When; monotonic.
        before: All that was remembered of the bed before it.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", allow_inf_nan=False)

    statement: BedStatement
    by: str
    at_seconds: float
    before: BedAlarmState


@cache
def undoable_adapter() -> TypeAdapter[UndoableStatement]:
    """Return what writes and reads one as JSON; made when it is first needed, for that takes time."""
    return TypeAdapter(UndoableStatement)
