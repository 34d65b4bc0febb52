"""GStreamer, imported only when a video source is really opened.

GStreamer and its Python bindings come from the distribution, not from PyPI, so each may be missing on a machine that
has everything else. `gstreamer` turns that into one sentence with the line that mends it, and `check_elements` answers
`nicu-monitor doctor`.
"""

import ctypes
import importlib
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from monitor.errors import VideoError

__all__ = ["APT_LINE", "ElementCheck", "check_elements", "gi_module", "gstreamer", "make_element"]

_PACKAGES = (
    "gstreamer1.0-plugins-base",
    "gstreamer1.0-plugins-good",
    "gstreamer1.0-plugins-bad",
    "gstreamer1.0-plugins-ugly",
    "gstreamer1.0-libav",
    "gir1.2-gst-plugins-base-1.0",
    "gir1.2-gst-rtsp-server-1.0",
    "glib-networking",
    "python3-gi",
    "python3-gst-1.0",
)
APT_LINE = "sudo apt-get install --no-install-recommends " + " ".join(_PACKAGES)
"""The one line that installs all of GStreamer that this project uses, on Debian and Ubuntu."""

_NEEDED = (
    ("appsink", "gstreamer1.0-plugins-base", "hand pictures to the monitor"),
    ("appsrc", "gstreamer1.0-plugins-base", "write annotated videos, serve the demo's cameras"),
    ("parsebin", "gstreamer1.0-plugins-base", "read video files"),
    ("videoconvert", "gstreamer1.0-plugins-base", "convert pictures to three planes"),
    ("rtspsrc", "gstreamer1.0-plugins-good", "RTSP cameras"),
    ("rtph264depay", "gstreamer1.0-plugins-good", "H.264 over RTSP"),
    ("rtph265depay", "gstreamer1.0-plugins-good", "H.265 over RTSP"),
    ("rtpjpegdepay", "gstreamer1.0-plugins-good", "MJPEG over RTSP"),
    ("souphttpsrc", "gstreamer1.0-plugins-good", "HTTP cameras"),
    ("capssetter", "gstreamer1.0-plugins-good", "colours and pixel shapes that cameras name in part"),
    ("videoscale", "gstreamer1.0-plugins-base", "pixels that are not square"),
    ("videoflip", "gstreamer1.0-plugins-good", "pictures that are stored on their side"),
    ("jpegdec", "gstreamer1.0-plugins-good", "MJPEG"),
    ("v4l2src", "gstreamer1.0-plugins-good", "local cameras"),
    ("qtdemux", "gstreamer1.0-plugins-good", "MP4 files"),
    ("matroskademux", "gstreamer1.0-plugins-good", "Matroska and WebM files"),
    ("avidemux", "gstreamer1.0-plugins-good", "AVI files"),
    ("mp4mux", "gstreamer1.0-plugins-good", "write annotated videos"),
    ("h264parse", "gstreamer1.0-plugins-bad", "H.264"),
    ("h265parse", "gstreamer1.0-plugins-bad", "H.265"),
    ("jpegparse", "gstreamer1.0-plugins-bad", "MJPEG"),
    ("avdec_h264", "gstreamer1.0-libav", "decode H.264"),
    ("avdec_h265", "gstreamer1.0-libav", "decode H.265"),
    ("x264enc", "gstreamer1.0-plugins-ugly", "write annotated videos, serve the demo's cameras"),
)

_lock = threading.Lock()
_modules: dict[tuple[str, str], Any] = {}


@dataclass(frozen=True, slots=True)
class ElementCheck:
    """Whether one part of GStreamer is here.

    Attributes:
        name: The element, or the module of the Python bindings.
        found: Whether it can be used.
        package: Debian's package that holds it.
        needed_for: What does not work without it.
    """

    name: str
    found: bool
    package: str
    needed_for: str


