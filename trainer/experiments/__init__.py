"""Experiments: configuration, cross-validation, and the folder that a run leaves."""

from typing import TYPE_CHECKING

from trainer.lazy_names import lazy_names

if TYPE_CHECKING:
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

_DEFINED_IN = {
    "trainer.experiments.config": ("ExperimentConfig", "read_config"),
    "trainer.experiments.cross_validation": ("cross_validate",),
    "trainer.experiments.planning": ("plan_network", "recipe_of"),
    "trainer.experiments.run": ("FoldNetworks", "Run", "open_run"),
    "trainer.experiments.testing": ("evaluate_model",),
}

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, _DEFINED_IN)
