"""GStreamer's streaming threads keep their state of the Python interpreter from one callback to the next.

They are none of Python's own. For each callback on such a thread the bindings would make a state of the interpreter and
free it afterwards, and with it map and unmap memory, for which the cores wait for each other.
"""

import ctypes
import threading
from typing import Any

from monitor.video.gst import gstreamer

__all__ = ["keep_thread_states"]

_kept = threading.local()


def keep_thread_states(bus: Any) -> None:  # noqa: ANN401 - from gi
    """Keep the states of the threads that send this bus their messages of entering and leaving a pipeline.

    Args:
        bus: Of a pipeline that does not run yet.
    """
    kinds = gstreamer().StreamStatusType

    def on_status(_bus: Any, message: Any) -> None:  # noqa: ANN401 - from gi
        # Sent by the thread itself. The state counts who uses it (PEP 311); within this callback, that is the bindings.
        kind, _ = message.parse_stream_status()
        if kind == kinds.ENTER and not hasattr(_kept, "state"):
            _kept.state = ctypes.pythonapi.PyGILState_Ensure()
        elif kind == kinds.LEAVE and hasattr(_kept, "state"):
            ctypes.pythonapi.PyGILState_Release(_kept.state)
            del _kept.state

    bus.enable_sync_message_emission()
    bus.connect("sync-message::stream-status", on_status)
