"""Detects, tracks and crops the infant's face."""

from monitor.faces.crop import CropSpec, crop_face
from monitor.faces.detector import FaceDetector
from monitor.faces.geometry import Face, OrientedBox
from monitor.faces.patient_tracker import FrameFaces, PatientTracker, TrackedFace
from monitor.faces.quality import Quality
from monitor.faces.still_image import detect_faces

__all__ = [
    "CropSpec",
    "Face",
    "FaceDetector",
    "FrameFaces",
    "OrientedBox",
    "PatientTracker",
    "Quality",
    "TrackedFace",
    "crop_face",
    "detect_faces",
]
