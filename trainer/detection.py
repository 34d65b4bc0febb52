"""The monitor's own face detector, for the trainer."""

from monitor.faces import FaceDetector
from monitor.inference.bundle import read_bundle
from monitor.inference.engine_factory import open_engine

__all__ = ["DEFAULT_DETECTOR", "detector_sha256", "open_detector"]

DEFAULT_DETECTOR = "retinaface"
_SIZE_PX = 640
_CLOSE_SIZE_PX = 320


def detector_sha256(bundle: str = DEFAULT_DETECTOR) -> str:
    """Return the identity of a detector's model, by which faces that it found are known.

    Args:
        bundle: Name of an installed bundle, or the path of one.

    Raises:
        BundleError: There is none, or it is damaged; the sentence says how to get it.
    """
    return read_bundle(bundle, kind="detector").sha256


def open_detector(bundle: str = DEFAULT_DETECTOR) -> FaceDetector:
    """Open a detector for the calling thread, at the sizes that find small faces too.

    Args:
        bundle: Name of an installed bundle, or the path of one.

    Raises:
        BundleError: There is none, or it is damaged; the sentence says how to get it.
    """
    read = read_bundle(bundle, kind="detector")
    return FaceDetector(open_engine(read, size_px=_SIZE_PX), open_engine(read, size_px=_CLOSE_SIZE_PX))
