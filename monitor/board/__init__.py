"""The newest state of every bed, between the station that determines it and the people and programs that read it.

The station writes, from any of its threads, and is never held up:

    board = Board(beds, clock, on_level=config.alarms.on_level, keeps_pictures=config.web.preview != "off")
    board.observe(bed_id, observation, frame, frame_faces)     after every analysed frame
    board.transition(bed_id, alert)                         for every alert; bed_id None: of the whole station
    board.camera(bed_id, camera_status)                     about once a second, and when its state changes
    board.pause(bed_id, bed_pause)                          likewise; None where there is none
    board.station(station_facts)                            about once a second

The page, the API and the exporters read `board.snapshot()`, which is made at most once a second (ten times, while
alerts change) and shared, and `board.picture(bed_id)`. Everything that is stored is bounded: the newest observation and
picture of each bed, ten minutes of its level, its open alerts and its last hundred past ones, the last thousand alert
records.
"""

from monitor.board.alert_book import AlertEpisode, AlertRecord
from monitor.board.bed_state import BedReadings, BedState, BedStatus, alert_sentence, describe_bed
from monitor.board.board import Board
from monitor.board.history import HISTORY_SECONDS
from monitor.board.reader import BoardReader
from monitor.board.snapshot import BedPicture, BedSnapshot, BoardSnapshot
from monitor.board.status_records import AlarmLimits, BedInfo, BedPause, HistoryPoint, StationStatus

__all__ = [
    "HISTORY_SECONDS",
    "AlarmLimits",
    "AlertEpisode",
    "AlertRecord",
    "BedInfo",
    "BedPause",
    "BedPicture",
    "BedReadings",
    "BedSnapshot",
    "BedState",
    "BedStatus",
    "Board",
    "BoardReader",
    "BoardSnapshot",
    "HistoryPoint",
    "StationStatus",
    "alert_sentence",
    "describe_bed",
]
