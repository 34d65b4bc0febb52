"""Clips and cameras for the video tests; every file is encoded here, by real encoders."""

import base64
import contextlib
import hashlib
import itertools
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from monitor.clock import SystemClock
from monitor.config import CameraSettings
from monitor.station.synthetic_cameras import paint_synthetic_bed
from monitor.video.camera import Camera
from monitor.video.gst import gstreamer
from monitor.video.rtsp_feed import Feed
from monitor.video.rtsp_server import RtspServer

FORMATS = {
    "mp4": "x264enc speed-preset=ultrafast key-int-max=10 ! h264parse ! mp4mux faststart={faststart}",
    "mkv": "x264enc speed-preset=ultrafast bframes=2 ! h264parse ! matroskamux",
    "avi": "jpegenc ! avimux",
    "webm": "vp8enc deadline=1 ! webmmux",
    "ts": "x264enc speed-preset=ultrafast key-int-max=10 ! h264parse ! mpegtsmux",
    "h264": "x264enc speed-preset=ultrafast key-int-max=10 ! h264parse ! video/x-h264,stream-format=byte-stream",
    "h265": "x265enc speed-preset=ultrafast key-int-max=10 ! h265parse ! video/x-h265,stream-format=byte-stream",
    "h265.mkv": "x265enc speed-preset=ultrafast key-int-max=10 ! h265parse ! matroskamux",
    "mjpeg": "jpegenc",
}


def run_pipeline(description: str) -> None:
    """Run a GStreamer pipeline to its end."""
    gst = gstreamer()
    pipeline = gst.parse_launch(description)
    pipeline.set_state(gst.State.PLAYING)
    kinds = gst.MessageType.ERROR | gst.MessageType.EOS
    message = pipeline.get_bus().timed_pop_filtered(30 * gst.SECOND, kinds)
    pipeline.set_state(gst.State.NULL)
    assert message is not None
    assert message.type == gst.MessageType.EOS, message.parse_error()


