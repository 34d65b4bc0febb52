"""What the commands offer of this package, for command lines that must not load it whole."""

__all__ = ["METHOD_NAMES", "SEGMENT_AT"]

METHOD_NAMES = ("grad-cam", "integrated-gradients", "occlusion", "rise", "score-cam", "smooth-grad")
"""Keys of `METHODS`."""
SEGMENT_AT = 0.5
"""Share of a heat map's maximum from which on a position belongs to the segmentation; the dissertation states none."""
