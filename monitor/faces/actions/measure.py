"""Facial actions of one face: raw measures brought to the scale from 0 to 1, with their standard errors.

0 is a face at rest and 1 the strongest expression. The default ends of the scale are, for each action, the median of
synthetic infants at rest and their strongest 5 % over pain, crying, yawning, sneezing, friction and air puff; an
infant's own calm baseline replaces the first one (`Baseline`).
"""

import math

import cv2
import numpy as np

from monitor.errors import EngineError
from monitor.faces.actions.geometry import geometric_measures, interocular_px
from monitor.faces.actions.values import ACTIONS, ActionName, ActionValue, FacialActions
from monitor.faces.mesh import MeshFace

__all__ = ["POINT_ERROR_PX", "REST", "STRONGEST", "measure_actions"]

REST: dict[ActionName, float] = {
    "mouth_opening": 0.030,
    "vertical_stretch": 0.840,
    "horizontal_stretch": 0.783,
    "left_eye_closure": -0.256,
    "right_eye_closure": -0.258,
    "brow_lowering": -0.303,
    "inner_brow_nearness": -0.411,
    "nasolabial_depth": 0.052,
    "lip_purse": -0.569,
}
STRONGEST: dict[ActionName, float] = {
    "mouth_opening": 0.287,
    "vertical_stretch": 1.046,
    "horizontal_stretch": 0.905,
    "left_eye_closure": -0.143,
    "right_eye_closure": -0.138,
    "brow_lowering": -0.230,
    "inner_brow_nearness": -0.388,
    "nasolabial_depth": 0.270,
    "lip_purse": -0.497,
}
# Of a point of the mesh in pixels of its crop: the median standard deviation between crops of three scales of real
# infants' faces. It also holds what the mesh makes of a small face that was enlarged.
POINT_ERROR_PX = 1.3
# Points that each measure averages, as the variance of its length in variances of one point.
_VARIANCE: dict[ActionName, float] = {
    "mouth_opening": 2 / 3,
    "vertical_stretch": 2.0,
    "horizontal_stretch": 2.0,
    "left_eye_closure": 2 / 3,
    "right_eye_closure": 2 / 3,
    "brow_lowering": 1 / 6 + 1 / 2,
    "inner_brow_nearness": 2.0,
    "lip_purse": 2.0 + 2.0 + 2 / 3,
}
_EYE_WIDTH = 0.45  # in distances between the eyes
# Beside the wings of the nose towards the corners of the mouth, where the furrow runs.
_FURROW_ENDS = ((129, 61), (358, 291))
_PATCH_SHARE = 0.14
_TEXTURE_ERROR = 0.03


def measure_actions(face: MeshFace, rest: FacialActions | None = None) -> FacialActions:
    """Return every facial action of a face.

    Args:
        face: With a mesh that shows a face.
        rest: The infant's own actions when calm, whose raw measures then are 0 on the scale; None for the default.

    Raises:
        EngineError: The mesh's points cannot be measured: there is no distance between the eyes, or it is no face.
    """
    if not face.is_face:
        raise EngineError(f"the crop shows no face (presence {face.presence:.2f}), so no action can be measured")
    measures = geometric_measures(face.points)
    if not all(math.isfinite(value) for value in measures.values()):
        raise EngineError("the mesh's eyes fall together, so no action can be measured")
    unit_px = interocular_px(face.points)
    raw_errors = {name: _raw_error(name, value, unit_px) for name, value in measures.items()}
    measures["nasolabial_depth"] = _nasolabial_depth(face, unit_px)
    raw_errors["nasolabial_depth"] = _TEXTURE_ERROR
    return {name: _scaled(name, measures[name], raw_errors[name], rest) for name in ACTIONS}


def _scaled(name: ActionName, raw: float, raw_error: float, rest: FacialActions | None) -> ActionValue:
    low = REST[name] if rest is None else rest[name].raw
    # The span stays that of the default scale: an infant at rest says where 0 is, not how far its face can go.
    span = STRONGEST[name] - REST[name]
    return ActionValue(raw, min(max((raw - low) / span, 0.0), 1.0), min(raw_error / span, 1.0))


def _raw_error(name: ActionName, raw: float, unit_px: float) -> float:
    """Return the standard error of a ratio of lengths: of its numerator, and of the distance that it is divided by."""
    relative = POINT_ERROR_PX / unit_px
    if name in {"left_eye_closure", "right_eye_closure"}:
        relative /= _EYE_WIDTH
    return relative * math.sqrt(_VARIANCE[name] + raw * raw)


def _nasolabial_depth(face: MeshFace, unit_px: float) -> float:
    """Return the darkest valley across the line from the nose's wing to the mouth's corner, as a share of its light.

    Two patches, each turned along its line; the mean of each patch along the line is a profile across the furrow.
    """
    grey = np.asarray(cv2.cvtColor(face.crop, cv2.COLOR_RGB2GRAY), dtype=np.float32)
    depths = []
    for wing, corner in _FURROW_ENDS:
        start, end = face.points[wing, :2], face.points[corner, :2]
        along = end - start
        length = max(float(np.hypot(along[0], along[1])), 1e-6)
        across = np.array([-along[1], along[0]]) / length * (_PATCH_SHARE * unit_px)
        steps, offsets = np.linspace(0.2, 0.8, 12), np.linspace(-1.0, 1.0, 25)
        grid = start + steps[:, None, None] * along + offsets[None, :, None] * across
        patch = cv2.remap(
            grey,
            grid[..., 0].astype(np.float32),
            grid[..., 1].astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        profile = patch.mean(axis=0)
        light = max(float(np.percentile(profile, 80)), 1.0)
        depths.append((light - float(profile.min())) / light)
    return float(np.mean(depths))