@pytest.fixture(scope="session")
def make_clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Encode a moving test picture, once for each set of options."""
    folder = tmp_path_factory.mktemp("clips")
    made: dict[str, Path] = {}

    def make(
        kind: str = "mp4",
        frames: int = 60,
        size: tuple[int, int] = (320, 240),
        rate: int = 30,
        pattern: str = "ball",
        faststart: bool = False,
        sound: bool = False,
    ) -> Path:
        name = f"{pattern}-{frames}-{size[0]}x{size[1]}-{rate}-{faststart}-{sound}.{kind}"
        if name not in made:
            made[name] = folder / name
            encoder = FORMATS[kind].format(faststart=str(faststart).lower())
            extra = ""
            if sound:
                encoder = encoder.replace("mp4mux", "mp4mux name=mux")
                extra = " audiotestsrc num-buffers=400 ! avenc_aac ! aacparse ! mux."
            run_pipeline(
                f"videotestsrc num-buffers={frames} pattern={pattern}"
                f" ! video/x-raw,format=I420,width={size[0]},height={size[1]},framerate={rate}/1"
                f" ! {encoder} ! filesink location={made[name]}{extra}"
            )
        return made[name]

    return make


@pytest.fixture
def make_camera() -> Iterator[Callable[..., Camera]]:
    """Make and start cameras; all are stopped, and must stop in time."""
    made: list[Camera] = []

    def make(url: str, frames_per_second: float | None = 5.0, extra: dict | None = None, **settings: object) -> Camera:
        configured = CameraSettings(url=url, **settings)
        camera = Camera(
            configured,
            f"camera-{len(made)}",
            SystemClock(),
            frames_per_second,
            **{"synthetic": paint_synthetic_bed, **(extra or {})},
        )
        made.append(camera)
        camera.start()
        return camera

    yield make
    stopped = [camera.stop() for camera in made]
    assert all(stopped), "a camera's thread did not end"


@pytest.fixture
def serve() -> Iterator[Callable[..., RtspServer]]:
    """Serve one feed at /bed."""
    servers: list[RtspServer] = []

    def start(feed: Feed, **options: object) -> RtspServer:
        servers.append(RtspServer({"/bed": feed}, **options))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def eventually() -> Callable[..., float]:
    """Wait for a condition and return how long it took, in seconds."""

    def wait(condition: Callable[[], object], within_seconds: float = 10.0) -> float:
        started = time.monotonic()
        while not condition():
            assert time.monotonic() - started < within_seconds, f"not within {within_seconds} s"
            time.sleep(0.01)
        return time.monotonic() - started

    return wait


@pytest.fixture(scope="session")
def noise() -> Callable[..., Callable[[float], np.ndarray]]:
    """Make painters of noise that moves over a ramp."""

    def make(size: tuple[int, int] = (320, 240)) -> Callable[[float], np.ndarray]:
        width, height = size
        tile = np.random.default_rng(1).integers(0, 40, (height, width, 3), dtype=np.uint8)
        ramp = np.linspace(40, 200, width, dtype=np.uint8)[None, :, None]
        return lambda seconds: np.roll(tile, round(seconds * 60), axis=1) + ramp

    return make


@pytest.fixture(scope="session")
def run_encoder() -> Callable[[str], None]:
    """Run any GStreamer pipeline to its end."""
    return run_pipeline


class MjpegServer:
    """An HTTP camera: multipart MJPEG at /video.mjpg, a web page at /page.

    Args:
        pictures: JPEG pictures, sent again and again at 30 pictures/s.
        scheme: `basic` or `digest` asks for ward / right-horse.
    """

    def __init__(self, pictures: list[bytes], scheme: str | None = None) -> None:
        self.pictures, self.scheme = pictures, scheme
        self.paused = threading.Event()
        self._sockets: list = []
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Log nothing."""

            def do_GET(self) -> None:
                camera.answer(self)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/video.mjpg"
        self._stopped = False

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        if request.path == "/page":
            body = b"<html>" + b"a camera's web page " * 5000
            request.send_response(200)
            request.send_header("Content-Type", "text/html")
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)
        elif request.path != "/video.mjpg":
            request.send_error(404)
        elif not self._allowed(request.headers.get("Authorization", "")):
            request.send_response(401)
            challenge = 'Basic realm="camera"'
            if self.scheme == "digest":
                challenge = 'Digest realm="camera", nonce="abc", qop="auth", algorithm=MD5'
            request.send_header("WWW-Authenticate", challenge)
            request.send_header("Content-Length", "0")
            request.end_headers()
        else:
            self._stream(request)

    def _allowed(self, header: str) -> bool:
        if self.scheme is None:
            return True
        if self.scheme == "basic":
            return header == "Basic " + base64.b64encode(b"ward:right-horse").decode()
        parts = dict(re.findall(r'(\w+)="?([^",]*)"?', header))
        if not parts:
            return False

        def md5(text: str) -> str:
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        mine = md5(
            f"{md5('ward:camera:right-horse')}:abc:{parts['nc']}:{parts['cnonce']}:auth:{md5('GET:' + parts['uri'])}"
        )
        return parts["response"] == mine

    def _stream(self, request: BaseHTTPRequestHandler) -> None:
        self._sockets.append(request.connection)
        request.send_response(200)
        request.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
        request.end_headers()
        for picture in itertools.cycle(self.pictures):
            if self._stopped:
                return
            time.sleep(1 / 30)
            if self.paused.is_set():
                continue
            head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n".encode()
            try:
                request.wfile.write(head + picture + b"\r\n")
            except OSError:
                return

    def cut(self) -> None:
        """Cut all streams."""
        for connection in self._sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._sockets.clear()

    def stop(self) -> None:
        """Stop listening."""
        if not self._stopped:
            self._stopped = True
            self.cut()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()


@pytest.fixture
def mjpeg_server() -> Iterator[Callable[..., MjpegServer]]:
    """Make HTTP cameras."""
    servers: list[MjpegServer] = []

    def make(pictures: list[bytes], scheme: str | None = None) -> MjpegServer:
        servers.append(MjpegServer(pictures, scheme))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()
