"""Detectors and pictures to try them on."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from export.known_face import draw_known_face


@pytest.fixture(scope="session")
def synthetic_pictures() -> dict[int, NDArray[np.uint8]]:
    """Per input size: pictures (N, S, S, 3) with one face each, small to large, and one without."""
    return {
        size: np.stack(
            [
                *(draw_known_face(size, size * share).image for share in (0.1, 0.2, 0.35, 0.6, 0.85)),
                np.random.default_rng(1).integers(0, 256, (size, size, 3), dtype=np.uint8),
            ]
        )
        for size in (320, 640)
    }


def letterbox(picture: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    """Scale a picture into the top left of a black square."""
    height, width = picture.shape[:2]
    scale = size_px / max(height, width)
    square = np.zeros((size_px, size_px, 3), np.uint8)
    scaled = cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    square[: scaled.shape[0], : scaled.shape[1]] = scaled
    return square


@pytest.fixture(scope="session")
def real_pictures(shared_media: Path) -> dict[int, NDArray[np.uint8]]:
    """Per input size: frames of real clips, letterboxed."""
    frames = []
    for name in ("evm_baby.mp4", "evm_face.mp4", "intel_asl_walk.mkv"):
        capture = cv2.VideoCapture(str(shared_media / name))
        for _ in range(3):
            there, frame = capture.read()
            assert there, name
            frames.append(np.ascontiguousarray(frame[:, :, ::-1]))
        capture.release()
    return {size: np.stack([letterbox(frame, size) for frame in frames]) for size in (320, 640)}
