"""What the board says at one moment: plain, immutable values for presentation."""

from dataclasses import dataclass, field
from datetime import datetime

from monitor.board.alert_book import AlertEpisode
from monitor.board.bed_state import BedStatus
from monitor.board.status_records import BedInfo, BedPause, HistoryPoint, StationStatus
from monitor.faces.patient_tracker import FrameFaces
from monitor.pain.occupancy import BedOccupancy, RecentStatement
from monitor.pain.vocabulary import Observation
from monitor.video.frame import Frame
from monitor.video.status import CameraStatus

__all__ = ["BedPicture", "BedSnapshot", "BoardSnapshot"]


@dataclass(frozen=True, slots=True)
class BedSnapshot:
    """One bed at one moment.

    Attributes:
        info: Which bed.
        status: Its state in words.
        observation: The newest one; None before the first.
        observed_at: Wall time of the newest observation, for people; None before the first.
        observation_age_seconds: Time since then; None before the first.
        seconds_since_face: Time since the last usable face, up to this moment; None before the first.
        history: The last ten minutes, oldest first.
        camera: What was last reported of the camera; None before the first time.
        pause: The pause that holds; None without one.
        open_alerts: Alerts that hold or wait for an acknowledgement, the newest first.
        past_alerts: Alerts that are over, the newest first.
        picture_index: Counts the pictures that can be shown; None where there is none, or none is stored.
        bouts_within_hour: How often pain was declared within the last hour.
        occupancy: Who lies there, as people say; its times are monotonic seconds.
        recent: What somebody said of the bed last, and can take back for some seconds; None where there is nothing.
    """

    info: BedInfo
    status: BedStatus
    observation: Observation | None
    observed_at: datetime | None
    observation_age_seconds: float | None
    seconds_since_face: float | None
    history: tuple[HistoryPoint, ...]
    camera: CameraStatus | None
    pause: BedPause | None
    open_alerts: tuple[AlertEpisode, ...]
    past_alerts: tuple[AlertEpisode, ...]
    picture_index: int | None
    bouts_within_hour: int = 0
    occupancy: BedOccupancy = field(default_factory=BedOccupancy)
    recent: RecentStatement | None = None


@dataclass(frozen=True, slots=True)
class BoardSnapshot:
    """The whole station at one moment.

    Attributes:
        number: Counts the snapshots from 1.
        taken_at: Wall time, for people.
        taken_seconds: Monotonic time.
        beds: In the order of the configuration.
        station: Technical state; None before it was reported.
        station_age_seconds: Time since it was reported.
        open_alerts: Of the station as a whole, the newest first.
        past_alerts: Of the station as a whole, the newest first.
        newest_record: Number of the newest alert record.
    """

    number: int
    taken_at: datetime
    taken_seconds: float
    beds: tuple[BedSnapshot, ...]
    station: StationStatus | None
    station_age_seconds: float | None
    open_alerts: tuple[AlertEpisode, ...]
    past_alerts: tuple[AlertEpisode, ...]
    newest_record: int

    def by_urgency(self) -> tuple[BedSnapshot, ...]:
        """Return the beds, the most urgent first; equals keep the order of the configuration."""
        return tuple(sorted(self.beds, key=lambda bed: bed.status.rank))

    def bed(self, bed_id: str) -> BedSnapshot | None:
        """Return one bed, or None where there is no such bed."""
        return next((bed for bed in self.beds if bed.info.bed_id == bed_id), None)


@dataclass(frozen=True, slots=True)
class BedPicture:
    """The newest picture of a bed and what was found in it.

    Attributes:
        frame: The picture, held by reference.
        frame_faces: The faces in it; None where none were searched for.
        index: Counts the pictures of the bed.
    """

    frame: Frame
    frame_faces: FrameFaces | None
    index: int
