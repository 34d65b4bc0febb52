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
