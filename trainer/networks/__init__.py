"""The classifiers of a face crop, and the registry that names them."""

from trainer.networks.architecture import Architecture
from trainer.networks.base import CellGrid, PainNetwork
from trainer.networks.contract import InputContract, prepare_crops
from trainer.networks.efficientnet_lite0 import EfficientNetLite0, EfficientNetLite0Settings
from trainer.networks.ensemble import Ensemble, EnsembleSettings, mutual_information
from trainer.networks.mimic import Mimic, MimicSettings
from trainer.networks.ncnn import NCNN, NCNNSettings
from trainer.networks.pretrained import installed_lite0_weights, load_resnet50_weights, load_trunk_weights
from trainer.networks.registry import Registry, architectures
from trainer.networks.resnet50 import ResNet50, ResNet50Settings
from trainer.networks.trunk import TrunkHead, TrunkNetwork, TrunkSettings

__all__ = [
    "NCNN",
    "Architecture",
    "CellGrid",
    "EfficientNetLite0",
    "EfficientNetLite0Settings",
    "Ensemble",
    "EnsembleSettings",
    "InputContract",
    "Mimic",
    "MimicSettings",
    "NCNNSettings",
    "PainNetwork",
    "Registry",
    "ResNet50",
    "ResNet50Settings",
    "TrunkHead",
    "TrunkNetwork",
    "TrunkSettings",
    "architectures",
    "installed_lite0_weights",
    "load_resnet50_weights",
    "load_trunk_weights",
    "mutual_information",
    "prepare_crops",
]
