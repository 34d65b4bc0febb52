"""Cameras over real streams; what kills and hangs a server is in tests/faults/rtsp.

Run the slow ones with `pytest -m slow tests/monitor/video`.
"""

import struct
import time

import numpy as np
import pytest
from frames import collect, plays
from reliability import allowance

from monitor.errors import VideoError
from monitor.video.gst import gstreamer
from monitor.video.probe import PipelineProbe
from monitor.video.rtsp_feed import ClipFeed, PaintedFeed
from monitor.video.stall_watchdog import StallLimits
from monitor.video.status import CameraState, DropCause

# On an idle machine; a busy one gets its allowance.
OPENING_SECONDS = 6.0
FROZEN_SECONDS = 6.0
"""Until a picture is known to stand still; the alarm itself waits until it has done so for 8 s."""
DARK_SECONDS = 2.0


def test_frames_come_at_the_analysed_rate_and_young(make_camera, serve, noise, eventually):
    server = serve(PaintedFeed(noise(), (320, 240), 30.0))
    camera = make_camera(server.url("/bed"), 5.0)
    eventually(plays(camera))
    camera.latest_frame.clear()
    pictures = camera.status().pictures
    frames = collect(camera, 2.0)
    pictures = camera.status().pictures - pictures
    # A busy machine serves fewer pictures; of those that come, enough are handed on and never too many.
    assert min(8, pictures // 2) <= len(frames) <= 12
    assert float(np.median([age for _, age in frames])) < 0.5
    assert [frame.index for frame, _ in frames] == sorted({frame.index for frame, _ in frames})
    status = camera.status()
    assert 0.0 < status.frames_per_second < 36.0
    dropped = sum(status.drops.values())
    assert status.pictures - status.frames - 1 <= dropped <= status.pictures


def test_rate_can_be_changed_while_it_runs(make_camera, serve, noise, eventually):
    server = serve(PaintedFeed(noise(), (320, 240), 30.0))
    camera = make_camera(server.url("/bed"), 2.0)
    eventually(plays(camera))
    camera.latest_frame.clear()
    slow = len(collect(camera, 1.5))
    camera.frames_per_second = 15.0
    fast = len(collect(camera, 1.5))
    assert 1 <= slow <= 5
    assert 2 * slow < fast <= 27


def test_slow_worker_gets_the_newest_frame_and_the_rest_is_counted(make_camera, serve, noise, eventually):
    server = serve(PaintedFeed(noise(), (320, 240), 30.0))
    camera = make_camera(server.url("/bed"), None)
    eventually(plays(camera))
    time.sleep(1.0)
    frame = camera.latest_frame.take()
    assert time.monotonic() - frame.time_seconds < 0.2
    assert camera.status().drops[DropCause.SUPERSEDED] >= 20


def test_only_the_pictures_are_asked_for_where_there_is_sound(make_camera, serve, noise, eventually):
    class WithSound(PaintedFeed):
        launch = property(lambda self: PaintedFeed.launch.fget(self) + " audiotestsrc ! alawenc ! rtppcmapay name=pay1")

    camera = make_camera(serve(WithSound(noise(), (320, 240))).url("/bed"))
    eventually(plays(camera, 5))
    assert camera.status().last_error is None


def test_stream_without_pictures_is_explained(make_camera, serve, noise, eventually):
    class OnlySound(PaintedFeed):
        launch = "appsrc name=feed ! fakesink audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay0"

    camera = make_camera(serve(OnlySound(noise(), (320, 240))).url("/bed"))
    eventually(lambda: camera.status().last_error)
    assert camera.status().last_error.endswith("/bed offers audio PCMA; video in H.264, H.265 or MJPEG is needed")


def test_wrong_path_is_explained(make_camera, serve, noise, eventually):
    camera = make_camera(serve(PaintedFeed(noise(), (320, 240))).url("/other"))
    eventually(lambda: camera.status().last_error)
    assert "check the host name and the path" in camera.status().last_error


class _Times(PaintedFeed):
    """A feed with its own idea of time."""

    def buffer(self, index):
        due_seconds, buffer = super().buffer(index)
        buffer.pts = self.pts_ns(index)
        return due_seconds, buffer


class _Stuck(_Times):
    def pts_ns(self, index):
        return min(index, 10) * 66_666_667


class _Backward(_Times):
    def pts_ns(self, index):
        return (index if index < 30 else index - 15) * 66_666_667


class _Wrapped(PaintedFeed):
    """RTP's 32-bit time at 90 kHz passes its end after about half a second."""

    launch = property(lambda self: PaintedFeed.launch.fget(self) + " timestamp-offset=4294920000")


@pytest.mark.parametrize(
    "feed", [_Stuck, pytest.param(_Backward, marks=pytest.mark.slow), pytest.param(_Wrapped, marks=pytest.mark.slow)]
)
def test_time_stamps_that_lie_do_not_stop_the_pictures(make_camera, serve, noise, eventually, feed):
    camera = make_camera(serve(feed(noise(), (320, 240), 15.0)).url("/bed"))
    eventually(plays(camera))
    frames = collect(camera, 3.5)
    assert len(frames) >= 10
    times = [frame.time_seconds for frame, _ in frames]
    assert times == sorted(times)


class _Damaged(ClipFeed):
    """A clip whose pictures are damaged on the way, from a position on that leaves the headers whole."""

    def __init__(self, path, share: float, first: int) -> None:
        super().__init__(path)
        self._share, self._first = share, first

    def buffer(self, index):
        due_seconds, whole = super().buffer(index)
        rng = np.random.default_rng(index)
        data = np.frombuffer(whole.extract_dup(0, whole.get_size()), np.uint8).copy()
        positions = rng.integers(self._first, len(data), int(len(data) * self._share))
        data[positions] = rng.integers(0, 256, len(positions))
        buffer = gstreamer().Buffer.new_wrapped(data.tobytes())
        buffer.pts, buffer.dts, buffer.duration = whole.pts, whole.dts, whole.duration
        return due_seconds, buffer


def test_damaged_pictures_do_not_end_the_camera(make_camera, serve, make_clip, eventually):
    clip = make_clip("mp4", frames=60, pattern="snow")
    camera = make_camera(serve(_Damaged(clip, 0.002, 200)).url("/bed"), None)
    eventually(lambda: camera.status().pictures >= 90, 15.0)
    status = camera.status()
    assert status.reconnects == 0
    # The decoder paints over what is missing and hands it on; only its log shows it.
    assert status.drops[DropCause.CORRUPT] > 45


def test_stream_that_cannot_be_decoded_is_opened_again(make_camera, serve, make_clip, eventually):
    limits = StallLimits(first_picture_seconds=1.5, picture_seconds=1.0)
    clip = make_clip("mp4", frames=60, pattern="snow")
    camera = make_camera(serve(_Damaged(clip, 0.9, 60)).url("/bed"), extra={"limits": limits})
    eventually(lambda: camera.status().reconnects >= 1, OPENING_SECONDS * allowance())
    assert camera.status().state is CameraState.LOST


def test_pictures_that_would_exhaust_the_memory_are_refused(make_camera, serve, make_clip, eventually):
    camera = make_camera(serve(ClipFeed(make_clip("mp4", frames=10, size=(8448, 64)))).url("/bed"))
    eventually(lambda: camera.status().last_error, OPENING_SECONDS * allowance())
    assert "sends pictures of 8448 x 64 px; at most 8192 px a side" in camera.status().last_error
    assert camera.status().pictures == 0


def test_file_is_played_at_its_own_speed_and_ends(make_camera, make_clip, eventually):
    camera = make_camera(str(make_clip("mp4")), None)
    eventually(plays(camera))
    seconds = eventually(lambda: camera.status().state is CameraState.ENDED)
    assert 1.5 <= seconds <= 3.0
    assert camera.status().pictures == 60
    assert camera.status().reconnects == 0


def test_file_can_be_looped(make_camera, make_clip, eventually):
    camera = make_camera(make_clip("mkv", frames=15).as_uri(), None, loop=True)
    eventually(lambda: camera.status().pictures >= 45)
    assert camera.status().reconnects == 0
    assert camera.status().last_error is None


def test_file_that_appears_later_is_found(make_camera, make_clip, tmp_path, eventually):
    path = tmp_path / "later.mkv"
    camera = make_camera(str(path), loop=True)
    eventually(lambda: camera.status().last_error == f"{path} does not exist")
    path.write_bytes(make_clip("mkv").read_bytes())
    eventually(plays(camera))


def test_size_that_changes_within_a_stream_is_followed(make_camera, make_clip, tmp_path, eventually):
    both = tmp_path / "both.h264"
    both.write_bytes(make_clip("h264").read_bytes() + make_clip("h264", size=(642, 482)).read_bytes())
    camera = make_camera(str(both), None)
    eventually(lambda: camera.status().size_px == (320, 240))
    eventually(lambda: camera.status().size_px == (642, 482))
    assert camera.status().format_changes == 1
    assert camera.status().reconnects == 0


def test_synthetic_camera(make_camera, eventually):
    camera = make_camera("synthetic://calm?seed=3&fps=10&size=320x240", 5.0)
    eventually(plays(camera, 3))
    assert camera.latest_frame.take(1.0).image.shape == (240, 320, 3)
    assert camera.status().reconnects == 0


def test_unknown_synthetic_scenario_is_explained(make_camera, eventually):
    camera = make_camera("synthetic://nonsense")
    eventually(lambda: camera.status().last_error)
    assert "scenario 'nonsense'" in camera.status().last_error


def test_missing_local_camera_is_explained(make_camera, eventually):
    camera = make_camera("v4l2:///dev/video77")
    eventually(lambda: camera.status().last_error)
    assert camera.status().last_error == "v4l2:///dev/video77 does not exist"


def test_frozen_and_dark_pictures_are_reported(make_camera, serve, noise, eventually):
    shown = [noise()(0.0)]
    camera = make_camera(serve(PaintedFeed(lambda _: shown[-1], (320, 240))).url("/bed"))
    eventually(plays(camera))
    eventually(lambda: camera.status().frozen_since_seconds is not None, FROZEN_SECONDS * allowance())
    assert camera.status().dark_since_seconds is None
    shown.append(np.full((240, 320, 3), 3, np.uint8))
    eventually(lambda: camera.status().dark_since_seconds is not None, DARK_SECONDS * allowance())


def test_decoder_that_cannot_keep_up_gets_key_frames_only(make_camera, serve, noise, eventually, monkeypatch):
    """The decoder is slowed down to 8 pictures/s on its own thread, for a camera of 30."""
    decoded = PipelineProbe.decoded

    def slow(self, *arguments, **options):
        time.sleep(0.125)
        return decoded(self, *arguments, **options)

    monkeypatch.setattr(PipelineProbe, "decoded", slow)
    camera = make_camera(serve(PaintedFeed(noise(), (320, 240), 30.0)).url("/bed"), None)
    eventually(lambda: camera.status().overloaded, 15.0)
    eventually(lambda: camera.status().drops[DropCause.KEYFRAMES_ONLY] > 60, 15.0)
    camera.latest_frame.clear()
    frames = collect(camera, 3.0)
    assert frames
    assert min(age for _, age in frames) < 0.6
    assert camera.status().state is CameraState.PLAYING


def test_a_calm_bed_rests_on_key_frames_and_is_back_with_the_next_one(make_camera, serve, noise, eventually):
    camera = make_camera(serve(PaintedFeed(noise(), (320, 240), 30.0, key_frame_seconds=0.5)).url("/bed"), 5.0)
    eventually(plays(camera))
    camera.may_rest = True
    eventually(lambda: _decoded_per_second(camera, 2.0) < 4.0, 30.0)
    frames = collect(camera, 3.0)
    assert len(frames) >= 3
    assert min(age for _, age in frames) < 0.3
    status = camera.status()
    assert status.state is CameraState.PLAYING
    assert not status.overloaded
    assert status.drops[DropCause.KEYFRAMES_ONLY] == 0
    camera.may_rest = False
    eventually(lambda: _decoded_per_second(camera, 1.0) > 8.0, 15.0)


def _decoded_per_second(camera, seconds: float) -> float:
    before, began = camera.status(), time.monotonic()
    time.sleep(seconds)
    after = camera.status()
    decoded = (after.pictures - after.undecoded) - (before.pictures - before.undecoded)
    return decoded / (time.monotonic() - began)


def test_camera_cannot_be_started_twice(make_camera):
    camera = make_camera("synthetic://calm")
    with pytest.raises(VideoError, match="started twice"):
        camera.start()


def test_http_header_of_a_bomb(make_camera, eventually, mjpeg_server, make_clip):
    data = bytearray(make_clip("mjpeg", frames=1).read_bytes())
    position = data.index(b"\xff\xc0")
    data[position + 5 : position + 9] = struct.pack(">HH", 60_000, 60_000)
    camera = make_camera(mjpeg_server([bytes(data)]).url)
    eventually(lambda: camera.status().last_error)
    assert "60000 x 60000 px" in camera.status().last_error
