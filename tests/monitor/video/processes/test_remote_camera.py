"""A camera in another process, over real streams: like one in this process, also where its process ends or hangs."""

import contextlib
import gc
import os
import resource
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from frames import collect, plays

from monitor.errors import VideoError
from monitor.video.rtsp_feed import PaintedFeed
from monitor.video.status import CameraState, DropCause

PLAYING_SECONDS = 15.0


@pytest.fixture
def camera(make_remote, serve, noise, eventually):
    camera = make_remote(serve(PaintedFeed(noise(), (320, 240), 30.0)).url("/bed"))
    eventually(plays(camera), PLAYING_SECONDS)
    return camera


def test_frames_come_at_the_wanted_rate_and_are_those_of_the_stream(camera):
    camera.latest_frame.clear()
    frames = [frame for frame, _ in collect(camera, 2.0)]
    assert 4 <= len(frames) <= 12
    assert [frame.index for frame in frames] == sorted({frame.index for frame in frames})
    assert all(frame.image.shape == (240, 320, 3) for frame in frames[-2:])
    assert not any(plane.flags.writeable for frame in frames[-2:] for plane in frame.image.planes)
    # The painted ramp grows brighter from left to right.
    columns = np.asarray(frames[-1].image).mean(axis=(0, 2))
    assert columns[-40:].mean() > columns[:40].mean() + 60
    assert not np.array_equal(*(frame.image for frame in frames[-2:]))
    status = camera.status()
    assert status.codec == "H.264"
    assert status.size_px == (320, 240)
    assert 0.0 <= status.seconds_since_frame < 2.0
    assert status.frames_per_second == pytest.approx(30.0, rel=0.3)


def test_rate_and_rest_follow_what_is_wanted(camera, eventually):
    camera.latest_frame.clear()
    camera.frames_per_second = 1.0
    time.sleep(0.5)
    slow = len(collect(camera, 2.0))
    camera.frames_per_second = 15.0
    assert camera.frames_per_second == 15.0
    time.sleep(0.5)
    assert len(collect(camera, 2.0)) > 2 * max(1, slow)


def test_a_process_learns_the_ordinary_rate_of_a_slowed_camera(camera):
    """It knows by it that the camera is slowed, and decodes less; after a restart, too."""
    ordinary = camera.order.frames_per_second
    camera.frames_per_second = 1.0
    assert camera.order.frames_per_second == ordinary == 5.0


def test_a_large_calm_picture_starts_no_threads_among_which_it_is_divided(
    camera, make_remote, processes, serve, eventually
):
    """OpenCV's take a core for a while whenever they have done their part; a process has a thread for each camera."""

    def threads():
        # GStreamer names its threads; the others have the program's name.
        names = [path.read_text() for path in Path(f"/proc/{processes.ids[0]}/task").glob("*/comm")]
        return names.count(Path(f"/proc/{processes.ids[0]}/comm").read_text())

    before = threads()
    rng = np.random.default_rng(1)
    calm = PaintedFeed(lambda _: rng.integers(90, 160, (720, 1280, 1), np.uint8).repeat(3, 2), (1280, 720), 10.0)
    large = make_remote(serve(calm).url("/bed"))
    eventually(plays(large), PLAYING_SECONDS)
    collect(large, 2.0)
    assert threads() == before + 1


def test_a_slow_worker_gets_the_newest_frame_and_the_rest_is_counted(camera, eventually):
    camera.frames_per_second = 15.0
    camera.latest_frame.take(1.0)
    kept = [camera.latest_frame.take(2.0) for _ in range(2)]
    pictures = [np.array(frame.image) for frame in kept]
    eventually(lambda: camera.status().drops[DropCause.SUPERSEDED] >= 5)
    # What is still seen is not written over.
    assert all(np.array_equal(frame.image, picture) for frame, picture in zip(kept, pictures, strict=True))
    del kept
    newest = camera.latest_frame.take(2.0)
    assert time.monotonic() - newest.time_seconds < 1.0


def test_a_process_that_is_killed_is_started_again_and_nothing_counts_backwards(camera, processes, eventually):
    before, frame = camera.status(), camera.latest_frame.take(2.0)
    first = processes.ids[0]
    os.kill(first, signal.SIGKILL)
    eventually(lambda: camera.status().state is CameraState.LOST)
    lost = camera.status()
    assert lost.last_error == "its camera process ended and is started again"
    assert lost.reconnects == before.reconnects + 1
    eventually(lambda: camera.status().state is CameraState.PLAYING, PLAYING_SECONDS)
    assert processes.ids
    assert processes.ids[0] != first
    after = camera.status()
    for name in ("pictures", "frames", "reconnects", "decode_errors", "timestamp_faults", "format_changes"):
        assert getattr(after, name) >= getattr(before, name), name
    camera.latest_frame.clear()
    newer = camera.latest_frame.take(5.0)
    assert newer.stream > frame.stream
    assert newer.index > frame.index
    assert frame.image.shape == newer.image.shape, "a frame outlives its process"


@pytest.mark.long
def test_a_process_that_hangs_is_replaced(camera, processes, eventually):
    first = processes.ids[0]
    turns = camera.turns
    os.kill(first, signal.SIGSTOP)
    # Before its process is given up, the camera says that nothing comes.
    eventually(lambda: camera.status().state is CameraState.LOST, 8.0)
    assert camera.status().last_error == "its camera process does not answer"
    asked = time.monotonic()
    for rate in range(1, 2_000):
        camera.frames_per_second = 1.0 + rate / 1_000
    assert time.monotonic() - asked < 2.0, "setting a rate does not block"
    eventually(lambda: first not in processes.ids, 20.0)
    eventually(lambda: camera.status().state is CameraState.PLAYING, PLAYING_SECONDS)
    assert camera.turns > turns
    assert not Path(f"/proc/{first}").exists()


