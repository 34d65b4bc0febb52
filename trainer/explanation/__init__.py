"""Where a network looks: heat maps, their scores, and tests that change the picture instead of drawing it."""

from typing import TYPE_CHECKING

from trainer.explanation.choices import METHOD_NAMES, METHOD_TITLES, SEGMENT_AT
from trainer.explanation.target_class import TargetClass
from trainer.lazy_names import lazy_names

if TYPE_CHECKING:
    from trainer.explanation.cells import spread_cells
    from trainer.explanation.constant_output import count_empty_maps
    from trainer.explanation.drawing import draw_figures, draw_side_by_side, in_all
    from trainer.explanation.figure_two import draw_figure_two, segmented
    from trainer.explanation.gradcam import grad_cam
    from trainer.explanation.inputs import ExplanationInput, Part, open_explanation_input
    from trainer.explanation.interventions import intervene
    from trainer.explanation.methods import METHODS, heat_maps
    from trainer.explanation.perturbing import integrated_gradients, occlusion
    from trainer.explanation.probes import probe_features
    from trainer.explanation.sampling import rise, smooth_grad
    from trainer.explanation.scoring import score_maps
    from trainer.explanation.table import intervention_tables, probe_table, score_tables

__all__ = [
    "METHODS",
    "METHOD_NAMES",
    "METHOD_TITLES",
    "SEGMENT_AT",
    "ExplanationInput",
    "Part",
    "TargetClass",
    "count_empty_maps",
    "draw_figure_two",
    "draw_figures",
    "draw_side_by_side",
    "grad_cam",
    "heat_maps",
    "in_all",
    "integrated_gradients",
    "intervene",
    "intervention_tables",
    "occlusion",
    "open_explanation_input",
    "probe_features",
    "probe_table",
    "rise",
    "score_maps",
    "score_tables",
    "segmented",
    "smooth_grad",
    "spread_cells",
]

_DEFINED_IN = {
    "trainer.explanation.cells": ("spread_cells",),
    "trainer.explanation.constant_output": ("count_empty_maps",),
    "trainer.explanation.drawing": ("draw_figures", "draw_side_by_side", "in_all"),
    "trainer.explanation.figure_two": ("draw_figure_two", "segmented"),
    "trainer.explanation.gradcam": ("grad_cam",),
    "trainer.explanation.inputs": ("ExplanationInput", "Part", "open_explanation_input"),
    "trainer.explanation.interventions": ("intervene",),
    "trainer.explanation.methods": ("METHODS", "heat_maps"),
    "trainer.explanation.perturbing": ("integrated_gradients", "occlusion"),
    "trainer.explanation.probes": ("probe_features",),
    "trainer.explanation.sampling": ("rise", "smooth_grad"),
    "trainer.explanation.scoring": ("score_maps",),
    "trainer.explanation.table": ("intervention_tables", "probe_table", "score_tables"),
}

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, _DEFINED_IN)
