"""The demo's cameras: an RTSP server with synthetic infants, in a process of its own, as a real camera would be.

Run as `python -m monitor.demo.cameras BED=SCENARIO?seed=N ...`: prints one JSON object with the address of each stream,
and ends when its standard input is closed.
"""

import json
import subprocess
import sys
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from monitor.errors import VideoError
from monitor.synthetic import SyntheticBed
from monitor.video.rtsp_feed import PaintedFeed

__all__ = ["CameraProcess", "main"]

_SIZE_PX = (1280, 720)
_FRAMES_PER_SECOND = 15.0
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

    def __enter__(self) -> Self:
        """Start the server and learn the addresses of its streams.

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
        self.urls = json.loads(line)
        return self

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
    from monitor.video.rtsp_server import RtspServer

    feeds = {f"/{bed}": _feed(how) for bed, _, how in (argument.partition("=") for argument in arguments)}
    with RtspServer(feeds) as server:
        print(json.dumps({path[1:]: server.url(path) for path in feeds}), flush=True)  # noqa: T201 - the answer
        sys.stdin.read()


def _feed(how: str) -> PaintedFeed:
    """Return the stream of one scenario, such as `pain?seed=3`."""
    parts = urlsplit(how)
    seed = int(parse_qs(parts.query).get("seed", ["1"])[0])
    width_px, height_px = _SIZE_PX
    bed = SyntheticBed(seed, parts.path, width_px=width_px, height_px=height_px, fps=_FRAMES_PER_SECOND)
    return PaintedFeed(lambda seconds: bed.frame(seconds)[0], size_px=_SIZE_PX, frames_per_second=_FRAMES_PER_SECOND)


if __name__ == "__main__":
    main(sys.argv[1:])
