"""The rule for covered faces: what is hidden is not scored.

In pain with the lower half of the face under a cloth, a classifier calls every frame calm, and is sure of it. A score
rests on the eyes with their brows and on the mouth; where either is hidden, the frame has no score, whatever the model
says. Where its mesh sees no face at all, the points that the score rests on are invented, and it has none either.
"""

import numpy as np
from numpy.typing import NDArray

from monitor.faces.band_cover import has_band
from monitor.faces.region_visibility import RegionVisibility
from monitor.inference.classifier import FaceAnswer
from monitor.pain.vocabulary import Region

__all__ = ["LEAST_PRESENCE", "VISIBLE_FROM", "hidden_in", "hidden_regions", "shows_face"]

VISIBLE_FROM = 0.5
# Real faces in full profile have 0.01 to 0.2. Below that a device lies across the face, or the box stands wrongly.
LEAST_PRESENCE = 0.01


def hidden_in(crop: NDArray[np.uint8], answer: FaceAnswer) -> tuple[Region, ...]:
    """Return the regions that a score rests on and that a crop hides, as far as its classifier says what is visible.

    A band across nose and upper lip hides the mouth's upper half and the furrows beside it: so much of the mouth that
    the rest says nothing.

    Args:
        crop: Shape (S, S, 3), uint8, RGB.
        answer: The classifier's, to this crop.
    """
    if answer.visible is None:
        return ()
    hidden = hidden_regions(RegionVisibility(*answer.visible))
    if Region.MOUTH not in hidden and answer.points is not None and has_band(crop, answer.points):
        hidden = (*hidden, Region.MOUTH)
    return hidden


def hidden_regions(seen: RegionVisibility) -> tuple[Region, ...]:
    """Return the regions that a score rests on and that are hidden.

    One visible eye is enough: closing and brow are alike on both sides, and an infant on its side shows one. The nose
    does not count, for tubes and prongs lie there for weeks. What is not known is not taken for hidden.

    Args:
        seen: How likely each region is visible.
    """
    eyes = [eye for eye in (seen.left_eye, seen.right_eye) if eye is not None]
    hidden = []
    if eyes and max(eyes) < VISIBLE_FROM:
        hidden.append(Region.EYES)
    if seen.mouth is not None and seen.mouth < VISIBLE_FROM:
        hidden.append(Region.MOUTH)
    return tuple(hidden)


def shows_face(answer: FaceAnswer) -> bool:
    """Return whether a classifier's mesh sees a face in its crop, however faintly; one without a mesh does not say."""
    return answer.presence is None or answer.presence >= LEAST_PRESENCE
