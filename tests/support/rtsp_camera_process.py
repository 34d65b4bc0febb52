"""An RTSP camera as a process of its own, so that it can be killed and stopped like a real one.

It prints `ready PORT` once it listens. A line `cut` on its standard input cuts the connections of all viewers; `freeze`
sends the present picture again and again, `cover` a dark one, `free` ends both.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from monitor.video.rtsp_feed import ClipFeed, Feed, PaintedFeed
from monitor.video.rtsp_server import Credentials, RtspServer, TlsFiles


class Scene:
    """Noise that moves over a ramp, so that no two pictures are alike, until it is frozen or covered.

    Args:
        size_px: Width and height.
    """

    def __init__(self, size_px: tuple[int, int]) -> None:
        width, height = size_px
        self._noise = np.random.default_rng(1).integers(0, 40, (height, width, 3), dtype=np.uint8)
        self._ramp = np.linspace(40, 200, width, dtype=np.uint8)[None, :, None]
        self._present_seconds = 0.0
        self.state = "free"

    def paint(self, time_seconds: float) -> np.ndarray:
        if self.state == "cover":
            return self._noise // 8
        if self.state == "free":
            self._present_seconds = time_seconds
        return np.roll(self._noise, round(self._present_seconds * 60), axis=1) + self._ramp


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--codec", default="h264")
    parser.add_argument("--size", default="320x240")
    parser.add_argument("--fps", type=float, default=15.0)
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--username")
    parser.add_argument("--password")
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    options = parser.parse_args()
    width, height = (int(side) for side in options.size.split("x"))
    scene = Scene((width, height))
    feed: Feed = PaintedFeed(scene.paint, (width, height), options.fps, options.codec)
    if options.clip is not None:
        feed = ClipFeed(options.clip)
    credentials = None if options.username is None else Credentials(options.username, options.password)
    tls = None if options.certificate is None else TlsFiles(options.certificate, options.key)
    with RtspServer({"/bed": feed}, port=options.port, credentials=credentials, tls=tls) as server:
        print(f"ready {server.port}", flush=True)
        for line in sys.stdin:
            if line.strip() == "cut":
                print(f"cut {server.disconnect_clients()}", flush=True)
            else:
                scene.state = line.strip()


if __name__ == "__main__":
    main()
