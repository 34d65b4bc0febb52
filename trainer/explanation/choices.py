"""What the commands offer of this package, for command lines that must not load it whole."""

__all__ = ["METHOD_NAMES", "METHOD_TITLES", "SEGMENT_AT"]

METHOD_TITLES = {
    "grad-cam": "Grad-CAM",
    "integrated-gradients": "Integrated Gradients",
    "occlusion": "occlusion",
    "rise": "RISE",
    "score-cam": "Score-CAM",
    "smooth-grad": "SmoothGrad",
}
"""Keys of `METHODS`, and their names in print."""
METHOD_NAMES = tuple(METHOD_TITLES)
SEGMENT_AT = 0.5
"""Share of a heat map's maximum from which on a position belongs to the segmentation; the dissertation states none."""
