"""Golden pictures: what a model is verified on, and what the trained network answered.

They travel in the bundle (golden.npz), so that a site can verify its engines against PyTorch without having PyTorch.
Pictures are stored as lossless WebP, which any later version decodes to the same pixels.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from export.known_face import draw_known_face
from monitor.errors import BundleError
from monitor.faces.crop import CropSpec, crop_face
from monitor.pipeline.covered_face import VISIBLE_FROM
from trainer.synthetic import RenderedStill, SessionView, StillsPlan, plan_stills, render_still

__all__ = [
    "CLIP_ANSWER",
    "GOLDEN_NAME",
    "Golden",
    "classifier_pictures",
    "detector_pictures",
    "read_golden",
    "write_golden",
]

GOLDEN_NAME = "golden.npz"
CLIP_ANSWER = "clip_score"
_LOSSLESS = 101
# Width of a face of which RetinaFace is not sure at any of its sizes: it scores 0.2 to 0.5.
_HINT_PX = 24.0
# Infants that no training set has: those count from 1000.
_GOLDEN_SEED = 700_000
_CALIBRATION_SEED = 800_000


@dataclass(frozen=True, slots=True)
class Golden:
    """Pictures of one size and the reference answer to them.

    Attributes:
        pictures: Shape (N, S, S, 3), uint8, RGB.
        answers: The trained network's outputs in PyTorch at fp32, by name; `clip_score` holds a classifier's scores of
            the golden clip, which `export.verification.timeline` makes from the pictures.
    """

    pictures: NDArray[np.uint8]
    answers: dict[str, NDArray[Any]]

    @property
    def uncovered(self) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """A classifier's pictures in which nothing is hidden, as far as it says so, and its scores of them."""
        seen = self.answers.get("visible")
        rows = np.ones(len(self.pictures), np.bool_) if seen is None else (seen >= VISIBLE_FROM).all(axis=1)
        return self.pictures[rows], self.answers["score"][rows]


def detector_pictures(size_px: int, *, calibration: bool = False) -> NDArray[np.uint8]:
    """Return pictures with a face each (the known face in several sizes, synthetic infants), and one without.

    One face is so small that it is a hint alone.

    Args:
        size_px: Side of the pictures.
        calibration: Whether to return others than the golden ones: those that integer ranges are taken from.
    """
    shares = (0.15, 0.22, 0.3, 0.4, 0.7) if calibration else (0.12, 0.18, 0.35, 0.8)
    pictures = [draw_known_face(size_px, size_px * share).image for share in shares]
    stills = _stills(
        size_px, (0.15 * size_px, 0.45 * size_px), infants=20 if calibration else 3, calibration=calibration
    )
    pictures += [still.image for still in stills]
    pictures.append(_noise(size_px, seed=2 if calibration else 1))
    if not calibration:
        pictures.append(draw_known_face(size_px, _HINT_PX).image)
    return np.ascontiguousarray(np.stack(pictures))


def classifier_pictures(spec: CropSpec, *, calibration: bool = False) -> NDArray[np.uint8]:
    """Return crops of synthetic infants at rest, in pain and in states that resemble it, shape (N, S, S, 3).

    Args:
        spec: How the classifier wants its crops.
        calibration: Whether to return others than the golden ones.
    """
    stills = _stills(384, (150.0, 220.0), infants=20 if calibration else 3, calibration=calibration)
    return np.stack([crop_face(still.image, still.truth.face.box, spec) for still in stills if still.truth.face])


# The same for every model: an export of several bundles renders them once.
@lru_cache(maxsize=4)
def _stills(
    size_px: int, face_px: tuple[float, float], *, infants: int, calibration: bool
) -> tuple[RenderedStill, ...]:
    view = SessionView(size_px, size_px, face_px, "upright", seed=_CALIBRATION_SEED if calibration else _GOLDEN_SEED)
    plan = StillsPlan(view, infants=infants, per_infant=2, first_infant=view.seed)
    return tuple(render_still(planned.still) for planned in plan_stills(plan))


def write_golden(golden: Mapping[int, Golden]) -> bytes:
    """Return the content of golden.npz for the pictures of every size."""
    arrays: dict[str, NDArray[Any]] = {}
    for size_px, one in golden.items():
        sheet = one.pictures.reshape(-1, size_px, 3)
        _, encoded = cv2.imencode(".webp", sheet[:, :, ::-1], [cv2.IMWRITE_WEBP_QUALITY, _LOSSLESS])
        arrays[f"{size_px}/pictures"] = encoded.ravel()
        arrays |= {f"{size_px}/{name}": values for name, values in one.answers.items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type] # the names are data, not parameters
    return buffer.getvalue()


def read_golden(content: bytes, size_px: int) -> Golden:
    """Return the golden pictures of one size.

    Raises:
        BundleError: The file holds none of that size, or is damaged.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            held = {name.partition("/")[2]: arrays[name] for name in arrays.files if name.startswith(f"{size_px}/")}
        sheet = cv2.imdecode(held.pop("pictures"), cv2.IMREAD_COLOR)
    except (KeyError, OSError, ValueError, cv2.error) as error:
        raise BundleError(f"{GOLDEN_NAME} holds no golden pictures of {size_px} px; export the bundle again") from error
    if sheet is None:
        raise BundleError(f"the pictures in {GOLDEN_NAME} cannot be decoded; export the bundle again")
    return Golden(np.ascontiguousarray(sheet[:, :, ::-1].reshape(-1, size_px, size_px, 3), dtype=np.uint8), held)


def _noise(size_px: int, seed: int) -> NDArray[np.uint8]:
    cells = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    noise = cv2.resize(cells, (size_px, size_px), interpolation=cv2.INTER_CUBIC)
    return np.asarray(noise, dtype=np.uint8)
