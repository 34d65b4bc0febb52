"""What a replay writes: one JSON line for each analysed frame, one for each alert."""

from typing import Any

from monitor.faces.patient_tracker import TrackedFace
from monitor.pipeline.bed_pipeline import FrameResult

__all__ = ["observation_record"]


def observation_record(result: FrameResult, bed: str) -> dict[str, Any]:
    """Return one analysed frame as a JSON object.

    Keys: `time_s` (media time), `frame` (number of the decoded picture), `bed`, `visibility`, `faces` (how many were
    seen), `face` (the patient's: `box` as [x0, y0, x1, y1] around the upright box, `upright_box` as centre, size and
    orientation, `points` as five [x, y], `score`, `orientation_deg`; null where none was seen), `pain_score`, `level`,
    `display_level`, `coverage`, `on_share`, `validity`. Lengths are pixels of the picture; shares and probabilities lie
    in [0, 1]; null means "cannot be determined", which is not "no pain".
    """
    observation, frame_faces = result.observation, result.frame_faces
    patient = frame_faces.patient if frame_faces is not None else None
    return {
        "time_s": round(result.frame.time_seconds, 4),
        "frame": result.frame.index,
        "bed": bed,
        "visibility": str(frame_faces.visibility) if frame_faces is not None else "no_score",
        "faces": len(frame_faces.faces) if frame_faces is not None else 0,
        "face": _face(patient) if patient is not None else None,
        "pain_score": _rounded(observation.score),
        "level": _rounded(observation.level),
        "display_level": _rounded(observation.display_level),
        "coverage": _rounded(observation.coverage),
        "on_share": _rounded(observation.on_share),
        "validity": str(observation.validity),
    }


def _face(tracked: TrackedFace) -> dict[str, Any]:
    face = tracked.face
    return {
        "track": tracked.track_id,
        "box": [round(value, 2) for value in face.box.bounds()],
        "upright_box": {
            "center_x": round(face.box.center_x_px, 2),
            "center_y": round(face.box.center_y_px, 2),
            "width": round(face.box.width_px, 2),
            "height": round(face.box.height_px, 2),
        },
        "points": [[round(float(x), 2), round(float(y), 2)] for x, y in face.landmarks],
        "score": _rounded(face.score),
        "orientation_deg": round(face.orientation_deg, 2),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 5)
