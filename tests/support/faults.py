"""The fault injector: every fault by name, begun and healed the same way, on real servers, disks and processes."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from daemon import Daemon
from redis_server import RedisServer
from rtsp_process import RtspProcess
from tcp_link import TcpLink

from monitor.clock import SystemClock

Heal = Callable[[], None]


class Fault(StrEnum):
    """What can break. The value is what the table in docs/reliability.md calls it."""

    CAMERA_KILLED = "camera killed"
    CAMERA_HUNG = "camera hung"
    CAMERA_CUT = "camera's connection cut"
    PICTURE_FROZEN = "picture frozen"
    PICTURE_DARK = "picture dark"
    REDIS_KILLED = "Redis killed"
    REDIS_HUNG = "Redis hung"
    REDIS_SLOW = "Redis slow"
    REDIS_READ_ONLY = "Redis read-only"
    REDIS_OUT_OF_MEMORY = "Redis out of memory"
    REDIS_EMPTIED = "Redis restarted empty"
    DISK_FULL = "disk full"
    PROCESS_KILLED = "station killed"


class SmallDisk:
    """A file system of its own in memory, which can run full without harm to anything else. Needs root.

    Args:
        directory: Where it is mounted; made when missing.
        megabytes: Its size.
    """

    def __init__(self, directory: Path, megabytes: int) -> None:
        self.directory = directory
        self._megabytes = megabytes

    def __enter__(self) -> Self:
        if os.geteuid() != 0 or shutil.which("mount") is None:
            pytest.skip("a disk of a test's own needs root (mount -t tmpfs)")
        self.directory.mkdir(parents=True, exist_ok=True)
        options = f"size={self._megabytes}m,mode=0700"
        command = ["mount", "-t", "tmpfs", "-o", options, "nicu-test", str(self.directory)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"a disk of a test's own cannot be mounted here: {done.stderr.strip()}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run(["umount", "--lazy", str(self.directory)], check=True)

    def fill(self) -> None:
        """Take every byte that is left."""
        with (self.directory / "filler").open("ab", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                while True:
                    try:
                        file.write(bytes(size))
                    except OSError:
                        break

    def free(self) -> None:
        (self.directory / "filler").unlink(missing_ok=True)


class SteppedClock(SystemClock):
    """The machine's clock, whose wall time somebody sets."""

    def __init__(self) -> None:
        super().__init__()
        self.offset = timedelta(0)

    def wall(self) -> datetime:
        return super().wall() + self.offset


@dataclass(slots=True)
class FaultInjector:
    """What a test lets break; parts that are None cannot.

    Attributes:
        camera: An RTSP camera.
        redis: The server that gets the alerts.
        link: The line to it.
        disk: The disk that keeps the spool.
        daemon: The station's process.
    """

    camera: RtspProcess | None = None
    redis: RedisServer | None = None
    link: TcpLink | None = None
    disk: SmallDisk | None = None
    daemon: Daemon | None = None

    def begin(self, fault: Fault) -> Heal:
        """Let it break; what is returned mends it."""
        broken, mend = self._pair(fault)
        broken()
        return mend

    @contextmanager
    def during(self, fault: Fault, seconds: float = 0.0) -> Iterator[None]:
        """Let it break for the block, and for so many seconds at least."""
        began = time.monotonic()
        heal = self.begin(fault)
        try:
            yield
            time.sleep(max(0.0, seconds - (time.monotonic() - began)))
        finally:
            heal()

    def _pair(self, fault: Fault) -> tuple[Callable[[], object], Heal]:
        camera, redis, daemon, disk, link = self.camera, self.redis, self.daemon, self.disk, self.link
        pairs: dict[Fault, tuple[Callable[[], object], Heal]] = {}
        if camera is not None:
            pairs[Fault.CAMERA_KILLED] = (camera.kill, camera.start)
            pairs[Fault.CAMERA_HUNG] = (camera.hang, camera.resume)
            pairs[Fault.CAMERA_CUT] = (camera.cut, lambda: None)
            pairs[Fault.PICTURE_FROZEN] = (lambda: camera.show("freeze"), lambda: camera.show("free"))
            pairs[Fault.PICTURE_DARK] = (lambda: camera.show("cover"), lambda: camera.show("free"))
        if redis is not None:
            pairs[Fault.REDIS_KILLED] = (redis.kill, redis.start)
            pairs[Fault.REDIS_HUNG] = (redis.hang, redis.resume)
            pairs[Fault.REDIS_READ_ONLY] = (redis.make_read_only, redis.make_writable)
            pairs[Fault.REDIS_OUT_OF_MEMORY] = (redis.exhaust_memory, redis.free_memory)
            pairs[Fault.REDIS_EMPTIED] = (_both(redis.kill, redis.lose_data), redis.start)
        if link is not None:
            pairs[Fault.REDIS_SLOW] = (lambda: _delay(link, 0.3), lambda: _delay(link, 0.0))
        if disk is not None:
            pairs[Fault.DISK_FULL] = (disk.fill, disk.free)
        if daemon is not None:
            pairs[Fault.PROCESS_KILLED] = (daemon.kill, daemon.start)
        if fault not in pairs:
            pytest.fail(f"this test has nothing that could meet the fault: {fault}")
        return pairs[fault]


def _delay(link: TcpLink, seconds: float) -> None:
    link.delay_seconds = seconds


def _both(first: Callable[[], object], second: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        first()
        second()

    return run
