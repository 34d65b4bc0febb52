"""When a source counts as lost.

GStreamer notices a killed server at once but needs half a minute for a hung one, and rtspsrc never reconnects. So the
age of the newest data decides, on monotonic time, and the pipeline is rebuilt indefinitely.
"""

from dataclasses import dataclass

from monitor.phrases import Phrase

__all__ = ["StallLimits", "Watchdog"]


@dataclass(frozen=True, slots=True)
class StallLimits:
    """How long each stage may stay silent.

    Attributes:
        data_seconds: Between two pieces of data, once data has come.
        opening_seconds: From opening to the first data: connecting, the password, the description of the stream.
        first_picture_seconds: From the first data to the first picture: cameras send a key frame every few seconds.
        picture_seconds: Between two decoded pictures while data comes: what comes cannot be decoded.
    """

    data_seconds: float = 2.0
    opening_seconds: float = 5.0
    first_picture_seconds: float = 15.0
    picture_seconds: float = 6.0


class Watchdog:
    """Compares the ages of data and pictures with the limits.

    Args:
        limits: How long each stage may stay silent.
        opened_seconds: Monotonic time at which the source was opened.
    """

    def __init__(self, limits: StallLimits, opened_seconds: float) -> None:
        self._limits = limits
        self._opened_seconds = opened_seconds
        self._first_data_seconds: float | None = None

    def fault(self, now_seconds: float, data_seconds: float | None, picture_seconds: float | None) -> str | None:
        """Return what is wrong, or None.

        Args:
            now_seconds: Monotonic time.
            data_seconds: When the newest data came; None where none came yet.
            picture_seconds: When the newest picture was decoded; None where none was yet.

        Returns:
            The end of a sentence that begins with the camera's address.
        """
        limits = self._limits
        if data_seconds is None:
            silent = now_seconds - self._opened_seconds > limits.opening_seconds
            seconds = f"{limits.opening_seconds:g}"
            return Phrase("sent nothing within {seconds} s of opening it", seconds=seconds) if silent else None
        if now_seconds - data_seconds > limits.data_seconds:
            return Phrase("has sent nothing for {seconds} s", seconds=f"{limits.data_seconds:g}")
        if self._first_data_seconds is None:
            self._first_data_seconds = data_seconds
        since = self._first_data_seconds if picture_seconds is None else picture_seconds
        limit = limits.first_picture_seconds if picture_seconds is None else limits.picture_seconds
        unseen = now_seconds - since > limit
        if not unseen:
            return None
        return Phrase("sends data, but no picture could be decoded for {seconds} s", seconds=f"{limit:g}")
