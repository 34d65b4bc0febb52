"""Where a network looks: heat maps, their scores, and tests that change the picture instead of drawing it."""

from trainer.explanation.cells import spread_cells
from trainer.explanation.drawing import draw_figures, draw_side_by_side
from trainer.explanation.evidence import Evidence
from trainer.explanation.gradcam import grad_cam
from trainer.explanation.intervening import intervene
from trainer.explanation.material import Material, Part, open_material
from trainer.explanation.methods import METHODS, heat_maps
from trainer.explanation.perturbing import integrated_gradients, occlusion
from trainer.explanation.probing import probe_material
from trainer.explanation.scoring import score_maps
from trainer.explanation.silence import note_silence
from trainer.explanation.table import intervention_tables, probe_table, score_tables

__all__ = [
    "METHODS",
    "Evidence",
    "Material",
    "Part",
    "draw_figures",
    "draw_side_by_side",
    "grad_cam",
    "heat_maps",
    "integrated_gradients",
    "intervene",
    "intervention_tables",
    "note_silence",
    "occlusion",
    "open_material",
    "probe_material",
    "probe_table",
    "score_maps",
    "score_tables",
    "spread_cells",
]
