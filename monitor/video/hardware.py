"""Decoders in hardware: which ones a camera may use, tried once, and left for good where they fail.

They are used where `decoder` asks for them. What libav says of damaged pictures is not known of them, so that pictures
with concealed errors are analysed: the reason why the default is software. Pictures come into the main memory
with every decoder: what follows the decoder is the same.
"""

import logging
import threading
from typing import Any

from monitor.config import DecoderKind
from monitor.video.gst import gstreamer, make_element

__all__ = ["HARDWARE_DECODERS", "DecoderChoice", "load_nvcodec"]

_log = logging.getLogger(__name__)

HARDWARE_DECODERS: dict[str, dict[str, tuple[str, ...]]] = {
    "nvdec": {
        "video/x-h264": ("nvh264dec", "nvh264sldec"),
        "video/x-h265": ("nvh265dec", "nvh265sldec"),
        "image/jpeg": ("nvjpegdec",),
    },
    "vaapi": {
        "video/x-h264": ("vah264dec", "vaapih264dec"),
        "video/x-h265": ("vah265dec", "vaapih265dec"),
        "image/jpeg": ("vajpegdec", "vaapijpegdec"),
    },
    "v4l2": {
        "video/x-h264": ("v4l2h264dec", "v4l2slh264dec"),
        "video/x-h265": ("v4l2h265dec", "v4l2slh265dec"),
        "image/jpeg": ("v4l2jpegdec",),
    },
}
"""GStreamer's elements by kind and media type, best first."""
_CUDA_CONTEXT = "gst.cuda.context"


class _CudaContext:
    """The CUDA context that all decoders of this process share: each would make one of its own, some hundred megabytes.

    It is that of the first decoder, for as long as no decoder fails.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._context: Any = None

    def lend(self, decoder: Any) -> None:  # noqa: ANN401 - from gi
        """Give it to a decoder that is not ready yet."""
        with self._lock:
            if self._context is not None:
                decoder.set_context(self._context)

    def keep(self, decoder: Any) -> None:  # noqa: ANN401 - from gi
        """Keep that of a decoder that is ready, where there is none yet."""
        with self._lock:
            if self._context is None:
                self._context = decoder.get_context(_CUDA_CONTEXT)

    def forget(self) -> None:
        """Let the next decoder make another one: this one may be lost."""
        with self._lock:
            self._context = None


_cuda = _CudaContext()


def load_nvcodec() -> tuple[str, ...]:
    """Return the names of NVIDIA's decoders that GStreamer has, and have it look again where it has none.

    It remembers in a file (`~/.cache/gstreamer-1.0/registry.*.bin`) which elements a plugin had when it was first seen,
    and looks at it again only when the plugin's own file has changed: a driver that came later would never be found.
    """
    registry = gstreamer().Registry.get()
    plugin = registry.find_plugin("nvcodec")
    if plugin is None:
        return ()
    if not registry.get_feature_list_by_plugin("nvcodec") and not plugin.is_loaded():
        plugin.load()
    here = {feature.get_name() for feature in registry.get_feature_list_by_plugin("nvcodec")}
    return tuple(name for names in HARDWARE_DECODERS["nvdec"].values() for name in names if name in here)


class DecoderChoice:
    """The decoders that one camera may use. Lives as long as the camera; a decoder that failed is not tried again.

    Args:
        kind: `auto` takes the first that works of NVDEC, VA-API and V4L2, else software.
    """

    def __init__(self, kind: DecoderKind) -> None:
        self._kind = kind
        self._refused: set[str] = set()
        self._has_warned = False

    def names(self, media_type: str) -> tuple[str, ...]:
        """Return the names of hardware decoders to be tried for such pictures, best first."""
        kinds = tuple(HARDWARE_DECODERS) if self._kind == "auto" else (self._kind,)
        names = (name for kind in kinds for name in HARDWARE_DECODERS.get(kind, {}).get(media_type, ()))
        return tuple(name for name in names if name not in self._refused)

    def open(self, media_type: str) -> Any:  # noqa: ANN401 - from gi
        """Return a hardware decoder that is ready; None where none can be had, and software is to decode."""
        gst = gstreamer()
        if self._kind in {"auto", "nvdec"}:
            load_nvcodec()
        for name in self.names(media_type):
            if gst.ElementFactory.find(name) is None:
                continue
            # A driver that never answers ends this thread's work: the next attempt then finds the name refused.
            self._refused.add(name)
            decoder = make_element(name)
            is_nvdec = _is_nvdec(name)
            if is_nvdec:
                _cuda.lend(decoder)
            if decoder.set_state(gst.State.READY) != gst.StateChangeReturn.FAILURE:
                self._refused.discard(name)
                if is_nvdec:
                    _cuda.keep(decoder)
                return decoder
            decoder.set_state(gst.State.NULL)
            self.refuse(name, "it cannot be opened: no such device, or no session left")
        if self._kind not in {"software", "auto"} and not self._has_warned:
            self._has_warned = True
            _log.warning("no decoder of kind %s works here for %s; software decodes", self._kind, media_type)
        return None

    def refuse(self, name: str, reason: str) -> None:
        """Never use the decoder of this name again for this camera."""
        self._refused.add(name)
        if _is_nvdec(name):
            _cuda.forget()
        _log.warning("decoder %s is not used for this camera any more: %s", name, reason)


def _is_nvdec(name: str) -> bool:
    return any(name in names for names in HARDWARE_DECODERS["nvdec"].values())
