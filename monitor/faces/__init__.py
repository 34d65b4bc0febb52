"""Finds, follows and cuts out the infant's face."""

from monitor.faces.crop import CropSpec, crop_face
from monitor.faces.detector import FaceDetector
from monitor.faces.follower import FaceFollower, Sighting, TrackedFace
from monitor.faces.geometry import Face, OrientedBox
from monitor.faces.quality import Quality
from monitor.faces.stills import find_faces

__all__ = [
    "CropSpec",
    "Face",
    "FaceDetector",
    "FaceFollower",
    "OrientedBox",
    "Quality",
    "Sighting",
    "TrackedFace",
    "crop_face",
    "find_faces",
]
