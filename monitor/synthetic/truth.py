"""What is known about a synthetic picture."""

from dataclasses import dataclass
from typing import Any

from monitor.faces.geometry import Face
from monitor.synthetic.expression import State
from monitor.synthetic.setting import Cue

__all__ = ["GroundTruth"]


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """What one picture shows.

    Attributes:
        time_seconds: Time in the scenario; 0 for a still.
        infant: Id of the infant, or None where there is none.
        state: What the infant goes through, or None where there is none.
        episode: Number of the episode that shows in the face, from 1; None at rest.
        is_pain: Whether the face shows pain.
        intensities: The ten NFCS items, each in [0, 1]; empty where there is no infant.
        face: The infant's face, score 1, or None where there is none.
        visible_share: Share of the face that no hand covers, in [0, 1].
        carer: The carer's face, or None.
        cue: The shortcut cue in the background.
        exposure: Gain of the camera; a picture below about 0.2 is dark.
    """

    time_seconds: float
    infant: str | None
    state: State | None
    episode: int | None
    is_pain: bool
    intensities: dict[str, float]
    face: Face | None
    visible_share: float
    carer: Face | None
    cue: Cue
    exposure: float

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain JSON types, rounded to what a pixel can show."""
        return {
            "time_s": round(self.time_seconds, 4),
            "infant": self.infant,
            "state": None if self.state is None else self.state.value,
            "episode": self.episode,
            "is_pain": self.is_pain,
            "intensities": {name: round(value, 4) for name, value in self.intensities.items()},
            "face": _face_json(self.face),
            "visible_share": round(self.visible_share, 4),
            "carer": _face_json(self.carer),
            "cue": self.cue.value,
            "exposure": round(self.exposure, 4),
        }


def _face_json(face: Face | None) -> dict[str, Any] | None:
    if face is None:
        return None
    box = face.box
    return {
        "center_px": [round(box.center_x_px, 2), round(box.center_y_px, 2)],
        "size_px": [round(box.width_px, 2), round(box.height_px, 2)],
        "orientation_deg": round(box.orientation_deg, 2),
        "box_px": [round(value, 2) for value in box.bounds()],
        "points_px": [[round(float(x), 2), round(float(y), 2)] for x, y in face.landmarks],
    }
