"""Facial actions as clinicians name them, from the measured ones."""

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.errors import EngineError
from monitor.faces.actions.measure import measure_actions
from monitor.faces.actions.values import FacialActions
from monitor.faces.geometry import OrientedBox
from monitor.faces.mesh import MeshFace
from monitor.pain.vocabulary import FaceAction

__all__ = ["clinical_actions", "mesh_of_crop"]


def mesh_of_crop(
    crop: NDArray[np.uint8], points: NDArray[np.float32], presence: float, minimum_presence: float, box: OrientedBox
) -> MeshFace:
    """Return the mesh of a classifier's crop, in the proportions that the face has in the picture.

    A classifier's crop stretches the box to a square; ratios of lengths hold only once that is undone.

    Args:
        crop: Shape (S, S, 3), uint8, RGB.
        points: Shape (P, 3), x, y and depth in pixels of the crop.
        presence: Probability in [0, 1] that the crop shows a face.
        minimum_presence: From which it counts as one.
        box: That the crop shows, with the same margin on all sides.
    """
    side_px = crop.shape[0]
    width_px = max(round(side_px * box.width_px / box.height_px), 1)
    scaled = np.asarray(points, np.float64) * (width_px / side_px, 1.0, 1.0)
    picture = np.asarray(cv2.resize(crop, (width_px, side_px), interpolation=cv2.INTER_AREA), np.uint8)
    return MeshFace(scaled, presence, picture, presence >= minimum_presence)


def clinical_actions(face: MeshFace, rest: FacialActions | None = None) -> dict[FaceAction, float]:
    """Return the actions of a face that scales name, each in [0, 1]; nothing where they cannot be measured.

    Closed eyes are squeezed as far as the brow is lowered or the furrow is deep: sleep closes them, too.

    Args:
        face: Of one frame.
        rest: The infant's own face when calm; None for the default scale.
    """
    try:
        actions = measure_actions(face, rest)
    except EngineError:  # no face there
        return {}
    closed = (actions["left_eye_closure"].value + actions["right_eye_closure"].value) / 2
    brow, furrow = actions["brow_lowering"].value, actions["nasolabial_depth"].value
    return {
        FaceAction.EYES_SQUEEZED: min(closed, max(brow, furrow)),
        FaceAction.BROW_LOWERED: brow,
        FaceAction.FURROW_DEEPENED: furrow,
        FaceAction.MOUTH_OPEN: actions["mouth_opening"].value,
        FaceAction.MOUTH_STRETCHED: actions["horizontal_stretch"].value,
    }
