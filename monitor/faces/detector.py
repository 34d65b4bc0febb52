"""RetinaFace over an engine: one detection pass gives the faces of a picture, in the picture's coordinates."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.errors import EngineError
from monitor.faces.geometry import Face, OrientedBox, normalise_deg
from monitor.faces.landmarks import are_plausible, roll_deg
from monitor.faces.squares import ViewSquare
from monitor.faces.viewport import Viewport
from monitor.inference.engine import Engine
from monitor.inference.lazy_rows import Cutter, LazyRows, Rows
from monitor.video.planar_picture import Picture

__all__ = ["FACE_INPUT_PX", "TRACK_INPUT_PX", "Detection", "FaceDetector"]

# Best for the surroundings of one face: it costs a quarter of 640 and shows the face as well.
FACE_INPUT_PX = 320
# For a face whose position and orientation are known well: it needs less around it, for half of the cost.
TRACK_INPUT_PX = 224

_OVERLAP_LIMIT = 0.4


@dataclass(frozen=True, slots=True)
class Detection:
    """A face as one detection pass saw it.

    Attributes:
        face: In the picture's coordinates. Its orientation is the pass's turn, corrected by the roll of the five
            points; it is only a claim until the orientation was verified. The box has the centre and the size that it
            had in the pass, which holds for small rolls.
        roll_deg: Clockwise roll of the face within the pass, in (-180, 180].
        plausible: Whether the five points can be those of one face.
    """

    face: Face
    roll_deg: float
    plausible: bool


class FaceDetector:
    """Runs detection passes on the engine or engines of one worker thread.

    Args:
        engine: A detector bundle's engine for whole pictures: input `images` uint8 (N, S, S, 3), outputs
            `boxes` (N, K, 4), `scores` (N, K) and `landmarks` (N, K, 5, 2) in pixels of the square, best first.
        face_engine: A smaller one for the surroundings of one face; the first one when absent.
        track_engine: A still smaller one for a face that is tracked; `face_engine` when absent.
        cutter: What cuts views on the engines' own device; None where the processor does.

    Attributes:
        size_px: Side of the square for whole pictures.
        face_size_px: For the surroundings of one face.
        track_size_px: For a face that is tracked.

    Raises:
        EngineError: An engine does not have these inputs and outputs.
    """

    def __init__(
        self,
        engine: Engine,
        face_engine: Engine | None = None,
        track_engine: Engine | None = None,
        cutter: Cutter | None = None,
    ) -> None:
        face_engine = face_engine or engine
        track_engine = track_engine or face_engine
        self.size_px = _input_size(engine)
        self.face_size_px = _input_size(face_engine)
        self.track_size_px = _input_size(track_engine)
        self._cutter = cutter
        self._engines = {
            self.track_size_px: track_engine,
            self.face_size_px: face_engine,
            self.size_px: engine,
        }

    def detect(self, image: Picture, view: Viewport, minimum_score: float) -> tuple[Detection, ...]:
        """Detect faces in one view of a picture.

        Args:
            image: Shape (height, width, 3), uint8, RGB.
            view: Which part; its size, which must be one of this detector's, chooses the engine.
            minimum_score: Answers below this are not faces.

        Returns:
            One detection a face, best first; overlapping answers are merged.

        Raises:
            EngineError: The engine failed, or answered with something else than finite numbers.
        """
        engine = self._engines[view.size_px]
        answer = engine.run({"images": self._rows(image, view)})
        scores = np.asarray(answer["scores"][0], dtype=np.float64)
        if not np.isfinite(scores).all():
            raise EngineError(
                f"the face detector on {engine.name} answered with scores that are not finite numbers; "
                "run `nicu-monitor doctor` and rebuild its engine"
            )
        likely = np.flatnonzero(scores >= minimum_score)
        if not len(likely):
            return ()
        boxes, points = (np.asarray(answer[name][0][likely], dtype=np.float64) for name in ("boxes", "landmarks"))
        good = _are_boxes(boxes, points)
        boxes, points, scores = boxes[good], points[good], scores[likely][good]
        return tuple(_to_picture(view, boxes[i], float(scores[i]), points[i]) for i in _suppress(boxes, scores))

    def _rows(self, image: Picture, view: Viewport) -> Rows:
        if self._cutter is None or not self._cutter.is_ready:
            return view.render(image)[np.newaxis]
        return LazyRows((ViewSquare(image, view),), view.size_px, self._cutter)


def _input_size(engine: Engine) -> int:
    names = {spec.name for spec in engine.outputs}
    shape = engine.inputs[0].shape if len(engine.inputs) == 1 else ()
    if not names >= {"boxes", "scores", "landmarks"} or len(shape) != 4 or shape[1] is None or shape[1] != shape[2]:
        raise EngineError(
            f"a face detector takes one batch of square pictures and gives boxes, scores and landmarks; this model has "
            f"inputs {[(spec.name, spec.shape) for spec in engine.inputs]} and outputs {sorted(names)}: "
            "choose a detector bundle"
        )
    return shape[1]


def _are_boxes(boxes: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which answers have finite numbers and sides of a pixel and more."""
    finite = np.isfinite(boxes).all(axis=1) & np.isfinite(points).all(axis=(1, 2))
    with np.errstate(invalid="ignore"):  # infinity less infinity
        return np.asarray(finite & (boxes[:, 2:] - boxes[:, :2] >= 1.0).all(axis=1))


def _suppress(boxes: NDArray[np.float64], scores: NDArray[np.float64]) -> list[int]:
    """Return the indices that survive non-maximum suppression, best first."""
    if len(boxes) == 0:
        return []
    sides = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    chosen = cv2.dnn.NMSBoxes(sides.tolist(), scores.tolist(), 0.0, _OVERLAP_LIMIT)
    return [int(i) for i in np.asarray(chosen).ravel()]


def _to_picture(view: Viewport, box: NDArray[np.float64], score: float, points: NDArray[np.float64]) -> Detection:
    roll = roll_deg(points)
    center = view.to_picture((box[:2] + box[2:]) / 2)
    width, height = (box[2:] - box[:2]) / view.scale
    oriented = OrientedBox(
        float(center[0]), float(center[1]), float(width), float(height), normalise_deg(view.turn_deg - roll)
    )
    return Detection(Face(oriented, view.to_picture(points), min(score, 1.0)), roll, are_plausible(points, box))
