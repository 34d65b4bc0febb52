"""What the publisher sends at a time."""

from dataclasses import dataclass

from monitor.delivery.spool_records import Position, SpooledAlert

__all__ = ["Batch"]


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be sent next.

    Attributes:
        alerts: In order, all of one producer.
        position: How far Redis has this producer's records.
        durable: They come from the spool, not from memory.
        last_seq: The highest number that this producer has given out.
    """

    alerts: tuple[SpooledAlert, ...]
    position: Position
    durable: bool
    last_seq: int
