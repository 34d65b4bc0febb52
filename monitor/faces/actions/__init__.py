"""Facial actions: the movements that clinicians score, each from 0 to 1, measured on the face mesh."""

from monitor.faces.actions.baseline import Baseline
from monitor.faces.actions.measure import measure_actions
from monitor.faces.actions.values import ACTIONS, ActionName, ActionValue, FacialActions

__all__ = ["ACTIONS", "ActionName", "ActionValue", "Baseline", "FacialActions", "measure_actions"]
