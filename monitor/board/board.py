"""The read model between the station and its readers."""

import threading
from collections.abc import Iterable
from datetime import timedelta

from monitor.alerts.record import AlertDraft
from monitor.board.alert_book import AlertBook, AlertEpisode, AlertRecord
from monitor.board.bed_state import BedReadings, describe_bed
from monitor.board.history import LevelHistory
from monitor.board.snapshot import BedPicture, BedSnapshot, BoardSnapshot
from monitor.board.status_records import BedInfo, BedPause, StationStatus
from monitor.clock import Clock
from monitor.faces.patient_tracker import FrameFaces
from monitor.pain.occupancy import BedOccupancy, RecentStatement
from monitor.pain.vocabulary import Observation
from monitor.video.frame import Frame
from monitor.video.status import CameraStatus

__all__ = ["Board"]

_SNAPSHOT_SECONDS = 1.0
_CHANGED_SECONDS = 0.1
"""Life of a snapshot after an alert has changed."""
_PICTURE_SECONDS = 5.0


class _Bed:
    """What the board keeps of one bed; guarded by the board's lock."""

    __slots__ = (
        "camera",
        "frame",
        "frame_faces",
        "history",
        "info",
        "is_occupancy_known",
        "known_since_seconds",
        "observation",
        "occupancy",
        "pause",
        "pictures",
        "recent",
    )

    def __init__(self, info: BedInfo, known_since_seconds: float) -> None:
        self.info = info
        self.known_since_seconds = known_since_seconds
        self.observation: Observation | None = None
        self.history = LevelHistory()
        self.camera: CameraStatus | None = None
        self.pause: BedPause | None = None
        self.occupancy = BedOccupancy()
        self.recent: RecentStatement | None = None
        self.is_occupancy_known = False
        self.frame: Frame | None = None
        self.frame_faces: FrameFaces | None = None
        self.pictures = 0


def _said(occupancy: BedOccupancy) -> tuple[object, ...]:
    """Return what differs between two requests of people; another station's carry no time of this clock."""
    return occupancy.since_seconds, occupancy.state, occupancy.by, occupancy.infant


