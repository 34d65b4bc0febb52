"""What the software decoder logs about damaged pictures.

libav paints over what it cannot decode and hands the picture on as if it were whole: after a damaged stretch of the
network a camera would deliver grey smears as good pictures. It only reports that in its log, so the log is read. A
message belongs to the thread that decodes, which is the one that hands the picture on as long as a decoder has one
thread.
"""

import functools
import os
import re
import threading
from typing import Any

from monitor.video.gst import gstreamer

__all__ = ["DecoderLog", "decoder_log"]

_CONCEALED = re.compile(r"concealing (\d+) DC")
_MISSING_REFERENCE = "Could not find ref with POC"
_WHOLE_PICTURE = 1 << 20
_MOST_THREADS = 1024


class DecoderLog:
    """Counts painted-over macroblocks (16 x 16 px) for each decoding thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._concealed: dict[int, int] = {}

    def receive(self, text: str) -> None:
        """Take one message of the decoder, on the thread that decodes."""
        found = _CONCEALED.match(text)
        if found is not None:
            macroblocks = int(found[1])
        elif text.startswith(_MISSING_REFERENCE):
            macroblocks = _WHOLE_PICTURE
        else:
            return
        thread = threading.get_ident()
        with self._lock:
            if len(self._concealed) >= _MOST_THREADS:
                self._concealed.clear()
            self._concealed[thread] = self._concealed.get(thread, 0) + macroblocks

    def take(self) -> int:
        """Return how many macroblocks this thread's decoder has painted over since the last call."""
        if not self._concealed:
            return 0
        with self._lock:
            return self._concealed.pop(threading.get_ident(), 0)


_log_lock = threading.Lock()


def decoder_log() -> DecoderLog:
    """Return the process's only one; GStreamer's log is one for the whole process as well."""
    with _log_lock:  # of two cameras that start at once, too
        return _attached_log()


@functools.cache
def _attached_log() -> DecoderLog:
    gst, log = gstreamer(), DecoderLog()

    def on_message(*arguments: Any) -> None:  # noqa: ANN401 - category, level, file, function, line, object, message
        log.receive(arguments[6].get() or "")

    if "GST_DEBUG" not in os.environ:
        # Nobody debugs GStreamer itself: what is read here does not go to the standard error.
        gst.debug_remove_log_function(None)
    gst.debug_add_log_function(on_message, None)
    gst.debug_set_threshold_for_name("libav", gst.DebugLevel.INFO)
    return log
