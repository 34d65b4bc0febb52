"""Which of the faces is the patient's.

The patient is the track that is established in the bed's region, not the largest face: a carer who leans in is larger.
Once chosen, a track stays the patient while it lives. A second face in the region that could be the patient makes the
choice ambiguous, and so does a face that appears away from where the patient was last seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.faces.geometry import OrientedBox, turn_between_deg
from monitor.faces.tracking import Track
from monitor.faces.viewport import ImageRegion

__all__ = ["RIVAL_SIZE", "Choice", "PatientSelector"]

# Of a face's size: how far beyond the region's edge the chosen face may wander.
_EDGE_SLACK = 0.25
RIVAL_SIZE = 0.5
"""A rival is at least this large, relative to the patient: not a face on a poster at the far wall."""
# And it was seen in more than one frame: not a flicker.
_RIVAL_FRAMES = 2
# A patient that was seen for so long is remembered for so long after it was lost; a face elsewhere is doubtful then.
_ESTABLISHED_SECONDS = 5.0
_REMEMBERED_SECONDS = 30.0
# A patient who was searched for in vain for so long gives way to a face that is seen elsewhere.
_RELEASED_SECONDS = 0.5
# A returning patient: within so many of its sizes, by no more than this factor larger or smaller, and turned by less.
_RETURN_DISTANCE = 1.5
_RETURN_SIZE = 1.8
_RETURN_TURN_DEG = 75.0


@dataclass(frozen=True, slots=True)
class Choice:
    """The patient's track.

    Attributes:
        track: The patient, or the likeliest one; None when there is none in the region.
        ambiguous: Whether it may as well be another person.
    """

    track: Track | None
    ambiguous: bool


@dataclass(frozen=True, slots=True)
class _LastKnownPosition:
    track_id: int
    box: OrientedBox
    last_seconds: float


class PatientSelector:
    """Chooses one bed's patient, frame after frame."""

    def __init__(self) -> None:
        self._patient_id: int | None = None
        self._last_position: _LastKnownPosition | None = None

    @property
    def patient_id(self) -> int | None:
        """The track that was the patient in the last frame."""
        return self._patient_id

    def choose(self, tracks: Sequence[Track], region: ImageRegion, now_seconds: float) -> Choice:
        """Choose among the living tracks.

        Args:
            tracks: All living tracks, with those that were not seen just now.
            region: Where the patient's face may be.
            now_seconds: Time of the frame.
        """
        inside = [track for track in tracks if _is_inside(track, region, track.track_id == self._patient_id)]
        patient = next((track for track in inside if track.track_id == self._patient_id), None)
        if patient is not None and patient.missed_seconds > _RELEASED_SECONDS:
            # It is not where it was, and somebody is elsewhere: the same infant after a jump, or somebody else.
            seen = [track for track in inside if track.last_seconds == now_seconds]
            inside, patient = seen or inside, None if seen else patient
        if patient is None:
            patient = self._select_again(inside, now_seconds)
        self._patient_id = None if patient is None else patient.track_id
        if patient is None:
            return Choice(None, ambiguous=False)
        ambiguous = self._is_stranger(patient, now_seconds) or any(_is_rival(track, patient) for track in inside)
        is_remembered = self._last_position is not None and self._last_position.track_id == patient.track_id
        is_established = patient.last_seconds - patient.first_seconds >= _ESTABLISHED_SECONDS
        # However long another face is there beside the patient's: it is still a stranger when the patient's is lost.
        if is_remembered or (is_established and not ambiguous):
            self._last_position = _LastKnownPosition(patient.track_id, patient.face.box, patient.last_seconds)
        return Choice(patient, ambiguous)

    def _select_again(self, inside: list[Track], now_seconds: float) -> Track | None:
        """Choose again: the face at the patient's last position, else the one that has been there longest."""
        return min(
            inside,
            key=lambda track: (self._is_stranger(track, now_seconds), track.first_seconds, track.track_id),
            default=None,
        )

    def _is_stranger(self, track: Track, now_seconds: float) -> bool:
        """Return whether a face appeared away from a patient who was lost not long ago."""
        last = self._last_position
        if last is None or track.track_id == last.track_id or now_seconds - last.last_seconds > _REMEMBERED_SECONDS:
            return False
        if track.first_seconds <= last.last_seconds:
            return True  # It was there beside the patient.
        box, growth = track.face.box, track.face.box.size_px / last.box.size_px
        return not (
            box.distance_px(last.box) <= _RETURN_DISTANCE * last.box.size_px
            and 1 / _RETURN_SIZE <= growth <= _RETURN_SIZE
            and turn_between_deg(box.orientation_deg, last.box.orientation_deg) <= _RETURN_TURN_DEG
        )


def _is_inside(track: Track, region: ImageRegion, chosen: bool) -> bool:
    box = track.face.box
    return region.contains(box.center_x_px, box.center_y_px, _EDGE_SLACK * box.size_px if chosen else 0.0)


def _is_rival(track: Track, patient: Track) -> bool:
    return (
        track.track_id != patient.track_id
        and track.frames_seen >= _RIVAL_FRAMES
        and track.face.box.size_px >= RIVAL_SIZE * patient.face.box.size_px
    )
