"""Synthetic faces that a small engine of the tests finds exactly, and the real detector where it is installed."""

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.errors import BundleError
from monitor.faces.detector import FaceDetector
from monitor.faces.geometry import OrientedBox
from monitor.inference.bundle import read_bundle
from monitor.inference.engine import TensorSpec
from monitor.inference.engine_factory import open_engine
from monitor.video.frame import Frame

# Eyes, nose tip and mouth corners in shares of the box's width and height, from its centre.
POINTS = np.array([[-0.22, -0.15], [0.22, -0.15], [0.0, 0.07], [-0.17, 0.27], [0.17, 0.27]])
BLUE = 200


def points_of(box: OrientedBox) -> NDArray[np.float64]:
    """Return where a synthetic face has its five points, shape (5, 2)."""
    corners = box.corners()
    across, down = corners[1] - corners[0], corners[3] - corners[0]
    return np.array([box.center_x_px, box.center_y_px]) + POINTS @ np.stack([across, down])


@dataclass(frozen=True)
class Drawing:
    """A face to draw: colours distinguish faces (0 to 3) and features."""

    box: OrientedBox
    face_id: int = 0


def draw(width: int, height: int, *drawings: Drawing) -> NDArray[np.uint8]:
    """Return a picture with marked faces on black."""
    image = np.zeros((height, width, 3), np.uint8)
    for drawing in drawings:
        radius = 0.09 * drawing.box.width_px
        for index, (x, y) in enumerate(points_of(drawing.box)):
            colour = (40 + 40 * index, 40 + 60 * drawing.face_id, BLUE)
            cv2.circle(image, (round(x * 16), round(y * 16)), round(radius * 16), colour, -1, cv2.LINE_8, 4)
    return image


class MarkerEngine:
    """Finds synthetic faces by their colours, with the weaknesses of a real detector on request.

    Args:
        size_px: Side of its input.
        lies_upside_down: Whether a face that is rolled by more than 135 degrees gets the points of an upright one, as
            RetinaFace does with large faces.
        blind_beyond_deg: Roll beyond which a face is not found.
        confused_within_deg: Roll below which a face gets its nose above its eyes, as RetinaFace does with some faces
            under tape in just the turn that shows them upright.
        stuck: Whether every face gets the points of an upright one, however it is rolled.
    """

    name = "markers"

    def __init__(
        self,
        size_px: int = 320,
        *,
        lies_upside_down: bool = False,
        blind_beyond_deg: float = 180.0,
        confused_within_deg: float = 0.0,
        stuck: bool = False,
    ) -> None:
        self.inputs = (TensorSpec("images", (None, size_px, size_px, 3), np.dtype(np.uint8)),)
        self.outputs = tuple(TensorSpec(n, (None,), np.dtype(np.float32)) for n in ("boxes", "scores", "landmarks"))
        self.runs = 0
        self.score = 0.99
        self.fails = False
        self._lies_upside_down = lies_upside_down
        self._blind_beyond_deg = blind_beyond_deg
        self._confused_within_deg = confused_within_deg
        self._stuck = stuck

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        self.runs += 1
        found = [answer for face_id in range(4) if (answer := self._find(inputs["images"][0], face_id)) is not None]
        # Each face twice, as overlapping anchors answer.
        found = [answer for answer in found for _ in range(2)]
        scores = np.full((1, len(found)), np.nan if self.fails else self.score, np.float32)
        scores[:, 1::2] -= 0.01
        return {
            "boxes": np.array([[box for box, _ in found]], np.float32).reshape(1, -1, 4),
            "scores": scores,
            "landmarks": np.array([[points for _, points in found]], np.float32).reshape(1, -1, 5, 2),
        }

    def close(self) -> None:
        pass

    def _find(self, square: NDArray[np.uint8], face_id: int) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        rows, columns = np.nonzero(abs(square[..., 2].astype(np.int16) - BLUE) <= 4)
        red, green = (square[rows, columns, channel].astype(int) for channel in (0, 1))
        mine = abs(green - 40 - 60 * face_id) <= 4
        points = np.empty((5, 2))
        for index in range(5):
            feature = mine & (abs(red - 40 - 40 * index) <= 4)
            if feature.sum() < 3:
                return None
            points[index] = columns[feature].mean(), rows[feature].mean()
        eyes = points[1] - points[0]
        axis = points[3:].mean(axis=0) - points[:2].mean(axis=0)
        roll = math.degrees(math.atan2(eyes[1], eyes[0]))
        if abs(roll) > self._blind_beyond_deg:
            return None
        width, height = np.hypot(*eyes) / 0.44, np.hypot(*axis) / 0.42
        center = points[:2].mean(axis=0) + axis * (0.15 / 0.42)
        if self._lies_upside_down and abs(roll) > 135.0:
            points = 2 * center - points
        if abs(roll) < self._confused_within_deg:
            points[2] = points[:2].mean(axis=0) - axis
        if self._stuck:
            points = center + POINTS * np.array([width, height])
        extent = np.array([width, height]) / 2
        return np.concatenate([center - extent, center + extent]), points


@pytest.fixture(scope="session")
def marker_faces() -> ModuleType:
    """This module: what draws faces and what finds them."""
    return sys.modules[__name__]


@pytest.fixture
def markers() -> MarkerEngine:
    return MarkerEngine()


@pytest.fixture
def marker_detector(markers: MarkerEngine) -> FaceDetector:
    return FaceDetector(markers)


def frame(image: NDArray[np.uint8], time_seconds: float, index: int = 0) -> Frame:
    return Frame(image, time_seconds, None, index)


@pytest.fixture(scope="session")
def open_detector() -> Callable[[int], FaceDetector]:
    """Open the installed RetinaFace for whole pictures of one size; faces at full detail are at 320."""
    try:
        bundle = read_bundle("retinaface")
    except BundleError as error:
        pytest.skip(f"the face detector is not installed: {error}")
    opened: dict[int, FaceDetector] = {}

    def detector(size_px: int) -> FaceDetector:
        if size_px not in opened:
            opened[size_px] = FaceDetector(
                open_engine(bundle, size_px=size_px, choice="onnxruntime"),
                open_engine(bundle, size_px=320, choice="onnxruntime"),
            )
        return opened[size_px]

    return detector
