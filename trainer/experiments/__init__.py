"""Experiments: configuration, cross-validation, and the folder that a run leaves."""

from trainer.experiments.config import ExperimentConfig, read_config
from trainer.experiments.cross_validation import cross_validate
from trainer.experiments.planning import plan_network, recipe_of
from trainer.experiments.run import FoldNetworks, Run, open_run
from trainer.experiments.testing import evaluate_model

__all__ = [
    "ExperimentConfig",
    "FoldNetworks",
    "Run",
    "cross_validate",
    "evaluate_model",
    "open_run",
    "plan_network",
    "read_config",
    "recipe_of",
]
