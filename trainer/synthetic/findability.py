"""How many synthetic faces the monitor's own detector finds, and how well: do the drawings look like faces?"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from monitor.faces import Face, FaceDetector, detect_faces
from trainer.synthetic.plan import PlannedStill
from trainer.synthetic.still import render_still

__all__ = ["Findability", "Miss", "matches", "measure_findability", "point_error_iod"]

_CENTER_TOLERANCE = 0.25
_POINT_TOLERANCE_IOD = 0.3
_ORIENTATION_TOLERANCE_DEG = 30.0


@dataclass(frozen=True, slots=True)
class Miss:
    """A face that was not found.

    Attributes:
        name: The still.
        orientation_deg: How the face lies.
        face_px: Width of its box.
        reason: What was wrong.
    """

    name: str
    orientation_deg: float
    face_px: float
    reason: str


@dataclass(frozen=True, slots=True)
class Findability:
    """What was measured.

    Attributes:
        faces: How many faces were rendered.
        misses: Those that were not found.
        point_errors_iod: Mean distance of the five points from the synthetic ones, in inter-ocular distances, of each
            face that was found.
    """

    faces: int
    misses: tuple[Miss, ...]
    point_errors_iod: tuple[float, ...]

    @property
    def share(self) -> float:
        """Share of the faces that were found, in [0, 1]."""
        return 1.0 - len(self.misses) / self.faces if self.faces else float("nan")


def matches(found: Face, truth: Face) -> str:
    """Return why a found face is not the synthetic one, or "" if it is.

    Centre within a quarter of the box, orientation within 30 degrees, the five points within 0.3 inter-ocular
    distances on average.
    """
    box, expected = found.box, truth.box
    apart = np.hypot(box.center_x_px - expected.center_x_px, box.center_y_px - expected.center_y_px)
    if apart > _CENTER_TOLERANCE * expected.width_px:
        return f"its centre is {apart:.0f} px away"
    turn = abs((box.orientation_deg - expected.orientation_deg + 180.0) % 360.0 - 180.0)
    if turn > _ORIENTATION_TOLERANCE_DEG:
        return f"its orientation is {turn:.0f} degrees away"
    error = point_error_iod(found, truth)
    return f"its points are {error:.2f} inter-ocular distances away" if error > _POINT_TOLERANCE_IOD else ""


def point_error_iod(found: Face, truth: Face) -> float:
    """Return the mean distance of the five points, in inter-ocular distances of the synthetic face."""
    iod = float(np.linalg.norm(truth.landmarks[1] - truth.landmarks[0]))
    return float(np.linalg.norm(found.landmarks - truth.landmarks, axis=1).mean()) / iod


def measure_findability(
    planned: Iterable[PlannedStill], detector: FaceDetector, progress: Callable[[int], None] = lambda _: None
) -> Findability:
    """Draw stills and look for their faces with the monitor's orientation search.

    Args:
        planned: The stills.
        detector: The calling thread's detector.
        progress: Called with how many stills are done.

    Raises:
        EngineError: The detector failed.
    """
    misses, errors, count = [], [], 0
    for item in planned:
        rendered = render_still(item.still)
        truth = rendered.truth.face
        if truth is None:
            continue
        count += 1
        found = detect_faces(rendered.image, detector)
        reasons = [(matches(face, truth), face) for face in found]
        good = next((face for reason, face in reasons if not reason), None)
        if good is None:
            reason = reasons[0][0] if reasons else "nothing was found"
            misses.append(Miss(item.name, truth.box.orientation_deg, truth.box.width_px, reason))
        else:
            errors.append(point_error_iod(good, truth))
        progress(count)
    return Findability(count, tuple(misses), tuple(errors))