@pytest.mark.parametrize("processes", [2], indirect=True)
def test_cameras_are_divided_and_do_not_share_a_fate(make_remote, serve, noise, processes, eventually):
    url = serve(PaintedFeed(noise(), (320, 240), 30.0)).url("/bed")
    cameras = [make_remote(url) for _ in range(4)]
    assert [server.cameras for server in processes.servers] == [2, 2]
    for camera in cameras:
        eventually(plays(camera), PLAYING_SECONDS)
    os.kill(processes.ids[0], signal.SIGKILL)
    eventually(lambda: sum(camera.status().reconnects > 0 for camera in cameras) == 2)
    assert sum(camera.status().state is CameraState.PLAYING for camera in cameras) == 2
    assert cameras.pop(0).stop()
    assert sorted(server.cameras for server in processes.servers) == [1, 2]


def test_a_login_stands_in_no_list_of_processes(make_remote, processes, eventually, capfd):
    camera = make_remote("rtsp://127.0.0.1:9/bed", username="ward", password="Right-Horse-4711")  # noqa: S106
    eventually(lambda: camera.status().last_error, PLAYING_SECONDS)
    assert "Right-Horse" not in camera.status().last_error + capfd.readouterr().err
    folder = Path(f"/proc/{processes.ids[0]}")
    for name in ("cmdline", "environ"):
        assert b"Right-Horse" not in (folder / name).read_bytes()


def test_key_frames_only_where_the_station_says_so(camera, permits, eventually):
    eventually(lambda: "must" in dict(permits.asked), PLAYING_SECONDS)
    before = len(permits.asked)
    time.sleep(3.0)
    assert 1 <= len(permits.asked) - before <= 5, "about once a second"
    permits.must = True
    eventually(lambda: camera.status().overloaded, PLAYING_SECONDS)
    eventually(lambda: camera.status().drops[DropCause.KEYFRAMES_ONLY] > 0, PLAYING_SECONDS)


def test_an_impossible_camera_is_refused_at_once(make_remote):
    with pytest.raises(VideoError, match="size"):
        make_remote("synthetic://calm?size=nonsense")


def test_stopping_is_quick_and_final(camera, processes):
    started = time.monotonic()
    assert camera.stop()
    assert time.monotonic() - started < 3.0
    assert camera.is_done
    assert camera.status().state is CameraState.STOPPED
    assert camera.latest_frame.take(0.5) is None
    assert processes.servers[0].cameras == 0
    with pytest.raises(VideoError, match="twice"):
        camera.start()


def test_another_size_of_picture_gets_other_memory(make_remote, serve, noise, eventually):
    server = serve(PaintedFeed(noise(), (320, 240), 30.0))
    camera = make_remote(server.url("/bed"))
    eventually(plays(camera), PLAYING_SECONDS)
    kept = camera.latest_frame.take(2.0)
    before = np.array(kept.image)
    port = int(server.url("/bed").rpartition(":")[2].partition("/")[0])
    server.stop()
    eventually(lambda: camera.status().state is CameraState.LOST)
    serve(PaintedFeed(noise((160, 120)), (160, 120), 30.0), port=port)
    eventually(lambda: camera.status().size_px == (160, 120), PLAYING_SECONDS)
    camera.latest_frame.clear()
    assert camera.latest_frame.take(5.0).image.shape == (120, 160, 3)
    assert np.array_equal(kept.image, before)
    assert camera.status().format_changes == 1


def test_cameras_that_come_and_go_leave_nothing_behind(make_remote, serve, noise, processes, eventually):
    url = serve(PaintedFeed(noise(), (320, 240), 30.0)).url("/bed")

    def held() -> list[int]:
        """Memory for pictures that the two processes have open or mapped."""
        found = []
        for pid in ("self", processes.ids[0]):
            open_now = 0
            for entry in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    open_now += "nicu-pictures" in str(entry.readlink())
            found += [open_now, Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").count("nicu-pictures")]
        return found

    for _ in range(3):
        camera = make_remote(url)
        eventually(plays(camera), PLAYING_SECONDS)
        assert camera.stop()
    del camera
    gc.collect()
    eventually(lambda: held() == [0, 0, 0, 0])


def test_a_camera_that_was_closed_while_its_process_was_away_stays_closed(camera, processes, eventually):
    os.kill(processes.ids[0], signal.SIGKILL)
    eventually(lambda: camera.status().state is CameraState.LOST)
    assert camera.stop()
    eventually(lambda: processes.ids, PLAYING_SECONDS)
    assert camera.latest_frame.take(2.0) is None
    assert processes.servers[0].cameras == 0


def test_a_station_without_free_handles_shows_nothing_until_it_has_some(make_remote, serve, noise, eventually):
    """The memory for pictures comes as a handle; without it, an older picture could be taken for a new one."""
    url = serve(PaintedFeed(noise(), (320, 240), 30.0)).url("/bed")
    other = make_remote(url)
    eventually(plays(other), PLAYING_SECONDS)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    holes = [os.open("/dev/null", os.O_RDONLY) for _ in range(highest)]  # no number below the limit is free
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, hard))
    try:
        camera = make_remote(url)
        eventually(lambda: camera.status().reconnects, PLAYING_SECONDS)
        assert camera.latest_frame.take() is None
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for hole in holes:
            os.close(hole)
    for one in (camera, other):
        eventually(plays(one), PLAYING_SECONDS)
