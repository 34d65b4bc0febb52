"""The models that a station opens, and the sizes of their inputs, for those who ask whether it could."""

from monitor.config import FaceSettings
from monitor.config.base import ModelRole
from monitor.faces.detector import FACE_INPUT_PX, TRACK_INPUT_PX
from monitor.inference.bundle import Bundle

__all__ = ["input_sizes"]


def input_sizes(bundle: Bundle, role: ModelRole, faces: FaceSettings) -> tuple[int | None, ...]:
    """Return the sides in pixels of the inputs in which a station opens a bundle's model.

    Args:
        bundle: Of that role.
        role: What it is for.
        faces: With the detection size.

    Returns:
        For a detector the whole picture's and those of the surroundings of a face, the largest first, as
        `monitor.pipeline.models.ModelSet` opens them; None for a classifier, whose bundle has one size.
    """
    if role == "classifier":
        return (None,)
    sizes: set[int] = {faces.detection_size_px}
    if faces.detection_size_px > FACE_INPUT_PX:
        sizes.add(FACE_INPUT_PX)
    if TRACK_INPUT_PX in {variant.size_px for variant in bundle.manifest.variants}:
        sizes.add(TRACK_INPUT_PX)
    return tuple(sorted(sizes, reverse=True))
