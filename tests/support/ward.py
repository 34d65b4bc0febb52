"""A daemon in a ward of its own: the servers around it, what came out of it, and how tests wait for that."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from daemon import Daemon, alerts_in
from redis_server import RedisServer
from reliability import allowance

_POLL_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 60.0


class Ward:
    """A daemon, the servers around it, and what came out of it.

    Args:
        daemon: Not yet started.
        redis: Where its alerts go.
    """

    def __init__(self, daemon: Daemon, redis: RedisServer) -> None:
        self.daemon = daemon
        self.redis = redis
        self._earlier = 0

    def alerts(
        self, bed: str | None = "bed", code: str | None = None, phase: str | None = None
    ) -> list[dict[str, Any]]:
        """Records since `settle` in the stream, oldest first, of one bed (None: of the station), code and phase."""
        return [
            alert
            for alert in alerts_in(self.redis.client())[self._earlier :]
            if alert["bed"] == bed and code in {None, alert["code"]} and phase in {None, alert["phase"]}
        ]

    def analysed_frames(self, bed: str = "bed") -> float:
        """Frames of a bed that were analysed so far."""
        return self.daemon.metric("nicu_monitor_frames_analysed_total", bed=bed) or 0.0

    def settle(self, bed: str = "bed") -> None:
        """Wait until a bed is watched without an alarm of its camera, and leave earlier alerts out from now on.

        On a very busy machine a camera that takes long to connect is an alarm of its own at the start.
        """
        self.wait_for_frames(bed)
        lost = {"bed": bed, "code": "camera_lost"}
        eventually(lambda: not self.daemon.metric("nicu_monitor_alarm_condition", **lost), 30, f"{bed} is watched")
        starts = len(self.alerts(bed, "camera_lost", "start"))
        eventually(lambda: len(self.alerts(bed, "camera_lost", "end")) >= starts, 30, f"the end of {bed}'s alarms")
        self._earlier = len(alerts_in(self.redis.client()))

    def wait_for_frames(self, bed: str = "bed", seconds: float = 30.0) -> float:
        """Wait for a frame that was not analysed before; return how long that took."""
        before = self.analysed_frames(bed)
        return eventually(lambda: self.analysed_frames(bed) > before, seconds, f"a analysed frame of {bed}")

    def wait_for(
        self, code: str, phase: str, *, bed: str | None = "bed", count: int = 1, seconds: float = 30.0
    ) -> float:
        """Wait for an alert in Redis; return how long that took."""
        return eventually(
            lambda: len(self.alerts(bed, code, phase)) >= count, seconds, f"{bed or 'station'}: {code} {phase}"
        )

    def check_numbers(self, *, from_first: bool = True) -> list[dict[str, Any]]:
        """Assert that no alert is missing, out of order or there in two versions; return them.

        Args:
            from_first: Whether the very first alert must be there, too: a server that lost its data after many
                thousands of alerts gets back those that the spool still has.
        """
        alerts = alerts_in(self.redis.client())
        first_seen: dict[tuple[str, int], str] = {}
        for alert in alerts:
            text = json.dumps(alert, sort_keys=True)
            assert first_seen.setdefault((alert["producer_id"], alert["seq"]), text) == text
        for producer in {producer for producer, _ in first_seen}:
            seqs = [seq for name, seq in first_seen if name == producer]
            first = 1 if from_first else seqs[0]
            assert seqs == list(range(first, first + len(seqs))), f"{producer} has gaps or a wrong order"
        return alerts


def eventually(condition: Callable[[], object], seconds: float, what: str) -> float:
    """Wait until a condition holds and return how long that took; the limit is widened on a busy machine."""
    began = time.monotonic()
    allowed = max(seconds, min(_LONGEST_WAIT_SECONDS, seconds * allowance()))
    while not condition():
        if time.monotonic() - began > allowed:
            pytest.fail(f"not within {allowed:.0f} s: {what}")
        time.sleep(_POLL_SECONDS)
    return time.monotonic() - began


def resident_bytes(pid: int) -> int:
    """Memory that a process occupies."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
