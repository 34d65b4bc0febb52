"""What can be fitted: networks by recipe, ensembles of them, and baselines on the detector's points."""

from trainer.models.baselines import FittedBaseline, fit_baseline
from trainer.models.fitted import FittedModel, Prediction
from trainer.models.geometry import FEATURES, face_features, study_features
from trainer.models.network_model import FittedNetworks, fit_networks
from trainer.models.plan import NetworkPlan
from trainer.models.recipe import RECIPES, Recipe, recipe

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
