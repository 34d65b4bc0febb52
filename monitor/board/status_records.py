"""What is reported to the board: beds, the station's technical state, and one point of history."""

from dataclasses import dataclass

__all__ = ["AlarmLimits", "BedInfo", "BedPause", "HistoryPoint", "StationStatus"]


@dataclass(frozen=True, slots=True)
class AlarmLimits:
    """What people are shown of the alarm settings that a bed is watched with.

    Attributes:
        on_level: Level in [0, 1] at or above which the alarm logic begins to count.
        off_level: Level in [0, 1] below which an alarm ends.
        acknowledge_expires_seconds: How long an acknowledgement lasts.
    """

    on_level: float
    off_level: float
    acknowledge_expires_seconds: float


@dataclass(frozen=True, slots=True)
class BedInfo:
    """A bed that the station watches.

    Attributes:
        bed_id: Pseudonymous id of the patient bed.
        camera_id: Name of its camera.
        station: Which station watches it, or last did, where several are shown together; empty where none is known.
            None: the one that shows it.
        region: Left, top, right and bottom of the part of the picture in which the face is searched for, in shares of
            width and height; None where it is not known.
        limits: Alarm settings of `station`; None where it has not said them, or where `station` is None.
    """

    bed_id: str
    camera_id: str
    station: str | None = None
    region: tuple[float, float, float, float] | None = None
    limits: AlarmLimits | None = None


@dataclass(frozen=True, slots=True)
class BedPause:
    """Somebody works at a bed and has silenced it for a while.

    Attributes:
        by: Who.
        until_seconds: Monotonic time at which the pause lapses by itself.
    """

    by: str
    until_seconds: float


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """A bed's level over one short stretch of time.

    Attributes:
        time_seconds: Monotonic beginning of the stretch.
        level: Highest displayed level in [0, 1] within it, so that a short peak is not lost; None where it could not
            be determined at any time.
        coverage: Coverage in [0, 1] at its end.
    """

    time_seconds: float
    level: float | None
    coverage: float


@dataclass(frozen=True, slots=True)
class StationStatus:
    """The station's technical state. None means that it is not known, and is shown as such.

    Attributes:
        station_id: Unique name of the station.
        version: Of this software.
        generation_mode: Where the pictures come from: `real`, `replay`, `demo` or `test`.
        model_generation: What the classifier was made for: `clinical-research` or `demo`.
        detector: Name of the detector's bundle.
        classifier: Name of the classifier's bundle.
        engine: What runs them, in words.
        workers: Inference threads that run.
        workers_wanted: Inference threads that should run.
        frames_per_second: Analysed frames of all beds together.
        publisher_backlog: Alerts that wait on the disk.
        redis_up: Whether Redis answered the newest call.
        clock_synchronised: Whether the wall clock is disciplined by a time service.
        config_hash: SHA-256 of the configuration in force, without its secrets.
    """

    station_id: str
    version: str
    generation_mode: str
    model_generation: str | None = None
    detector: str | None = None
    classifier: str | None = None
    engine: str | None = None
    workers: int | None = None
    workers_wanted: int | None = None
    frames_per_second: float | None = None
    publisher_backlog: int | None = None
    redis_up: bool | None = None
    clock_synchronised: bool | None = None
    config_hash: str | None = None
