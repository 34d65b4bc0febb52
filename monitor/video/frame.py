"""One decoded picture."""

from dataclasses import dataclass

from monitor.video.planar_picture import Picture

__all__ = ["Frame"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded picture.

    Attributes:
        image: Shape (height, width, 3), uint8, colour order RGB: an array, or a `PlanarPicture`, of which parts are cut
            like of an array and `numpy.asarray` makes one. Read-only: it may be a view of a decoder's buffer.
        time_seconds: Monotonic time at which the picture's data reached this machine (media time in a replay).
        pts_seconds: The stream's own time stamp, or None where the stream has none.
        index: Counts every decoded picture of the source from 0, dropped ones included.
        stream: Changes whenever the source was opened again: its pictures need not show what those before did.
    """

    image: Picture
    time_seconds: float
    pts_seconds: float | None
    index: int
    stream: int = 0
