import threading
import time
from pathlib import Path

import numpy as np
import pytest
from frames import plays
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import VideoError
from monitor.video.gst import gstreamer
from monitor.video.rtsp_feed import ClipFeed, FeedThread, PaintedFeed
from monitor.video.rtsp_server import RtspServer
from monitor.video.writer import CameraEncoding, VideoWriter


def test_several_streams_and_several_viewers(make_camera, make_clip, noise, eventually):
    feeds = {"/bed-1": PaintedFeed(noise(), (320, 240)), "/bed-2": ClipFeed(make_clip("mkv"))}
    with RtspServer(feeds) as server:
        cameras = [make_camera(server.url(path)) for path in ("/bed-1", "/bed-2", "/bed-1")]
        for camera in cameras:
            eventually(plays(camera, 3))
        assert all(camera.status().reconnects == 0 for camera in cameras)
        stopped = [camera.stop() for camera in cameras]
    assert all(stopped)


class _Silent:
    """A stream that never gets its first picture."""

    def __init__(self, feed):
        self._feed = feed
        self.is_watched = threading.Event()

    def __getattr__(self, name):
        return getattr(self._feed, name)

    def joined(self, _):
        self.is_watched.set()
        return self._feed, 3600.0


def test_a_stream_that_waits_for_its_first_picture_holds_no_other(make_camera, noise, eventually):
    """Cameras are opened one by one otherwise, each after the key frame of the one before: 24 took half a minute."""
    silent = _Silent(PaintedFeed(noise(), (320, 240)))
    with RtspServer({"/silent": silent, "/bed": PaintedFeed(noise(), (320, 240))}) as server:
        waiting = make_camera(server.url("/silent"))
        assert silent.is_watched.wait(10.0)
        camera = make_camera(server.url("/bed"))
        eventually(plays(camera, 3))
        assert camera.status().reconnects == 0
        assert waiting.status().frames == 0
        assert camera.stop()
        waiting.stop()


@pytest.mark.parametrize("kind", ["mp4", "mkv", "ts", "avi", "h265.mkv"])
def test_clips_are_sent_again_and_again_without_a_break(make_camera, serve, make_clip, eventually, kind):
    """Two seconds of video play for more than two seconds, B-frames included."""
    camera = make_camera(serve(ClipFeed(make_clip(kind, frames=30))).url("/bed"), None)
    eventually(lambda: camera.status().pictures > 75)
    assert camera.status().reconnects == 0
    assert camera.status().frames_per_second < 40.0


@pytest.mark.parametrize("codec", ["h264", "h265", "mjpeg"])
def test_black_and_white_arrive_as_such(make_camera, serve, eventually, codec):
    picture = np.zeros((240, 320, 3), np.uint8)
    picture[:, 160:] = 255
    camera = make_camera(serve(PaintedFeed(lambda _: picture, (320, 240), 10.0, codec)).url("/bed"), None)
    frames = []
    eventually(lambda: (frame := camera.latest_frame.take(0.0)) is not None and not frames.append(frame))
    black, white = frames[0].image[40:200, 20:140], frames[0].image[40:200, 180:300]
    assert black.mean() <= 3.0
    assert white.mean() >= 252.0


class _Sink:
    """Takes so many buffers, and then no more."""

    def __init__(self, count):
        self.count = count

    def push_buffer(self, _):
        self.count -= 1
        return gstreamer().FlowReturn.OK if self.count else gstreamer().FlowReturn.FLUSHING


def test_what_is_painted_too_slowly_is_not_shown_in_slow_motion(eventually):
    """On a busy machine twenty seconds of pain lasted a minute, and the alarm did not end."""
    shown = []

    def paint(seconds):
        shown.append(seconds)
        time.sleep(0.1)
        return np.zeros((64, 64, 3), np.uint8)

    sink = _Sink(10)
    thread = FeedThread(PaintedFeed(paint, (64, 64), 30.0), sink)
    thread.start()
    eventually(lambda: sink.count == 0)
    thread.stop()
    # Nine pictures after the first took 0.9 s or more; one after another they are 0.3 s of the scene.
    assert shown[-1] > 0.6
    assert shown == sorted(set(shown))


