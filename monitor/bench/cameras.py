"""The benchmark's cameras: an RTSP server in a process of its own that sends one clip under many names.

The clip is read once and sent as it is, without decoding or encoding, so that the cameras cost little beside what is
measured. Run as `python -m monitor.bench.cameras CLIP NAME...`: prints one JSON object with the address of each stream,
and ends when its standard input is closed.
"""

import json
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from monitor.demo.cameras import CameraProcess

__all__ = ["ClipCameras", "main"]

_GOLDEN = 0.618034


class ClipCameras(CameraProcess):
    """The RTSP server as a child process; a context manager whose `urls` are known once it was entered.

    Args:
        clip: A video file with H.264, H.265 or MJPEG.
        names: One stream each.
    """

    def __init__(self, clip: Path, names: Iterable[str]) -> None:
        super().__init__({})
        self._command = [sys.executable, "-m", "monitor.bench.cameras", str(clip), *names]

    def cpu_seconds(self) -> float | None:
        """Return the cameras' CPU time so far; None where they do not run or the system does not say (proc(5))."""
        try:
            text = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8")
        except OSError:
            return None
        # After the program's name, which may hold anything: user and kernel time are fields 14 and 15 of all.
        user, kernel = text.rpartition(")")[2].split()[11:13]
        return (int(user) + int(kernel)) / os.sysconf("SC_CLK_TCK")


def main(arguments: list[str]) -> None:
    """Serve until standard input is closed."""
    if len(arguments) < 2:
        sys.exit("usage: python -m monitor.bench.cameras VIDEO NAME...: serves a video file as one RTSP stream a name")
    from monitor.station.scheduling_policy import batch_scheduling
    from monitor.video.rtsp_feed import ClipFeed
    from monitor.video.rtsp_server import RtspServer

    clip, *names = arguments
    # Real cameras take no core from a station whenever they send a packet. Before GStreamer starts any thread:
    with batch_scheduling():
        feed = ClipFeed(Path(clip))
        # Beds are no copies of each other: each shows another moment, and cameras run by clocks of their own, so that
        # their key frames do not come at once. By the golden ratio, shares of any number of them are spread evenly.
        now = time.monotonic()
        feeds = {f"/{name}": feed.running(number * _GOLDEN % 1.0, now) for number, name in enumerate(names)}
        with RtspServer(feeds) as server:
            urls = {name: server.url(f"/{name}") for name in names}
            print(json.dumps({"urls": urls}), flush=True)  # noqa: T201 - the answer
            sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1:])
