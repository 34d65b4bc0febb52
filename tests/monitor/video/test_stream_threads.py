import ctypes
import threading

import pytest
from frames import plays

from monitor.backoff import Backoff
from monitor.video.gst import gstreamer
from monitor.video.rtsp_feed import PaintedFeed
from monitor.video.status import CameraState
from monitor.video.stream_threads import keep_thread_states

_interpreter = ctypes.pythonapi.PyInterpreterState_Main
_first, _next = ctypes.pythonapi.PyInterpreterState_ThreadHead, ctypes.pythonapi.PyThreadState_Next
for function in (_interpreter, _first, _next):
    function.restype = ctypes.c_void_p
    function.argtypes = [] if function is _interpreter else [ctypes.c_void_p]


def states() -> int:
    """Count the interpreter's states of threads."""
    count, state = 0, _first(_interpreter())
    while state:
        count, state = count + 1, _next(state)
    return count


@pytest.fixture
def play():
    """Play pictures through two streaming threads with a callback on each; return how often its state was a new one."""
    gst = gstreamer()

    def run(pictures: int, *, keep: bool = True) -> dict[str, int]:
        pipeline = gst.parse_launch(
            f"videotestsrc num-buffers={pictures} ! video/x-raw,width=32,height=32 ! identity name=first ! queue"
            " ! identity name=second ! fakesink sync=false"
        )
        if keep:
            keep_thread_states(pipeline.get_bus())
        known, fresh = threading.local(), {"first": 0, "second": 0}

        def callback(_pad, _info, name):
            fresh[name] += not hasattr(known, "seen")
            known.seen = True
            return gst.PadProbeReturn.OK

        for name in fresh:
            pad = pipeline.get_by_name(name).get_static_pad("src")
            pad.add_probe(gst.PadProbeType.BUFFER, callback, name)
        pipeline.set_state(gst.State.PLAYING)
        message = pipeline.get_bus().timed_pop_filtered(10 * gst.SECOND, gst.MessageType.EOS | gst.MessageType.ERROR)
        assert message.type == gst.MessageType.EOS
        pipeline.set_state(gst.State.NULL)
        return fresh

    return run


def test_a_thread_has_one_state_for_all_its_callbacks(play):
    assert play(40, keep=False) == {"first": 40, "second": 40}
    assert play(40) == {"first": 1, "second": 1}


def test_the_states_end_with_their_threads(play, eventually):
    play(2)
    before = states()
    for _ in range(10):
        play(2)
    eventually(lambda: states() <= before)


def test_a_pipeline_that_starts_again_has_them_again(play):
    gst = gstreamer()
    pipeline = gst.parse_launch("videotestsrc ! video/x-raw,width=32,height=32 ! fakesink name=sink sync=false")
    keep_thread_states(pipeline.get_bus())
    before, pictures = states(), []
    pad = pipeline.get_by_name("sink").get_static_pad("sink")
    pad.add_probe(gst.PadProbeType.BUFFER, lambda *_: pictures.append(states()) or gst.PadProbeReturn.OK)
    for _ in range(3):
        pictures.clear()
        for state in (gst.State.PLAYING, gst.State.READY):
            pipeline.set_state(state)
            pipeline.get_state(10 * gst.SECOND)
        assert pictures
        assert set(pictures) == {before + 1}
        assert states() == before
    pipeline.set_state(gst.State.NULL)


def test_cameras_that_are_cut_off_and_connect_again_leave_no_states(make_camera, serve, noise, eventually):
    servers = [serve(PaintedFeed(noise(), (320, 240), 15.0)) for _ in range(2)]
    before = states()
    cameras = [make_camera(server.url("/bed"), extra={"backoff": Backoff(0.1, 0.1)}) for server in servers]
    for camera in cameras:
        eventually(plays(camera), 15.0)
    both = states()
    for cut in range(1, 4):
        servers[0].disconnect_clients()
        eventually(lambda least=cut: cameras[0].status().reconnects >= least, 15.0)
        eventually(plays(cameras[0]), 15.0)
        assert cameras[1].status().state is CameraState.PLAYING
    eventually(lambda: states() <= both)
    assert cameras[1].stop()
    eventually(plays(cameras[0]), 15.0)
    assert cameras[0].stop()
    eventually(lambda: states() <= before)
