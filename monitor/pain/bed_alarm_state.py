"""All that the alarm logic of one bed remembers; it survives a restart."""

from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import ConfigDict

from monitor.pain.alarm_set import AlarmSetState
from monitor.pain.face_absence import FaceAbsence
from monitor.pain.hold_timers import HoldTimers
from monitor.pain.level_filter import LevelFilterState
from monitor.pain.occupancy import OccupancyState
from monitor.pain.procedure import Procedure
from monitor.pain.vocabulary import Region, Visibility

__all__ = ["BedAlarmState"]


@dataclass(slots=True)
class BedAlarmState:
    """All that is remembered of one bed; times are monotonic seconds."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", allow_inf_nan=False)

    level: LevelFilterState
    board: AlarmSetState = field(default_factory=AlarmSetState)
    evidence: HoldTimers = field(default_factory=HoldTimers)
    face: FaceAbsence = field(default_factory=FaceAbsence)
    now_seconds: float | None = None
    newest_score: float | None = None
    newest_visibility: Visibility = Visibility.NO_FACE
    newest_hidden: tuple[Region, ...] = ()
    is_level_known: bool = False
    trusted_since: float | None = None
    face_id: int | None = None  # of the face that is followed
    followed_since: float | None = None
    raised_by: int | None = None  # the face that alone can end the pain alarms that are on; None: no face can
    occupancy: OccupancyState = field(default_factory=OccupancyState)
    procedure: Procedure | None = None  # under way, as people say
    bouts: list[float] = field(default_factory=list)  # of pain, within the last hour

    def shift(self, seconds: float) -> None:
        """Move to another origin of time."""
        for part in (self.level, self.board, self.evidence, self.face, self.occupancy):
            part.shift(seconds)
        self.bouts = [bout + seconds for bout in self.bouts]
        if self.procedure is not None:
            self.procedure.shift(seconds)
        if self.now_seconds is not None:
            self.now_seconds += seconds
        if self.trusted_since is not None:
            self.trusted_since += seconds
        if self.followed_since is not None:
            self.followed_since += seconds
