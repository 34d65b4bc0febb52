"""How publishing goes, in numbers and sentences."""

from dataclasses import dataclass

from monitor.delivery.spool_quota import Drop

__all__ = ["PublisherStats"]


@dataclass(frozen=True, slots=True)
class PublisherStats:
    """How publishing goes.

    Attributes:
        backlog_count: Alerts that wait for Redis.
        backlog_age_seconds: Age of the oldest of them.
        redis_up: Whether the last exchange with Redis succeeded; None before the first.
        redis_failure: One sentence on what is wrong with Redis; None while all is well.
        disk_fault: One sentence on why alerts are not stored on the disk; None while they are.
        spool_bytes: What the spool occupies.
        dropped: Alerts given up undelivered since the spool began: over the quota, or in memory beside a broken disk.
        last_drop: The newest of these events on disk.
        heartbeat_age_seconds: Since Redis last took "watching"; None before the first time.
        published: Alerts that reached Redis since the start.
    """

    backlog_count: int = 0
    backlog_age_seconds: float = 0.0
    redis_up: bool | None = None
    redis_failure: str | None = None
    disk_fault: str | None = None
    spool_bytes: int = 0
    dropped: int = 0
    last_drop: Drop | None = None
    heartbeat_age_seconds: float | None = None
    published: int = 0
