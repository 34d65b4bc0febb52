"""Crops for training: cut with the monitor's own code, stored as arrays, varied while training."""

from trainer.crops.augmentation import AUGMENTATION_PRESETS, AugmentationSettings, augment
from trainer.crops.contact_sheet import SheetItem, contact_sheet
from trainer.crops.cropset import CropSet, cut_wide, pad_px, wide_spec
from trainer.crops.faces import FaceRecord, read_faces
from trainer.crops.finding import FACES_NAME, FaceMode, find_all_faces
from trainer.crops.samples import ExactSamples, VariedSamples
from trainer.crops.study import Study, crops_folder, open_study

__all__ = [
    "AUGMENTATION_PRESETS",
    "FACES_NAME",
    "AugmentationSettings",
    "CropSet",
    "ExactSamples",
    "FaceMode",
    "FaceRecord",
    "SheetItem",
    "Study",
    "VariedSamples",
    "augment",
    "contact_sheet",
    "crops_folder",
    "cut_wide",
    "find_all_faces",
    "open_study",
    "pad_px",
    "read_faces",
    "wide_spec",
]
