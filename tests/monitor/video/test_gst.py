import subprocess
import sys

import pytest

from monitor.errors import VideoError
from monitor.video import gst


def test_everything_that_is_used_is_installed_and_named():
    checks = gst.check_elements()
    assert len({check.name for check in checks}) == len(checks)
    assert [check.name for check in checks if not check.found] == []
    assert all(check.package and check.needed_for for check in checks)


def test_missing_element_is_named_with_its_package():
    with pytest.raises(VideoError, match=r"'nosuchelement' is not installed; run: sudo apt-get install"):
        gst.make_element("nosuchelement")


def test_missing_bindings_give_one_sentence_with_the_line_that_installs_them():
    """As on a machine that has Python packages only: `gi` cannot be imported."""
    program = (
        "import sys; sys.modules['gi'] = None\n"
        "from monitor.errors import VideoError\n"
        "from monitor.video.gst import check_elements, gstreamer\n"
        "try:\n    gstreamer()\n"
        "except VideoError as error:\n    print(error)\n"
        "print(any(check.found for check in check_elements()))\n"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    sentence, found = answer.splitlines()
    assert "sudo apt-get install --no-install-recommends gstreamer1.0-plugins-base" in sentence
    assert found == "False"


def test_a_module_is_searched_for_once(monkeypatch):
    """Each search lists a directory, and the module is asked for with every picture that is sent."""
    known = gst.gstreamer()
    monkeypatch.setattr("gi.require_version", lambda *_: pytest.fail("it is searched for again"))
    assert gst.gstreamer() is gst.gi_module("Gst") is known


def test_importing_cameras_does_not_import_gstreamer():
    program = "import sys, monitor.video.camera, monitor.video.reader; print('gi' in sys.modules, 'cv2' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert answer.split() == ["False", "False"]


_THREADS = """
import sys, threading
from monitor.video.gst import gi_module
from monitor.video.rtsp_session import _connections
sys.setswitchinterval(1e-6)
barrier, hooks, faults = threading.Barrier(8), set(), []
def name():
    barrier.wait()
    try:
        gio, gst = gi_module("Gio", "2.0"), gi_module("Gst")
        assert gio.SocketClientEvent.CONNECTED and gst.MessageType.ERROR and gst.PadProbeType.BUFFER
        hooks.add(id(_connections()))
    except Exception as error:
        faults.append(repr(error))
threads = [threading.Thread(target=name) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(hooks), faults)
"""


def test_cameras_that_start_at_once_find_whole_enumerations_and_one_hook():
    for _ in range(4):
        done = subprocess.run([sys.executable, "-c", _THREADS], capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout == "1 []\n"


def test_an_engine_that_refuses_a_model_after_a_camera_has_played_is_an_error_and_not_the_end():
    """Its libraries bring a second unwinder of C++ exceptions; only a process of its own shows which one is taken."""
    script = """
import threading
import numpy as np
from monitor.clock import SystemClock
from monitor.config import CameraSettings
from monitor.errors import EngineError
from monitor.video.camera import Camera
from monitor.video.rtsp_feed import PaintedFeed
from monitor.video.rtsp_server import RtspServer
seen = threading.Event()
feed = PaintedFeed(lambda seconds: np.full((240, 320, 3), int(seconds * 50) % 256, np.uint8), (320, 240))
with RtspServer({"/bed": feed}) as server:
    camera = Camera(CameraSettings(url=server.url("/bed")), "bed", SystemClock(), listener=seen.set)
    camera.start()
    assert seen.wait(60)
    camera.stop()
from onnx import TensorProto, helper
from monitor.inference.onnxruntime_engine import OnnxRuntimeEngine
ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
graph = helper.make_graph([helper.make_node("Frobnicate", ["x"], ["y"])], "graph", ends[:1], ends[1:])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
try:
    OnnxRuntimeEngine(model.SerializeToString())
except EngineError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert "Frobnicate" in done.stdout
