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
