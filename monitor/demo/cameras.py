"""The demo's cameras: an RTSP server with synthetic infants, in a process of its own, as a real camera would be.

Run as `python -m monitor.demo.cameras BED=SCENARIO?seed=N ...`: prints one JSON object with the address of each stream
and the size of its pictures, and ends when its standard input is closed. A machine that is slow, or has other things to
do, gets small pictures: what the cameras use is missing to the station that watches them.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from monitor.errors import VideoError
from monitor.synthetic import SyntheticBed
from monitor.video.rtsp_feed import PaintedFeed

__all__ = ["FULL_SIZE_PX", "SMALL_SIZE_PX", "CameraProcess", "choose_size", "main"]

FULL_SIZE_PX = (1280, 720)
SMALL_SIZE_PX = (640, 360)
_FRAMES_PER_SECOND = 15.0
_PAINTED_SHARE = 0.6
"""Of one processor core's time, for painting: encoding, decoding and analysis take about twice as much."""
_TRIALS = 10
_START_SECONDS = 30.0


class CameraProcess:
    """The RTSP server as a child process; a context manager.

    Args:
        beds: Bed id to scenario, such as `pain?seed=3`.
    """

    def __init__(self, beds: dict[str, str]) -> None:
        self._command = [sys.executable, "-m", "monitor.demo.cameras", *(f"{bed}={how}" for bed, how in beds.items())]
        self._process: subprocess.Popen[str] | None = None
        self.urls: dict[str, str] = {}
        self.size_px = FULL_SIZE_PX

    def __enter__(self) -> Self:
        """Start the server and learn the addresses of its streams and the size of their pictures.

        Raises:
            VideoError: It did not start.
        """
        self._process = subprocess.Popen(  # noqa: S603 - this program itself
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C in a terminal is for the demo, which stops its cameras itself
        )
        assert self._process.stdout is not None  # noqa: S101 - asked for above
        line = self._process.stdout.readline()
        if not line:
            _, complaint = self._process.communicate(timeout=_START_SECONDS)
            raise VideoError(f"the demo's cameras did not start: {complaint.strip().splitlines()[-1:]}")
        answer = json.loads(line)
        self.urls = answer["urls"]
        width_px, height_px = answer.get("size_px", FULL_SIZE_PX)
        self.size_px = (width_px, height_px)
        return self

    @property
    def pid(self) -> int | None:
        """Number of the server's process; None before it was started."""
        return None if self._process is None else self._process.pid

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def main(arguments: list[str]) -> None:
    """Serve until standard input is closed."""
    if not arguments:
        sys.exit("usage: python -m monitor.demo.cameras BED=SCENARIO..., such as bed-1=pain?seed=3")
    import cv2

    from monitor.video.rtsp_server import RtspServer

    # Every bed has a thread that paints: OpenCV's own would take a core while they wait for work.
    cv2.setNumThreads(1)
    scenarios = dict(argument.partition("=")[::2] for argument in arguments)
    beds = [_bed(how, FULL_SIZE_PX) for how in scenarios.values()]
    size_px = choose_size(_painting_seconds(beds))
    if size_px != FULL_SIZE_PX:
        beds = [_bed(how, size_px) for how in scenarios.values()]
    feeds = {f"/{name}": _feed(bed, size_px) for name, bed in zip(scenarios, beds, strict=True)}
    with RtspServer(feeds) as server:
        urls = {path[1:]: server.url(path) for path in feeds}
        print(json.dumps({"urls": urls, "size_px": size_px}), flush=True)  # noqa: T201 - the answer
        sys.stdin.read()


def choose_size(painting_seconds: float) -> tuple[int, int]:
    """Return the size of the pictures, (width, height) in px, by how long one full picture of every bed takes."""
    return SMALL_SIZE_PX if painting_seconds * _FRAMES_PER_SECOND > _PAINTED_SHARE else FULL_SIZE_PX


def _painting_seconds(beds: Sequence[SyntheticBed]) -> float:
    """Return how long one picture of every bed takes on this machine beside what else it does, the mean of some."""
    for bed in beds:
        bed.frame(0.0)
    began = time.monotonic()
    for trial in range(1, 1 + _TRIALS):
        for bed in beds:
            bed.frame(trial / _FRAMES_PER_SECOND)
    return (time.monotonic() - began) / _TRIALS


def _bed(how: str, size_px: tuple[int, int]) -> SyntheticBed:
    """Return the bed of one scenario, such as `pain?seed=3`."""
    parts = urlsplit(how)
    seed = int(parse_qs(parts.query).get("seed", ["1"])[0])
    return SyntheticBed(seed, parts.path, width_px=size_px[0], height_px=size_px[1], fps=_FRAMES_PER_SECOND)


def _feed(bed: SyntheticBed, size_px: tuple[int, int]) -> PaintedFeed:
    return PaintedFeed(lambda seconds: bed.frame(seconds)[0], size_px=size_px, frames_per_second=_FRAMES_PER_SECOND)


if __name__ == "__main__":
    main(sys.argv[1:])
