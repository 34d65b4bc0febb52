"""Where a network looks: heat maps, their scores, and tests that change the picture instead of drawing it."""

from trainer.explanation.cells import spread_cells
from trainer.explanation.evidence import Evidence
from trainer.explanation.gradcam import grad_cam

__all__ = ["Evidence", "grad_cam", "spread_cells"]
