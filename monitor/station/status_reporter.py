"""What the supervisor finds, on its way out: the station's conditions, and what beds and station show now."""

from collections.abc import Callable, Iterable

from monitor.board.status_records import StationStatus
from monitor.clock import Clock
from monitor.delivery.redis_session import StateValue
from monitor.pain.alarm import Acknowledgement
from monitor.pain.occupancy import BedOccupancy
from monitor.pain.vocabulary import Observation
from monitor.pipeline.bed_pipeline import BedPipeline
from monitor.station.outputs import StationOutputs
from monitor.station.station_conditions import ConditionReport, StationConditions
from monitor.video.status import CameraStatus

__all__ = ["StatusReporter"]

_STATE_SECONDS = 0.5


class StatusReporter:
    """Reports what the supervisor sees; called from its thread.

    Args:
        clock: Monotonic time.
        outputs: Board, metrics and publisher.
        conditions: The conditions of the whole station.
        mode: Where the pictures come from; part of a bed's state in Redis.
        status: Returns the station's technical state.
    """

    def __init__(
        self,
        clock: Clock,
        outputs: StationOutputs,
        conditions: StationConditions,
        mode: str,
        status: Callable[[], StationStatus],
    ) -> None:
        self._clock = clock
        self._outputs = outputs
        self._conditions = conditions
        self._mode = mode
        self._status = status
        self._state_seconds: dict[str, float] = {}

    def report_bed(self, bed: BedPipeline, observation: Observation, camera: CameraStatus) -> None:
        """Show a bed and its camera on the board, and twice a second in Redis."""
        self._outputs.board.camera(bed.id, camera)
        self._outputs.show_requests(bed)
        self._outputs.metrics.show_occupancy(bed.id, observation.occupancy)
        now = self._clock.monotonic()
        if now - self._state_seconds.get(bed.id, float("-inf")) < _STATE_SECONDS:
            return
        self._state_seconds[bed.id] = now
        alarms = bed.alarms
        self._outputs.publisher.update_state(
            bed.id,
            {
                "level": observation.level,
                "score": observation.score,
                "coverage": observation.coverage,
                "validity": str(observation.validity),
                "occupancy": str(observation.occupancy),
                "camera_state": str(camera.state),
                "seconds_since_face": observation.seconds_since_face,
                "generation_mode": self._mode,
                "display_level": observation.display_level,
                "on_share": observation.on_share,
                "camera": bed.camera_id,
                "seconds_since_frame": camera.seconds_since_frame,
                "on_level": alarms.on_level,
                "off_level": alarms.off_level,
                "acknowledge_expires_seconds": alarms.acknowledge_expires_seconds,
                **_what_people_said(bed.pause_in_force(), bed.occupancy(), now),
            },
        )

    def report_station(self, reports: Iterable[ConditionReport]) -> None:
        """Take the conditions of the whole station, and show its technical state."""
        self._conditions.take(reports)
        self._outputs.board.station(self._status())


def _what_people_said(
    pause: Acknowledgement | None, occupancy: BedOccupancy, now_seconds: float
) -> dict[str, StateValue]:
    """Return what a bed's state in Redis says of its pause and its stand-by; what does not hold is absent."""
    said: dict[str, StateValue] = {}
    if pause is not None:
        said |= {"paused_by": pause.by, "pause_seconds_left": max(0.0, pause.until_seconds - now_seconds)}
    if occupancy.by is not None:
        said |= {"occupancy_by": occupancy.by, "occupancy_reason": occupancy.reason or None}
    if occupancy.until_seconds is not None:
        said |= {"occupancy_seconds_left": max(0.0, occupancy.until_seconds - now_seconds)}
    if occupancy.until_face:
        said |= {"occupancy_until_face": True}
    return said
