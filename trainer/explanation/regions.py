"""Where the face and its regions lie in a crop: from synthetic masks where there are some, else from five landmarks."""

from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.faces import OrientedBox
from monitor.faces.crop import CropSpec, crop_face
from trainer.crops import Study
from trainer.errors import DataError
from trainer.networks import InputContract
from trainer.synthetic import REGIONS, head_cover, region_mask

__all__ = ["NFCS_REGIONS", "crop_regions", "landmark_regions"]

NFCS_REGIONS = ("brows", "eyes", "nose", "nasolabial", "mouth", "chin")
"""Those in which the Neonatal Facial Coding System sees actions."""

# Centre and half axes of ellipses about the line between the eyes (x to the right, y towards the mouth), in units of
# the distance between the eyes; the mouth's and the nose's are added to their landmarks. Assumed proportions, close to
# those of the synthetic infants; only pictures without synthetic masks use them.
_BY_EYES = MappingProxyType({"brows": ((0.0, -0.3), (0.75, 0.2))})


def crop_regions(study: Study, row: int, contract: InputContract) -> dict[str, NDArray[np.bool_]]:
    """Return masks of a picture's regions in its crop, each of shape (S, S).

    Synthetic stills that were written with masks (`regions/` beside the picture) have exact ones, "cue" where a cue was
    drawn, and "head", a cover of the head whose shape does not show the expression. All others have ellipses about the
    detector's landmarks; without landmarks there is the face only.

    Raises:
        DataError: A mask is there but cannot be read.
    """
    record, face = study.records[row], study.faces[row]
    if face.box is None:
        raise DataError(f"{record.image} has no face, so it has no regions")
    path = study.manifest.path(record)
    mask_path = path.parent / "regions" / f"{path.stem}.png"
    if mask_path.is_file():
        bits = cv2.imread(str(mask_path), cv2.IMREAD_GRAYSCALE)
        if bits is None or bits.shape != (record.height_px, record.width_px):
            raise DataError(f"{mask_path} is no mask of {record.image}; write the set again with --regions")
        return _cut(np.asarray(bits, np.uint8), face.box, contract)
    points = None if face.landmarks is None else _in_crop(face.landmarks, face.box, contract)
    return landmark_regions(points, contract)


def _cut(bits: NDArray[np.uint8], box: OrientedBox, contract: InputContract) -> dict[str, NDArray[np.bool_]]:
    """Cut masks as pictures are cut, three at a time as channels."""
    spec = CropSpec(contract.size_px, contract.margin)
    full_masks = {name: region_mask(bits, name) for name in REGIONS}
    if (cover := head_cover(bits)) is not None:
        full_masks["head"] = cover
    names = list(full_masks)
    masks: dict[str, NDArray[np.bool_]] = {}
    for start in range(0, len(names), 3):
        group = [names[min(start + step, len(names) - 1)] for step in range(3)]
        layers = np.stack([full_masks[name] for name in group], axis=-1).astype(np.uint8) * np.uint8(255)
        cut = crop_face(layers, box, spec)
        masks |= {name: cut[..., channel] > 127 for channel, name in enumerate(group)}
    return {name: mask for name, mask in masks.items() if mask.any()}


def _in_crop(points: NDArray[np.float64], box: OrientedBox, contract: InputContract) -> NDArray[np.float64]:
    """Return where points of the picture lie in the crop, shape (k, 2)."""
    corners = box.corners()
    across, down = corners[1] - corners[0], corners[3] - corners[0]
    offset = points - (corners[0] + corners[2]) / 2
    share = np.stack([offset @ across / (across @ across), offset @ down / (down @ down)], axis=1)
    point: NDArray[np.float64] = (share / (1.0 + 2.0 * contract.margin) + 0.5) * contract.size_px - 0.5
    return point


def landmark_regions(points: NDArray[np.float64] | None, contract: InputContract) -> dict[str, NDArray[np.bool_]]:
    """Return approximate regions from the five landmarks in the crop.

    Args:
        points: Shape (5, 2), x and y in the crop: eyes, nose, corners of the mouth, the picture's left side first. None
            gives the face only, an ellipse that touches the face box's sides.
        contract: Size and margin of the crop.
    """
    size = contract.size_px
    middle, half = (size - 1) / 2, size / 2 / (1.0 + 2.0 * contract.margin)
    masks = {"face": _ellipse(size, (middle, middle), (half, half), 0.0)}
    if points is None:
        return masks
    left, right, nose, mouth_left, mouth_right = points
    unit = float(np.hypot(*(right - left))) or 1.0
    angle = float(np.degrees(np.arctan2(*(right - left)[::-1])))
    across = (right - left) / unit
    down = np.array([-across[1], across[0]])
    mouth = (mouth_left + mouth_right) / 2

    def about(point: NDArray[np.float64], shift: tuple[float, float], axes: tuple[float, float]) -> NDArray[np.bool_]:
        center = point + unit * (shift[0] * across + shift[1] * down)
        return _ellipse(size, (float(center[0]), float(center[1])), (unit * axes[0], unit * axes[1]), angle)

    width = float(np.hypot(*(mouth_right - mouth_left))) / unit
    shift, axes = _BY_EYES["brows"]
    masks["brows"] = about((left + right) / 2, shift, axes)
    masks["eyes"] = about(left, (0.0, 0.0), (0.3, 0.19)) | about(right, (0.0, 0.0), (0.3, 0.19))
    masks["nose"] = about(nose, (0.0, -0.08), (0.25, 0.22))
    folds = [
        about((nose + corner) / 2, (side * 0.12, 0.0), (0.12, 0.28))
        for corner, side in ((mouth_left, -1.0), (mouth_right, 1.0))
    ]
    masks["nasolabial"] = folds[0] | folds[1]
    masks["mouth"] = about(mouth, (0.0, 0.05), (0.6 * width, 0.25))
    masks["chin"] = about(mouth, (0.0, 0.45), (0.3, 0.17))
    return masks


def _ellipse(
    size: int, center: tuple[float, float], half_axes: tuple[float, float], angle_deg: float
) -> NDArray[np.bool_]:
    rows, columns = np.indices((size, size))
    turn = np.radians(angle_deg)
    x, y = columns - center[0], rows - center[1]
    along, beside = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    inside: NDArray[np.bool_] = (along / half_axes[0]) ** 2 + (beside / half_axes[1]) ** 2 <= 1.0
    return inside
