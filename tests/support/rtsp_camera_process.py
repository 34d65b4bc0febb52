"""An RTSP camera as a process of its own, so that it can be killed and stopped like a real one.

It prints `ready PORT` once it listens. A line `cut` on its standard input cuts the connections of all viewers.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from monitor.video.rtsp_feed import ClipFeed, Feed, PaintedFeed
from monitor.video.rtsp_server import Credentials, RtspServer, TlsFiles


def paint_moving_noise(size_px: tuple[int, int]):
    """Return a painter of noise that moves over a ramp, so that no two pictures are alike."""
    width, height = size_px
    noise = np.random.default_rng(1).integers(0, 40, (height, width, 3), dtype=np.uint8)
    ramp = np.linspace(40, 200, width, dtype=np.uint8)[None, :, None]

    def paint(time_seconds: float):
        return np.roll(noise, round(time_seconds * 60), axis=1) + ramp

    return paint


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
    feed: Feed = PaintedFeed(paint_moving_noise((width, height)), (width, height), options.fps, options.codec)
    if options.clip is not None:
        feed = ClipFeed(options.clip)
    credentials = None if options.username is None else Credentials(options.username, options.password)
    tls = None if options.certificate is None else TlsFiles(options.certificate, options.key)
    with RtspServer({"/bed": feed}, port=options.port, credentials=credentials, tls=tls) as server:
        print(f"ready {server.port}", flush=True)
        for line in sys.stdin:
            if line.strip() == "cut":
                print(f"cut {server.disconnect_clients()}", flush=True)


if __name__ == "__main__":
    main()
