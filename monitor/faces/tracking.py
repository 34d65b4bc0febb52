"""The same face over time: tracks in seconds, bounded in number, and the same answer for the same input."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.faces.geometry import Face, OrientedBox

__all__ = ["Track", "Tracker"]

# A face is the same one when its centre moved by no more than this, in the larger of its two sizes: at once, for each
# second that it was not seen, and at most. Heads turn within their own width; a jump further than that is another
# person.
_NEAR = 0.6
_NEAR_PER_SECOND = 0.8
_NEAR_AT_MOST = 1.5
_SIZE_FACTOR = 2.2
# Within one frame nothing moves: two detections of one face differ by no more than this, in the smaller of the sizes,
# and faces of two persons do not come so close.
_COINCIDING = 0.3
_COINCIDING_FACTOR = 1.4
# Time between two frames counts towards a track's end up to this much: in the rest nobody searched for its face.
_LONGEST_STEP_SECONDS = 0.7
# A face that nobody searched for during so long is another face as far as anybody can say.
_LONGEST_UNATTENDED_SECONDS = 10.0
_ROUNDING_SECONDS = 1e-6


@dataclass(slots=True)
class Track:
    """One face over time.

    Attributes:
        track_id: Counts from 1; never used twice between two resets.
        face: As it was last seen, upright.
        first_seconds: When it was first seen.
        last_seconds: When it was last seen.
        frames_seen: In how many frames it was seen.
        checked_seconds: When its orientation was last verified.
        missed_seconds: Time in which it was searched for since it was last seen; time without frames hardly counts.
    """

    track_id: int
    face: Face
    first_seconds: float
    last_seconds: float
    frames_seen: int
    checked_seconds: float
    missed_seconds: float = 0.0

    def cost(self, box: OrientedBox, now_seconds: float) -> float | None:
        """Return how unlike this track a box is, from 0; None when it cannot be the same face."""
        own = self.face.box
        larger = max(own.size_px, box.size_px)
        near = min(_NEAR + _NEAR_PER_SECOND * (now_seconds - self.last_seconds), _NEAR_AT_MOST)
        distance = own.distance_px(box) / larger
        growth = abs(math.log(box.size_px / own.size_px))
        if distance > near or growth > math.log(_SIZE_FACTOR):
            return None
        return distance + growth

    def coincides(self, box: OrientedBox) -> bool:
        """Return whether a box lies so close to this track that both can only show the same face, if of one frame."""
        own = self.face.box
        smaller, larger = sorted((own.size_px, box.size_px))
        return own.distance_px(box) <= _COINCIDING * smaller and larger <= _COINCIDING_FACTOR * smaller


class Tracker:
    """Maintains the tracks.

    Args:
        lost_seconds: A track that was searched for in vain for so long ends.
        maximum_tracks: How many there may be at once.
    """

    def __init__(self, lost_seconds: float, maximum_tracks: int) -> None:
        self._lost_seconds = lost_seconds
        self._maximum_tracks = maximum_tracks
        self._tracks: dict[int, Track] = {}
        self._next_id = 1
        self._frame_seconds: float | None = None

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The living tracks, oldest first."""
        return tuple(self._tracks.values())

    def get(self, track_id: int | None) -> Track | None:
        """Return a living track, or None."""
        return None if track_id is None else self._tracks.get(track_id)

    def begin_frame(self, now_seconds: float) -> None:
        """Let time pass until the next frame, and end the tracks that were searched for in vain for too long.

        An overloaded machine analyses a bed less often. That must not end its tracks: each would have to be found and
        verified again, which costs several times as much as following it, and would keep the machine overloaded.
        """
        gap = 0.0 if self._frame_seconds is None else now_seconds - self._frame_seconds
        self._frame_seconds = now_seconds
        for track in self.tracks:
            track.missed_seconds += min(gap, _LONGEST_STEP_SECONDS)
            if track.missed_seconds > self._lost_seconds + _ROUNDING_SECONDS or gap > _LONGEST_UNATTENDED_SECONDS:
                del self._tracks[track.track_id]

    def match(
        self, boxes: Sequence[OrientedBox], among: Iterable[Track], now_seconds: float
    ) -> tuple[list[tuple[Track, int]], list[int]]:
        """Pair tracks with boxes, the most alike first.

        Args:
            boxes: What was found.
            among: The tracks that may be paired.
            now_seconds: Time of the picture.

        Returns:
            The pairs of track and index into `boxes`, and the indices that no track claims.
        """
        options = []
        for track in among:
            for index, box in enumerate(boxes):
                cost = track.cost(box, now_seconds)
                if cost is not None:
                    options.append((cost, track.track_id, index, track))
        options.sort(key=lambda option: option[:3])
        pairs: list[tuple[Track, int]] = []
        taken_tracks: set[int] = set()
        taken_boxes: set[int] = set()
        for _, track_id, index, track in options:
            if track_id not in taken_tracks and index not in taken_boxes:
                taken_tracks.add(track_id)
                taken_boxes.add(index)
                pairs.append((track, index))
        return pairs, [index for index in range(len(boxes)) if index not in taken_boxes]

    def update(self, track: Track, face: Face, now_seconds: float) -> None:
        """Record that a track's face was seen; a second time within one frame only replaces the first."""
        if now_seconds > track.last_seconds:
            track.frames_seen += 1
        track.face, track.last_seconds, track.missed_seconds = face, now_seconds, 0.0

    def start(self, face: Face, now_seconds: float) -> Track | None:
        """Begin a track, or return None when there are too many and all were seen just now."""
        if len(self._tracks) >= self._maximum_tracks:
            stalest = min(self._tracks.values(), key=lambda track: (track.last_seconds, -track.track_id))
            if stalest.last_seconds >= now_seconds:
                return None
            del self._tracks[stalest.track_id]
        track = Track(self._next_id, face, now_seconds, now_seconds, 1, now_seconds)
        self._next_id += 1
        self._tracks[track.track_id] = track
        return track
