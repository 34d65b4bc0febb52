"""The classifiers of a face crop, and the registry that names them."""

from typing import TYPE_CHECKING

from trainer.lazy_names import lazy_names

if TYPE_CHECKING:
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
    from trainer.networks.silence import are_silent
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
    "are_silent",
    "installed_lite0_weights",
    "load_resnet50_weights",
    "load_trunk_weights",
    "mutual_information",
    "prepare_crops",
]

_DEFINED_IN = {
    "trainer.networks.architecture": ("Architecture",),
    "trainer.networks.base": ("CellGrid", "PainNetwork"),
    "trainer.networks.contract": ("InputContract", "prepare_crops"),
    "trainer.networks.efficientnet_lite0": ("EfficientNetLite0", "EfficientNetLite0Settings"),
    "trainer.networks.ensemble": ("Ensemble", "EnsembleSettings", "mutual_information"),
    "trainer.networks.mimic": ("Mimic", "MimicSettings"),
    "trainer.networks.ncnn": ("NCNN", "NCNNSettings"),
    "trainer.networks.pretrained": ("installed_lite0_weights", "load_resnet50_weights", "load_trunk_weights"),
    "trainer.networks.registry": ("Registry", "architectures"),
    "trainer.networks.resnet50": ("ResNet50", "ResNet50Settings"),
    "trainer.networks.silence": ("are_silent",),
    "trainer.networks.trunk": ("TrunkHead", "TrunkNetwork", "TrunkSettings"),
}

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, _DEFINED_IN)