class Board:
    """Holds the newest facts of every bed. Thread-safe; its memory is bounded.

    Writers (`observe`, `transition`, `camera`, `pause`, `occupy`, `station`) only keep references and return at once.
    Readers share one snapshot, made at most once a second while nothing but levels and cameras changes, so that many of
    them cost no more than one.

    Args:
        beds: The beds, in the order in which they are shown.
        clock: Source of monotonic and wall time; the same as the alarm logic's.
        on_level: Level at or above which the alarm logic begins to count; for the words of a bed's state. What
            `BedInfo.limits` says of a bed goes before it.
        keeps_pictures: Whether the newest picture of each bed may be shown. Without it no picture is stored at all.
    """

    def __init__(self, beds: Iterable[BedInfo], clock: Clock, *, on_level: float, keeps_pictures: bool = False) -> None:
        self._clock = clock
        self._on_level = on_level
        self._keeps_pictures = keeps_pictures
        self._lock = threading.Lock()
        self._beds: dict[str, _Bed] = {}
        self._alerts = AlertBook()
        self._station: StationStatus | None = None
        self._station_seconds = 0.0
        self._snapshot: BoardSnapshot | None = None
        self._has_alert_changed = False
        self._has_request_changed = False
        self._snapshot_lock = threading.Lock()
        self.watch(beds)

    def change_on_level(self, on_level: float) -> None:
        """Take the alarm logic's new threshold."""
        self._on_level = on_level

    def watch(self, beds: Iterable[BedInfo]) -> None:
        """Watch these beds from now on; everything about beds that are not among them is forgotten."""
        now_seconds = self._clock.monotonic()
        with self._lock:
            before = self._beds
            self._beds = {}
            for info in beds:
                known = before.pop(info.bed_id, None)
                if known is None or known.info.camera_id != info.camera_id:
                    known = _Bed(info, now_seconds)
                known.info = info  # a bed that another station watches now is still the same
                self._beds[info.bed_id] = known
            for bed_id in before:
                self._alerts.forget(bed_id)

    def observe(
        self, bed_id: str, observation: Observation, frame: Frame | None = None, frame_faces: FrameFaces | None = None
    ) -> None:
        """Take what one analysed frame has shown. Keeps references only; costs a few microseconds.

        What a worker still had in hand when another infant was admitted is left out.

        Args:
            bed_id: Which bed.
            observation: What the bed shows now.
            frame: The analysed picture; dropped at once unless the board keeps pictures.
            frame_faces: The faces found in it.

        Raises:
            KeyError: The board does not watch this bed.
        """
        with self._lock:
            bed = self._beds[bed_id]
            since_seconds = bed.occupancy.since_seconds
            if since_seconds is not None and observation.time_seconds < since_seconds:
                return
            bed.observation = observation
            bed.history.add(observation)
            if frame is not None and self._keeps_pictures:
                bed.frame, bed.frame_faces = frame, frame_faces
                bed.pictures += 1

    def transition(self, bed_id: str | None, alert: AlertDraft) -> None:
        """Take the newest record of an alert; `bed_id` is None for a condition of the whole station."""
        with self._lock:
            self._alerts.add(bed_id, alert)
            self._has_alert_changed = True

    def end_left(self, end: AlertDraft) -> None:
        """Take the end of an alert that an earlier run, or a bed that is not watched any more, left on.

        Who reads records gets it in every case; the bed shows it only while it is watched.
        """
        with self._lock:
            if end.bed is None or end.bed in self._beds:
                self._alerts.add(end.bed, end)
                self._has_alert_changed = True
            else:
                self._alerts.note(end)

    def load_history(self, alerts: Iterable[AlertDraft]) -> None:
        """Take the alerts of an earlier run of the station, oldest first, for the history of each bed.

        To be called before anything else is reported. Alerts of beds that are not watched any more are left out.
        """
        of_bed: dict[str | None, list[AlertDraft]] = {}
        for alert in alerts:
            of_bed.setdefault(alert.bed, []).append(alert)
        with self._lock:
            for bed_id, records in of_bed.items():
                if bed_id is None or bed_id in self._beds:
                    self._alerts.load_history(bed_id, records)

    def camera(self, bed_id: str, status: CameraStatus) -> None:
        """Take what is known about a bed's camera; to be reported about once a second.

        Raises:
            KeyError: The board does not watch this bed.
        """
        with self._lock:
            self._beds[bed_id].camera = status

    def pause(self, bed_id: str, pause: BedPause | None) -> None:
        """Take the pause that holds at a bed, or None; to be reported about once a second.

        Raises:
            KeyError: The board does not watch this bed.
        """
        with self._lock:
            bed = self._beds[bed_id]
            self._has_request_changed |= bed.pause != pause
            bed.pause = pause

    def occupy(self, bed_id: str, occupancy: BedOccupancy, recent: RecentStatement | None = None) -> None:
        """Take who lies in a bed, and what was said last; to be reported about once a second.

        What was seen before it changed does not stand beside the infant that is watched from then on.

        Raises:
            KeyError: The board does not watch this bed.
        """
        with self._lock:
            bed = self._beds[bed_id]
            # The first report after a start brings what was said before it.
            if bed.is_occupancy_known and _said(bed.occupancy) != _said(occupancy):
                bed.history, bed.observation = LevelHistory(), None
                self._alerts.forget_bouts(bed_id)
            self._has_request_changed |= bed.occupancy != occupancy
            bed.occupancy, bed.is_occupancy_known = occupancy, True
            bed.recent = recent

    def station(self, facts: StationStatus) -> None:
        """Take the technical state of the station; to be reported about once a second."""
        with self._lock:
            self._station, self._station_seconds = facts, self._clock.monotonic()

    def snapshot(self) -> BoardSnapshot:
        """Return everything, at most a second old; alerts at most a tenth of one, what people asked for at once.

        Callers within that time get the same object.
        """
        with self._snapshot_lock:
            now_seconds = self._clock.monotonic()
            newest = self._snapshot
            life_seconds = _CHANGED_SECONDS if self._has_alert_changed else _SNAPSHOT_SECONDS
            if newest is None or self._has_request_changed or now_seconds - newest.taken_seconds >= life_seconds:
                number = 1 if newest is None else newest.number + 1
                with self._lock:
                    newest = self._take(number, now_seconds)
                    self._has_alert_changed = self._has_request_changed = False
                self._snapshot = newest
            return newest

    def picture(self, bed_id: str) -> BedPicture | None:
        """Return the newest picture of a bed; None where there is none, or where it is too old to be shown as live."""
        now_seconds = self._clock.monotonic()
        with self._lock:
            bed = self._beds.get(bed_id)
            if bed is None or bed.frame is None or now_seconds - bed.frame.time_seconds > _PICTURE_SECONDS:
                return None
            return BedPicture(bed.frame, bed.frame_faces, bed.pictures)

    def find_alert(self, alert_id: str) -> AlertEpisode | None:
        """Return an alert, open or past, as it stands at this moment; None where it is not known."""
        with self._lock:
            return self._alerts.find(alert_id)

    def records_after(self, number: int) -> tuple[AlertRecord, ...]:
        """Return the alert records after a number, oldest first; the last thousand are stored."""
        with self._lock:
            return self._alerts.records_after(number) if number < self._alerts.newest_number else ()

    def _take(self, number: int, now_seconds: float) -> BoardSnapshot:
        return BoardSnapshot(
            number=number,
            taken_at=self._clock.wall(),
            taken_seconds=now_seconds,
            beds=tuple(self._take_bed(bed, now_seconds) for bed in self._beds.values()),
            station=self._station,
            station_age_seconds=None if self._station is None else now_seconds - self._station_seconds,
            open_alerts=self._alerts.open_alerts(None),
            past_alerts=self._alerts.past_alerts(None),
            newest_record=self._alerts.newest_number,
        )

    def _take_bed(self, bed: _Bed, now_seconds: float) -> BedSnapshot:
        observation = bed.observation
        age_seconds = None if observation is None else max(0.0, now_seconds - observation.time_seconds)
        since_face_seconds = observed_at = None
        if observation is not None and age_seconds is not None:
            observed_at = self._clock.wall() - timedelta(seconds=age_seconds)
            if observation.seconds_since_face is not None:
                since_face_seconds = observation.seconds_since_face + age_seconds
        alerts = self._alerts.open_alerts(bed.info.bed_id)
        # Where several stations are shown together, one that stands still says nothing of the beds of the others.
        of_station = [
            episode
            for episode in self._alerts.open_alerts(None)
            if bed.info.station is None or episode.newest.station == bed.info.station
        ]
        status = describe_bed(
            BedReadings(
                observation=observation,
                observation_age_seconds=age_seconds,
                known_for_seconds=now_seconds
                - max(bed.known_since_seconds, bed.occupancy.since_seconds or bed.known_since_seconds),
                camera=None if bed.camera is None else bed.camera.state,
                alerts=tuple(episode.newest for episode in (*alerts, *of_station)),
                on_level=self._on_level if bed.info.limits is None else bed.info.limits.on_level,
                occupancy=bed.occupancy,
                now_seconds=now_seconds,
            )
        )
        is_shown = bed.frame is not None and now_seconds - bed.frame.time_seconds <= _PICTURE_SECONDS
        return BedSnapshot(
            info=bed.info,
            status=status,
            observation=observation,
            observed_at=observed_at,
            observation_age_seconds=age_seconds,
            seconds_since_face=since_face_seconds,
            history=bed.history.points(now_seconds),
            camera=bed.camera,
            pause=None if bed.pause is None or bed.pause.until_seconds <= now_seconds else bed.pause,
            occupancy=bed.occupancy,
            recent=bed.recent,
            open_alerts=alerts,
            past_alerts=self._alerts.past_alerts(bed.info.bed_id),
            picture_index=bed.pictures if is_shown else None,
            bouts_within_hour=self._alerts.bouts_within_hour(bed.info.bed_id, self._clock.wall()),
        )
