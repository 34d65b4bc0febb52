"""The networks that come with this project; `registry` adds the ensemble of any of them."""

from trainer.networks.architecture import Architecture
from trainer.networks.contract import InputContract
from trainer.networks.efficientnet_lite0 import EfficientNetLite0, EfficientNetLite0Settings
from trainer.networks.mimic import Mimic, MimicSettings
from trainer.networks.ncnn import NCNN, NCNNSettings
from trainer.networks.resnet50 import ResNet50, ResNet50Settings

__all__ = ["BUILTIN"]

_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

BUILTIN = (
    Architecture(
        name="ncnn",
        summary="N-CNN (Zamzmi et al. 2019): 72,593 parameters, 120 px",
        settings_type=NCNNSettings,
        build=NCNN,
        contract=InputContract(size_px=120),
    ),
    Architecture(
        name="resnet50",
        summary="ResNet50 (He et al. 2016) with a dense head, 224 px",
        settings_type=ResNet50Settings,
        build=ResNet50,
        contract=InputContract(size_px=224, mean=_IMAGENET_MEAN, std=_IMAGENET_STD),
    ),
    Architecture(
        name="efficientnet-lite0",
        summary="EfficientNet-Lite0 (Tan and Le 2019) with a dense head, 224 px",
        settings_type=EfficientNetLite0Settings,
        build=EfficientNetLite0,
        # As its weights were trained: (grey level - 127) / 128.
        contract=InputContract(size_px=224, value_maximum=255.0, mean=(127.0,) * 3, std=(128.0,) * 3),
    ),
    Architecture(
        name="mimic",
        summary="compact network of this project for a few hundred pictures, 96 px",
        settings_type=MimicSettings,
        build=Mimic,
        contract=InputContract(size_px=96, margin=0.08, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25)),
    ),
)
