"""Data sets, networks, cross-validation, evaluation and explanation of pain classifiers.

The names in `__all__` are the public Python API. They are loaded when they are first used, so that `import trainer`
costs nothing and does not load PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.checkpoint import TrainedModel, read_model
    from trainer.crops.finding import find_all_faces
    from trainer.crops.study import Study, open_study
    from trainer.data.ingest import Candidate, ingest
    from trainer.data.manifest import ImageRecord, Manifest, read_manifest, write_manifest
    from trainer.data.naming import Label, ParsedName
    from trainer.data.report import IngestReport
    from trainer.data.table import PictureTable, read_table
    from trainer.errors import CheckpointError, DataError, SettingsError, TrainingError
    from trainer.evaluation.metrics import classifier_metrics
    from trainer.experiments.compare import comparison_tables, read_entries
    from trainer.experiments.config import ExperimentConfig, read_config
    from trainer.experiments.cross_validation import cross_validate
    from trainer.experiments.fitting import FinalModel, ensemble_of_folds, fit_all
    from trainer.experiments.run import Run, open_run
    from trainer.experiments.testing import evaluate_model
    from trainer.explanation.inputs import ExplanationInput, open_explanation_input
    from trainer.explanation.interventions import intervene
    from trainer.explanation.methods import METHODS, heat_maps
    from trainer.explanation.probes import probe_features
    from trainer.explanation.scoring import score_maps
    from trainer.explanation.target_class import TargetClass
    from trainer.networks.architecture import Architecture
    from trainer.networks.base import PainNetwork
    from trainer.networks.contract import InputContract, prepare_crops
    from trainer.networks.registry import architectures
    from trainer.protocols import make_folds
    from trainer.protocols.audit import Overlap, audit
    from trainer.protocols.folds import Fold, FoldMap
    from trainer.protocols.settings import ProtocolSettings
    from trainer.reporting.building import ReportSettings, write_report
    from trainer.training.loop import TrainedNetwork, train
    from trainer.training.progress import EpochReport, Listener, NullListener
    from trainer.training.settings import TrainingSettings
    from trainer.training.training_attempt import TrainingJob

__all__ = [
    "METHODS",
    "Architecture",
    "Candidate",
    "CheckpointError",
    "DataError",
    "EpochReport",
    "ExperimentConfig",
    "ExplanationInput",
    "FinalModel",
    "Fold",
    "FoldMap",
    "ImageRecord",
    "IngestReport",
    "InputContract",
    "Label",
    "Listener",
    "Manifest",
    "NullListener",
    "Overlap",
    "PainNetwork",
    "ParsedName",
    "PictureTable",
    "ProtocolSettings",
    "ReportSettings",
    "Run",
    "SettingsError",
    "Study",
    "TargetClass",
    "TrainedModel",
    "TrainedNetwork",
    "TrainingError",
    "TrainingJob",
    "TrainingSettings",
    "architectures",
    "audit",
    "classifier_metrics",
    "comparison_tables",
    "cross_validate",
    "ensemble_of_folds",
    "evaluate_model",
    "find_all_faces",
    "fit_all",
    "heat_maps",
    "ingest",
    "intervene",
    "make_folds",
    "open_explanation_input",
    "open_run",
    "open_study",
    "prepare_crops",
    "probe_features",
    "read_config",
    "read_entries",
    "read_manifest",
    "read_model",
    "read_table",
    "score_maps",
    "train",
    "write_manifest",
    "write_report",
]

# Where each public name is defined. A test compares this with the imports above, which are for type checkers only.
_DEFINED_IN = {
    "trainer.checkpoint": ("TrainedModel", "read_model"),
    "trainer.crops.finding": ("find_all_faces",),
    "trainer.crops.study": ("Study", "open_study"),
    "trainer.data.ingest": ("Candidate", "ingest"),
    "trainer.data.manifest": ("ImageRecord", "Manifest", "read_manifest", "write_manifest"),
    "trainer.data.naming": ("Label", "ParsedName"),
    "trainer.data.report": ("IngestReport",),
    "trainer.data.table": ("PictureTable", "read_table"),
    "trainer.errors": ("CheckpointError", "DataError", "SettingsError", "TrainingError"),
    "trainer.evaluation.metrics": ("classifier_metrics",),
    "trainer.experiments.compare": ("comparison_tables", "read_entries"),
    "trainer.experiments.config": ("ExperimentConfig", "read_config"),
    "trainer.experiments.cross_validation": ("cross_validate",),
    "trainer.experiments.fitting": ("FinalModel", "ensemble_of_folds", "fit_all"),
    "trainer.experiments.run": ("Run", "open_run"),
    "trainer.experiments.testing": ("evaluate_model",),
    "trainer.explanation.inputs": ("ExplanationInput", "open_explanation_input"),
    "trainer.explanation.interventions": ("intervene",),
    "trainer.explanation.methods": ("METHODS", "heat_maps"),
    "trainer.explanation.probes": ("probe_features",),
    "trainer.explanation.scoring": ("score_maps",),
    "trainer.explanation.target_class": ("TargetClass",),
    "trainer.networks.architecture": ("Architecture",),
    "trainer.networks.base": ("PainNetwork",),
    "trainer.networks.contract": ("InputContract", "prepare_crops"),
    "trainer.networks.registry": ("architectures",),
    "trainer.protocols": ("make_folds",),
    "trainer.protocols.audit": ("Overlap", "audit"),
    "trainer.protocols.folds": ("Fold", "FoldMap"),
    "trainer.protocols.settings": ("ProtocolSettings",),
    "trainer.reporting.building": ("ReportSettings", "write_report"),
    "trainer.training.loop": ("TrainedNetwork", "train"),
    "trainer.training.progress": ("EpochReport", "Listener", "NullListener"),
    "trainer.training.settings": ("TrainingSettings",),
    "trainer.training.training_attempt": ("TrainingJob",),
}


def __getattr__(name: str) -> object:
    """Load a public name on its first use (PEP 562)."""
    for module, names in _DEFINED_IN.items():
        if name in names:
            value: object = getattr(import_module(module), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
