"""What the station says of its way to Redis."""

import pytest

from monitor.clock import ManualClock
from monitor.delivery.publisher_stats import PublisherStats
from monitor.pain import Code
from monitor.station.machine_checks import MachineChecks


def _said(tmp_path, code, *, dropped_later=0, **stats):
    clock, now = ManualClock(), PublisherStats(**stats)
    checks = MachineChecks(clock, lambda: now, tmp_path)
    now = PublisherStats(**{**stats, "dropped": dropped_later})
    (report,) = [report for report in checks.check(clock.monotonic()) if report.code is code]
    return report.detail if report.present else None


@pytest.mark.parametrize(
    ("stats", "detail"),
    [
        ({"redis_up": True}, None),
        ({"redis_up": True, "backlog_count": 1, "backlog_age_seconds": 1.0}, None),
        ({"redis_up": True, "backlog_count": 1, "backlog_age_seconds": 3.0}, "1 alert waits for Redis: it is slow."),
        ({"redis_up": False, "redis_failure": "It is away"}, "It is away."),
        ({"redis_up": False}, "Redis does not answer."),
        (
            {"redis_up": False, "redis_failure": "It is away", "backlog_count": 2},
            "2 alerts wait for Redis: It is away.",
        ),
        ({"redis_up": True, "redis_failure": "No beat"}, "No beat."),
    ],
)
def test_alerts_that_wait_are_counted_only_where_some_do(tmp_path, stats, detail):
    assert _said(tmp_path, Code.PUBLISHER_BACKLOG, **stats) == detail


@pytest.mark.parametrize(("count", "words"), [(1, "1 alert that waited for Redis was"), (2, "2 alerts that waited")])
def test_alerts_that_were_dropped_are_counted(tmp_path, count, words):
    assert _said(tmp_path, Code.DISK_LOW, dropped_later=count).startswith(words)
