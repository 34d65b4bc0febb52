"""What can be fitted: networks by recipe, ensembles of them, and baselines on the detector's points."""

from typing import TYPE_CHECKING

from trainer.lazy_names import lazy_names
from trainer.models.fitted import FittedModel, Prediction
from trainer.models.recipe import RECIPES, Recipe, recipe

if TYPE_CHECKING:
    from trainer.models.baselines import FittedBaseline, fit_baseline
    from trainer.models.geometry import FEATURES, face_features, study_features
    from trainer.models.network_model import FittedNetworks, fit_networks
    from trainer.models.plan import NetworkPlan

__all__ = [
    "FEATURES",
    "RECIPES",
    "FittedBaseline",
    "FittedModel",
    "FittedNetworks",
    "NetworkPlan",
    "Prediction",
    "Recipe",
    "face_features",
    "fit_baseline",
    "fit_networks",
    "recipe",
    "study_features",
]

_DEFINED_IN = {
    "trainer.models.baselines": ("FittedBaseline", "fit_baseline"),
    "trainer.models.geometry": ("FEATURES", "face_features", "study_features"),
    "trainer.models.network_model": ("FittedNetworks", "fit_networks"),
    "trainer.models.plan": ("NetworkPlan",),
}

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, _DEFINED_IN)
