"""The three ways out of a station, together: what is published, what is measured, what is shown."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from monitor.alerts.record import GenerationMode
from monitor.board.board import Board
from monitor.board.status_records import BedInfo, BedPause
from monitor.clock import Clock
from monitor.config import StationConfig
from monitor.control.access import AccessList
from monitor.delivery.publisher import Publisher
from monitor.delivery.redis_session import SessionEvents
from monitor.pipeline.bed_pipeline import BedPipeline
from monitor.telemetry.metrics import StationMetrics

__all__ = ["StationOutputs", "build_outputs"]


@dataclass(frozen=True, slots=True)
class StationOutputs:
    """Where a station's results go. All of them may be used from any thread and return at once.

    Attributes:
        publisher: Stores alerts and sends them to Redis.
        metrics: For Prometheus.
        board: For the page and the API.
    """

    publisher: Publisher
    metrics: StationMetrics
    board: Board
    _showing: Lock = field(default_factory=Lock, init=False, repr=False)

    def show_requests(self, bed: BedPipeline) -> None:
        """Show on the page what people asked of a bed: its pause, and who lies in it."""
        # Read and shown as one, or a thread that read before a request would show over it what no longer holds.
        with self._showing:
            pause = bed.pause_in_force()
            self.board.pause(bed.id, None if pause is None else BedPause(pause.by, pause.until_seconds))
            self.board.occupy(bed.id, bed.occupancy(), bed.recent_statement())


def build_outputs(
    config: StationConfig,
    mode: GenerationMode,
    clock: Clock,
    *,
    watching: Callable[[], bool],
    publisher_ticked: Callable[[], None],
    writer_ticked: Callable[[], None],
) -> StationOutputs:
    """Make the outputs of a station; nothing is started yet.

    Args:
        config: Of the station.
        mode: Where the pictures come from.
        clock: Monotonic and wall time.
        watching: Whether the station really watches.
        publisher_ticked: Called at every turn of the publisher.
        writer_ticked: Called at every turn of the loop that stores alerts.

    Raises:
        MonitorError: The state directory or a file that Redis needs cannot be used.
    """
    metrics = StationMetrics(config.station.id, mode, clock)
    access = config.redis.command_access_file
    publisher = Publisher(
        config.redis,
        config.spool,
        config.station.id,
        clock,
        access=None if access is None else AccessList.read(access),
        events=SessionEvents(published=metrics.published, command=metrics.command),
        # Stations that share beds hand them over: for a moment two of them watch one.
        claims_beds=config.fleet is None,
        watching=watching,
        ticked=publisher_ticked,
        writer_ticked=writer_ticked,
    )
    board = Board(
        [BedInfo(bed.id, bed.camera_id, region=bed.region_of_interest.edges) for bed in config.beds],
        clock,
        on_level=config.alarms.on_level,
        keeps_pictures=config.web.preview != "off",
    )
    return StationOutputs(publisher, metrics, board)
