"""The networks that come with this project."""

from trainer.networks.contract import InputContract
from trainer.networks.ncnn import NCNN, NCNNSettings
from trainer.networks.registry import Architecture

__all__ = ["BUILTIN"]

BUILTIN = (
    Architecture(
        name="ncnn",
        summary="N-CNN (Zamzmi et al. 2019): 72,593 parameters, 120 px",
        settings_type=NCNNSettings,
        build=NCNN,
        contract=InputContract(size_px=120),
    ),
)
