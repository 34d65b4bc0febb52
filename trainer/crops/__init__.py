"""Crops for training: cut with the monitor's own code, kept as arrays, varied while training."""

from trainer.crops.augmentation import AUGMENTATION_PRESETS, AugmentationSettings, augment
from trainer.crops.cropset import CropSet, cut_wide, pad_px, wide_spec
from trainer.crops.samples import ExactSamples, VariedSamples

__all__ = [
    "AUGMENTATION_PRESETS",
    "AugmentationSettings",
    "CropSet",
    "ExactSamples",
    "VariedSamples",
    "augment",
    "cut_wide",
    "pad_px",
    "wide_spec",
]
