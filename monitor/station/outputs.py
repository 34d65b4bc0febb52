"""The three ways out of a station, together: what is published, what is measured, what is shown."""

from dataclasses import dataclass

from monitor.board.board import Board
from monitor.delivery.publisher import Publisher
from monitor.telemetry.metrics import StationMetrics

__all__ = ["StationOutputs"]


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