def gi_module(name: str, version: str = "1.0") -> Any:  # noqa: ANN401 - the bindings carry no types
    """Import one module of GObject introspection.

    Args:
        name: For example `GstRtspServer`.
        version: The version of its interface.

    Raises:
        VideoError: The bindings or the module are not installed.
    """
    known = _modules.get((name, version))
    if known is not None:  # `require_version` lists the directory of all interfaces, each time
        return known
    with _lock:
        try:
            _hold_unwinder()
            gi = importlib.import_module("gi")
            gi.require_version(name, version)
            module = importlib.import_module(f"gi.repository.{name}")
            if name == "Gst" and not module.is_initialized():
                module.init(None)
            if (name, version) not in _modules:
                _make_enumerations(gi, name, module)
                _modules[name, version] = module
        except (ImportError, ValueError) as error:
            raise VideoError(f"GStreamer cannot be used from Python ({error}); run: {APT_LINE}") from error
        return module


def _hold_unwinder() -> None:
    """Load the unwinder of C++ exceptions before GStreamer's libraries bring another one (libunwind).

    The bindings load libraries for everybody, and libunwind has the same names: an engine that is loaded after a camera
    has played, and raises an error, would unwind with it and take the whole process down.
    """
    with suppress(OSError):  # another C library; then there is no such mixture either
        ctypes.CDLL("libgcc_s.so.1", mode=ctypes.RTLD_GLOBAL)


def _make_enumerations(gi: Any, name: str, module: Any) -> None:  # noqa: ANN401 - the bindings carry no types
    """Make the classes of a module's enumerations and flags, a few milliseconds of work.

    The bindings make each when it is first named, value by value: a second thread that names it meanwhile gets one
    without its values. Cameras start in threads of their own.
    """
    for info in gi.Repository.get_default().get_infos(name):
        if type(info).__name__ == "EnumInfo":
            getattr(module, info.get_name(), None)


def gstreamer() -> Any:  # noqa: ANN401 - the bindings carry no types
    """Return the module `Gst`, initialised, with the interfaces of appsink, appsrc and video pictures loaded.

    Raises:
        VideoError: GStreamer or its bindings are not installed; the message holds the line that installs them.
    """
    gst = gi_module("Gst")
    gi_module("GstApp")
    gi_module("GstVideo")
    return gst


def make_element(factory: str, **properties: object) -> Any:  # noqa: ANN401 - the bindings carry no types
    """Return a new element with its properties set.

    Underscores in their names stand for dashes; one at the end, as in `async_`, is left out.

    Raises:
        VideoError: The element is not installed.
    """
    element = gstreamer().ElementFactory.make(factory, None)
    if element is None:
        packages = {name: package for name, package, _ in _NEEDED}
        line = f"sudo apt-get install {packages[factory]}" if factory in packages else APT_LINE
        raise VideoError(f"GStreamer's element {factory!r} is not installed; run: {line}")
    for name, value in properties.items():
        element.set_property(name.rstrip("_").replace("_", "-"), value)
    return element


def check_elements() -> Sequence[ElementCheck]:
    """Return one line for the Python bindings, for the RTSP server and TLS, and for every element in use."""
    checks = [
        _module_check("Gst", "python3-gst-1.0", "everything that GStreamer does"),
        _module_check("GstApp", "gir1.2-gst-plugins-base-1.0", "hand pictures to the monitor"),
        _module_check("GstRtspServer", "gir1.2-gst-rtsp-server-1.0", "the cameras of the demo"),
    ]
    if not checks[0].found:
        return [
            *checks,
            *(ElementCheck(name, found=False, package=package, needed_for=why) for name, package, why in _NEEDED),
        ]
    tls = bool(gi_module("Gio", "2.0").TlsBackend.get_default().supports_tls())
    checks.append(ElementCheck("TLS", tls, "glib-networking", "rtsps:// and https:// cameras"))
    find = gstreamer().ElementFactory.find
    checks += [ElementCheck(name, find(name) is not None, package, why) for name, package, why in _NEEDED]
    return checks


def _module_check(name: str, package: str, needed_for: str) -> ElementCheck:
    try:
        gi_module(name)
    except VideoError:
        return ElementCheck(name, found=False, package=package, needed_for=needed_for)
    return ElementCheck(name, found=True, package=package, needed_for=needed_for)
