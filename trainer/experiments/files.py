"""The files of a run's folder."""

__all__ = ["FIT_NAME", "FOLDS_NAME", "INNER_NAME", "METRICS_NAME", "NETWORKS_NAME", "PREDICTIONS_NAME", "RUN_NAME"]

RUN_NAME = "run.json"
FIT_NAME = "fit.json"
"""What a final model is learnt from and how, in the folder of its training."""
FOLDS_NAME = "folds.json"
METRICS_NAME = "metrics.json"
PREDICTIONS_NAME = "predictions.csv"
INNER_NAME = "inner.csv"
"""Answers for the infants of each fold that stopped and calibrated its model (strict protocol)."""
NETWORKS_NAME = "networks.pt"
"""The trained networks of one fold, in the fold's folder."""
