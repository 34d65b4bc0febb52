"""A painful procedure that somebody announces: pain is expected then, and is alarmed as ever."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

__all__ = ["LONGEST_PROCEDURE_SECONDS", "PROCEDURE_TITLES", "USUAL_PROCEDURE_SECONDS", "Procedure", "ProcedureKind"]

USUAL_PROCEDURE_SECONDS = 600.0
LONGEST_PROCEDURE_SECONDS = 3_600.0


class ProcedureKind(StrEnum):
    """What is done to the infant."""

    HEEL_LANCE = "heel_lance"
    VENIPUNCTURE = "venipuncture"
    INJECTION = "injection"
    SUCTIONING = "suctioning"
    TUBE_PLACEMENT = "tube_placement"
    DRESSING_CHANGE = "dressing_change"
    EYE_EXAMINATION = "eye_examination"
    OTHER = "other"


PROCEDURE_TITLES: Mapping[ProcedureKind, str] = MappingProxyType(
    {
        ProcedureKind.HEEL_LANCE: "Heel lance",
        ProcedureKind.VENIPUNCTURE: "Venipuncture",
        ProcedureKind.INJECTION: "Injection",
        ProcedureKind.SUCTIONING: "Suctioning",
        ProcedureKind.TUBE_PLACEMENT: "Tube placement",
        ProcedureKind.DRESSING_CHANGE: "Dressing or tape change",
        ProcedureKind.EYE_EXAMINATION: "Eye examination",
        ProcedureKind.OTHER: "Other procedure",
    }
)
"""What each is called; a sentence about it begins with these words."""


@dataclass(slots=True)
class Procedure:
    """A procedure that is under way. Times are monotonic seconds.

    Attributes:
        kind: What is done.
        by: Who said so.
        since_seconds: When it was announced.
        until_seconds: Until when pain is put down to it.
        note: A few words more; may be empty.
    """

    kind: ProcedureKind
    by: str
    since_seconds: float
    until_seconds: float
    note: str = ""

    def shift(self, seconds: float) -> None:
        """Move to another origin of time."""
        self.since_seconds += seconds
        self.until_seconds += seconds

    @property
    def sentence(self) -> str:
        """What is said of it, for people."""
        note = f" ({self.note})" if self.note else ""
        title = PROCEDURE_TITLES[self.kind]
        return f"{title}{note}, by {self.by}: pain is to be expected, and is alarmed as ever."
