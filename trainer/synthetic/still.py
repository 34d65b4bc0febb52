"""One still of a synthetic infant: what it shows, and drawing it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.synthetic.cot import draw_cot
from monitor.synthetic.expression import Expression, State
from monitor.synthetic.identity import infant
from monitor.synthetic.picture import add_noise, noise_tile, paste, place_face
from monitor.synthetic.portrait import Dress, Portrait
from monitor.synthetic.setting import Setting
from monitor.synthetic.truth import GroundTruth
from monitor.synthetic.visitors import CoveringHand, VisitingCarer
from trainer.synthetic.regions import region_bits

__all__ = ["RenderedStill", "Still", "render_still"]

# By then a hand has come to rest on the face, and a carer stands at the bed.
_ARRIVED_SECONDS = 9.0
_COARSEST, _FINEST = 24.0, 480.0


@dataclass(frozen=True, slots=True)
class Still:
    """Everything a still depends on.

    Attributes:
        infant: Seed of the infant.
        subject: The infant's name in the data set.
        state: What the infant goes through.
        expression: What the face does.
        setting: What is around the infant, the shortcut cue included.
        dress: What the head wears.
        noise_seed: Seeds the camera's noise.
        has_hand: Whether a carer's hand covers a part of the face.
        has_carer: Whether a carer's face is in the picture.
    """

    infant: int
    subject: str
    state: State
    expression: Expression
    setting: Setting
    dress: Dress
    noise_seed: int
    has_hand: bool = False
    has_carer: bool = False


@dataclass(frozen=True, slots=True)
class RenderedStill:
    """A synthetic still.

    Attributes:
        image: RGB, uint8, shape (H, W, 3).
        truth: What it shows.
        regions: Bits of `trainer.synthetic.regions.REGIONS`, uint8, shape (H, W).
    """

    image: NDArray[np.uint8]
    truth: GroundTruth
    regions: NDArray[np.uint8]


def render_still(still: Still) -> RenderedStill:
    """Draw a still; the same still gives the same picture, bit for bit."""
    setting = still.setting
    identity = infant(still.infant)
    placement = setting.placement
    pixels_per_iod = float(np.clip(round(placement.iod_px), _COARSEST, _FINEST))
    portrait = Portrait(identity, still.dress, pixels_per_iod)
    drawing = portrait.draw(still.expression, setting.turn, setting.light.turned(placement.orientation_deg))
    picture = draw_cot(setting, identity)
    paste(picture, drawing.sprite, placement)
    face = place_face(drawing.layout, placement)
    covered = CoveringHand(still.noise_seed, setting).draw(picture, _ARRIVED_SECONDS, face) if still.has_hand else 0.0
    carer = VisitingCarer(still.noise_seed, setting).draw(picture, _ARRIVED_SECONDS) if still.has_carer else None
    truth = GroundTruth(
        time_seconds=0.0,
        infant=still.subject,
        state=still.state,
        episode=None,
        is_pain=still.state is State.PAIN,
        intensities=still.expression.intensities(),
        face=face,
        visible_share=1.0 - covered,
        carer=carer,
        cue=setting.cue,
        exposure=setting.camera.exposure,
    )
    regions = region_bits(drawing, setting)
    return RenderedStill(_through_camera(picture, still), truth, regions)


def _through_camera(picture: NDArray[np.uint8], still: Still) -> NDArray[np.uint8]:
    """Add exposure, blur and noise."""
    camera = still.setting.camera
    picture = np.asarray(cv2.convertScaleAbs(picture, alpha=camera.exposure), np.uint8)
    if camera.blur_px > 0.3:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), camera.blur_px), np.uint8)
    tile = noise_tile(still.noise_seed, camera, still.setting.width_px, still.setting.height_px)
    return add_noise(picture, tile, (0, 0))
