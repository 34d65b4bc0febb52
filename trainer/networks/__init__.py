"""The classifiers of a face crop, and the registry that names them."""

from trainer.networks.architecture import Architecture
from trainer.networks.base import CellGrid, PainNetwork
from trainer.networks.contract import InputContract, prepare_crops
from trainer.networks.ensemble import Ensemble, EnsembleSettings, mutual_information
from trainer.networks.mimic import Mimic, MimicSettings
from trainer.networks.ncnn import NCNN, NCNNSettings
from trainer.networks.pretrained import load_resnet50_weights
from trainer.networks.registry import Registry, architectures
from trainer.networks.resnet50 import ResNet50, ResNet50Head, ResNet50Settings

__all__ = [
    "NCNN",
    "Architecture",
    "CellGrid",
    "Ensemble",
    "EnsembleSettings",
    "InputContract",
    "Mimic",
    "MimicSettings",
    "NCNNSettings",
    "PainNetwork",
    "Registry",
    "ResNet50",
    "ResNet50Head",
    "ResNet50Settings",
    "architectures",
    "load_resnet50_weights",
    "mutual_information",
    "prepare_crops",
]