def test_a_camera_that_runs_shows_what_it_shows_then_from_the_next_key_frame_on(tmp_path):
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, 10.0, CameraEncoding(key_frame_pictures=4)) as writer:
        for number in range(12):
            writer.write(np.full((64, 64, 3), 20 * number, np.uint8), number / 10)
    whole = ClipFeed(path)
    sizes = [whole.buffer(index)[1].get_size() for index in range(12)]
    camera = whole.running(0.25, 1000.0)
    later, waits_seconds = camera.joined(1000.0 + 12.05)
    # 0.35 s of the clip are over; the next of its key frames at 0, 0.4 and 0.8 s comes in 0.05 s.
    assert waits_seconds == pytest.approx(0.05, abs=1e-3)
    assert [later.buffer(index)[1].get_size() for index in range(12)] == sizes[4:] + sizes[:4]
    assert [later.buffer(index)[0] for index in range(24)] == pytest.approx(
        [index / 10 for index in range(24)], abs=1e-3
    )
    stamps = [later.buffer(index)[1].pts for index in range(24)]
    assert stamps[0] == whole.buffer(0)[1].pts
    assert stamps == sorted(set(stamps))
    assert not later.buffer(0)[1].has_flags(gstreamer().BufferFlags.DELTA_UNIT)
    first, waits_seconds = camera.joined(1000.0 + 0.8)
    assert waits_seconds == pytest.approx(0.1, abs=1e-3)
    assert first.buffer(0)[1].get_size() == sizes[0]
    assert whole.joined(1000.0) == (whole, 0.0), "one that does not run begins when it is watched"


@given(st.integers(0, 10**6), st.floats(0.0, 10**5), st.floats(1.0, 120.0))
def test_a_painted_camera_is_never_behind_and_never_goes_back(index, seconds, rate):
    feed = PaintedFeed(lambda _: np.zeros((8, 8, 3), np.uint8), (8, 8), rate)
    due = feed.due_index(index, seconds)
    assert due >= index
    assert due == index or due / rate <= seconds + 1e-6
    assert seconds - due / rate < 0.25 + 1.0 / rate + 1e-6


def test_stop_frees_the_threads_and_the_port(noise, make_camera, eventually):
    before = set(threading.enumerate())
    server = RtspServer({"/bed": PaintedFeed(noise(), (320, 240))})
    server.start()
    camera = make_camera(server.url("/bed"))
    eventually(plays(camera, 3))
    port = server.port
    camera.stop()
    server.stop()
    server.stop()
    eventually(lambda: not [thread for thread in threading.enumerate() if thread not in before])
    with RtspServer({"/bed": PaintedFeed(noise(), (320, 240))}, port=port) as again:
        assert again.port == port


def test_port_in_use_is_explained(noise):
    feeds = {"/bed": PaintedFeed(noise(), (320, 240))}
    with RtspServer(feeds) as server, pytest.raises(VideoError, match=f"cannot listen on 127.0.0.1:{server.port}"):
        RtspServer(feeds, port=server.port).start()


def test_mistakes_of_the_caller(noise, tmp_path: Path):
    with pytest.raises(VideoError, match="not as 'mpeg1'"):
        RtspServer({"/bed": PaintedFeed(noise(), (320, 240), codec="mpeg1")})
    with pytest.raises(VideoError, match="instead of"):
        PaintedFeed(lambda _: np.zeros((8, 8, 3), np.uint8), (320, 240)).buffer(0)
    text = tmp_path / "notes.txt"
    text.write_text("not a video\n" * 100, encoding="utf-8")
    with pytest.raises(VideoError, match="no video that can be sent"):
        ClipFeed(text)
