"""Pictures for `synthetic://` addresses: the project's own synthetic infants."""

from monitor.errors import VideoError
from monitor.synthetic import SyntheticBed
from monitor.video.address import SyntheticRequest
from monitor.video.synthetic_source import PaintPicture

__all__ = ["paint_synthetic_bed"]


def paint_synthetic_bed(request: SyntheticRequest) -> PaintPicture:
    """Prepare the project's own synthetic infant.

    Raises:
        VideoError: There is no such scenario.
    """
    width_px, height_px = request.size_px
    try:
        bed = SyntheticBed(request.seed, request.scenario, width_px=width_px, height_px=height_px)
    except ValueError as error:
        raise VideoError(f"a synthetic camera cannot be painted: {error}") from error
    return lambda time_seconds: bed.frame(time_seconds)[0]
