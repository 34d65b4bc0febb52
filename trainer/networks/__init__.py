"""The classifiers of a face crop, and the registry that names them."""

from trainer.networks.base import CellGrid, PainNetwork
from trainer.networks.contract import InputContract, prepare_crops
from trainer.networks.ncnn import NCNN, NCNNSettings
from trainer.networks.registry import Architecture, Registry, architectures

__all__ = [
    "NCNN",
    "Architecture",
    "CellGrid",
    "InputContract",
    "NCNNSettings",
    "PainNetwork",
    "Registry",
    "architectures",
    "prepare_crops",
]
