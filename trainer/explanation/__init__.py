"""Where a network looks: heat maps, their scores, and tests that change the picture instead of drawing it."""

from trainer.explanation.cells import spread_cells
from trainer.explanation.constant_output import count_empty_maps
from trainer.explanation.drawing import draw_figures, draw_side_by_side, in_all
from trainer.explanation.figure_two import SEGMENT_AT, draw_figure_two, segmented
from trainer.explanation.gradcam import grad_cam
from trainer.explanation.inputs import ExplanationInput, Part, open_explanation_input
from trainer.explanation.interventions import intervene
from trainer.explanation.methods import METHODS, heat_maps
from trainer.explanation.perturbing import integrated_gradients, occlusion
from trainer.explanation.probes import probe_features
from trainer.explanation.sampling import rise, smooth_grad
from trainer.explanation.score_cam import score_cam
from trainer.explanation.scoring import score_maps
from trainer.explanation.table import intervention_tables, probe_table, score_tables
from trainer.explanation.target_class import TargetClass

__all__ = [
    "METHODS",
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
    "score_cam",
    "score_maps",
    "score_tables",
    "segmented",
    "smooth_grad",
    "spread_cells",
]
