"""The face mesh: 468 points of one face, and whether there is a face at all.

The crop is a square around the detection's box, upright by the orientation that RetinaFace's five points gave it. The
points' order is MediaPipe's face mesh topology (https://github.com/google-ai-edge/mediapipe, canonical_face_model).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.errors import EngineError
from monitor.faces.crop import CropSpec, crop_face
from monitor.faces.geometry import OrientedBox
from monitor.inference.bundle import Bundle
from monitor.inference.engine import Engine

__all__ = ["FaceMesh", "MeshFace", "mesh_box"]

_INPUT = "crops"


@dataclass(frozen=True, slots=True)
class MeshFace:
    """The mesh of one crop.

    Attributes:
        points: Shape (P, 3): x, y and depth in pixels of the crop, upright; x to the right, y down.
        presence: Probability in [0, 1] that the crop shows a face.
        crop: The crop that they lie in, shape (S, S, 3), uint8, RGB.
        is_face: Whether the presence reaches what the bundle wants.
    """

    points: NDArray[np.float64]
    presence: float
    crop: NDArray[np.uint8]
    is_face: bool


def mesh_box(box: OrientedBox, scale: float) -> OrientedBox:
    """Return the square whose content the mesh sees: `scale` longer sides of the box, same centre, same turn."""
    side_px = scale * max(box.width_px, box.height_px)
    return OrientedBox(box.center_x_px, box.center_y_px, side_px, side_px, box.orientation_deg)


class FaceMesh:
    """Finds the mesh of faces. Belongs to one thread, as its engine does.

    Args:
        bundle: A mesh's bundle.
        engine: What runs its model; closed with the mesh.

    Raises:
        BundleError: The bundle is no mesh.
        EngineError: The engine's model has not the input and the outputs of a mesh.
    """

    def __init__(self, bundle: Bundle, engine: Engine) -> None:
        contract = bundle.mesh
        inputs = {spec.name: spec for spec in engine.inputs}
        outputs = {spec.name for spec in engine.outputs}
        side_px = inputs[_INPUT].shape[1] if set(inputs) == {_INPUT} else None
        if side_px is None or not outputs >= {"points", "presence"}:
            raise EngineError(
                f"the model of bundle {bundle.name} takes {sorted(inputs)} and gives {sorted(outputs)}; a face mesh "
                f"takes {_INPUT!r} of one size and gives 'points' and 'presence'; build it again with "
                "`nicu-export mesh`"
            )
        self._engine = engine
        self._spec = CropSpec(side_px)
        self._contract = contract

    def find(self, image: NDArray[np.uint8], box: OrientedBox) -> MeshFace:
        """Return the mesh of one face of a picture.

        Args:
            image: Shape (height, width, 3), uint8, RGB.
            box: Where the face is.

        Raises:
            EngineError: The engine failed, or answered with another shape or with numbers that are not finite.
        """
        crop = crop_face(image, mesh_box(box, self._contract.crop_scale), self._spec)
        answer = self._engine.run({_INPUT: crop[None]})
        points = np.asarray(answer["points"], dtype=np.float64)
        presence = np.asarray(answer["presence"], dtype=np.float64)
        if points.shape != (1, self._contract.points, 3) or presence.shape != (1,):
            raise EngineError(
                f"the face mesh answered with shapes {points.shape} and {presence.shape}; build its bundle again with "
                "`nicu-export mesh --from mediapipe --force`"
            )
        if not (np.isfinite(points).all() and np.isfinite(presence).all()):
            raise EngineError("the face mesh answered with numbers that are not finite; run `nicu-monitor doctor`")
        probability = float(np.clip(presence[0], 0.0, 1.0))
        is_face = probability >= self._contract.suggested_minimum_presence
        return MeshFace(points[0], probability, crop, is_face)

    def close(self) -> None:
        """Close the engine; safe to call twice."""
        self._engine.close()
