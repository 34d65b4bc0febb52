"""A bed before a camera: any moment of a scenario as a picture with its ground truth.

A picture depends on the scenario, the seed and the time alone, whatever was rendered before. Synthetic infants test
software; they show nothing about how well anything works on real ones.
"""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.errors import VideoError
from monitor.synthetic.cot import draw_cot
from monitor.synthetic.episodes import SCENARIO_EPISODES, Episode, Episodes
from monitor.synthetic.expression import Expression, State
from monitor.synthetic.identity import infant
from monitor.synthetic.layout import Turn
from monitor.synthetic.motion import Restlessness
from monitor.synthetic.picture import add_noise, noise_tile, paste, place_face
from monitor.synthetic.portrait import Drawing, Dress, Portrait
from monitor.synthetic.setting import Placement, Setting, sample_dress, sample_setting
from monitor.synthetic.truth import GroundTruth
from monitor.synthetic.visitors import CoveringHand, VisitingCarer

__all__ = ["SCENARIOS", "BedOptions", "SyntheticBed"]

SCENARIOS: dict[str, str] = {
    "calm": "an infant at rest",
    "pain": "pain episodes of about 20 s, the first after about 8 s, with rest between them",
    "cry": "crying instead of pain, at the same times",
    "air": "air puffs: eyes squeezed for a second or two",
    "friction": "friction: a fretful face, the head turning",
    "yawn": "yawns",
    "confusers": "yawn, air puff, friction, crying and sneezing, never pain",
    "mixed": "pain and confusers in turn",
    "procedures": "heel lances: late onset, slow decay, a third without any change of the face",
    "carer": "an infant at rest; a carer leans in again and again",
    "carer-pain": "pain episodes; a carer leans in again and again",
    "occluded": "an infant at rest; a hand covers the face from 6 s on",
    "empty": "no infant in the cot",
    "dark": "an infant at rest; the light goes out at 6 s",
    "frozen": "an infant at rest; the picture stands still from 6 s on",
    "turning": "an infant at rest that turns once around in a minute",
}
_LIGHTS_OUT_SECONDS = _FREEZE_SECONDS = 6.0
_DARK_EXPOSURE = 0.05
_SMALLEST_PX = 32
_FINEST = 84.0
_TURN_DEG_PER_SECOND = 6.0
_SHOWING = 0.5
_VISIBLE_EPISODE = 0.1


@dataclass(frozen=True, slots=True)
class BedOptions:
    """What may be fixed instead of being sampled from the seed.

    Attributes:
        orientation_deg: Clockwise turn of the picture that brings the face upright, in degrees.
        face_px: Width of the face's box in pixels.
        noise: Standard deviation of the camera's noise, in grey levels.
    """

    orientation_deg: float | None = None
    face_px: float | None = None
    noise: float | None = None


class SyntheticBed:
    """One bed.

    Args:
        seed: Who lies there, in what cot, and when things happen.
        scenario: A key of `SCENARIOS`.
        width_px: Of the picture.
        height_px: Of the picture.
        fps: Rate of the camera: the picture of a time is the last one taken by then.
        options: What is not left to the seed.

    Raises:
        VideoError: There is no such scenario, or size or rate make no sense.
    """

    def __init__(
        self,
        seed: int,
        scenario: str = "calm",
        *,
        width_px: int = 1280,
        height_px: int = 720,
        fps: float = 25.0,
        options: BedOptions = BedOptions(),
    ) -> None:
        if scenario not in SCENARIOS:
            raise VideoError(f"there is no synthetic scenario {scenario!r}; choose one of {', '.join(SCENARIOS)}")
        if min(width_px, height_px) < _SMALLEST_PX:
            raise VideoError(f"a synthetic picture needs at least {_SMALLEST_PX} px a side, not {width_px}x{height_px}")
        if fps <= 0.0:
            raise VideoError(f"a synthetic camera cannot take {fps} pictures a second; the rate must be above 0")
        self._fps = fps
        self.seed = seed
        self.scenario = scenario
        self.setting = _bed_setting(seed, width_px, height_px, options)
        self._identity = infant(seed)
        dress = Dress() if scenario == "empty" else sample_dress(seed)
        iod = self.setting.placement.iod_px
        self._portrait = Portrait(self._identity, dress, float(np.clip(round(iod), 12.0, _FINEST)))
        plan = SCENARIO_EPISODES.get("pain" if scenario == "carer-pain" else scenario)
        self._episodes = None if plan is None else Episodes(plan, seed)
        self._rest = Restlessness(seed)
        cot = draw_cot(self.setting, None if scenario == "empty" else self._identity)
        self._cot = np.asarray(cv2.convertScaleAbs(cot, alpha=self.setting.camera.exposure), np.uint8)
        self._noise = noise_tile(seed, self.setting.camera, width_px, height_px)
        self._carer = VisitingCarer(seed, self.setting) if scenario.startswith("carer") else None
        self._hand = CoveringHand(seed, self.setting) if scenario == "occluded" else None

    def episodes(self, duration_seconds: float) -> tuple[Episode, ...]:
        """Return every episode that begins within a duration."""
        return () if self._episodes is None else self._episodes.until(duration_seconds)

    def frame(self, time_seconds: float) -> tuple[NDArray[np.uint8], GroundTruth]:
        """Draw one moment.

        Args:
            time_seconds: From the start of the scenario; before it, the start is rendered.

        Returns:
            The picture, RGB uint8 of shape (height_px, width_px, 3), and what it shows.
        """
        time_seconds = math.floor(max(0.0, time_seconds) * self._fps + 1e-6) / self._fps
        moment = min(time_seconds, _FREEZE_SECONDS) if self.scenario == "frozen" else time_seconds
        picture = self._cot.copy()
        truth = self._nobody(time_seconds)
        if self.scenario != "empty":
            truth = self._draw_infant(picture, moment, truth)
        if self._hand is not None and truth.face is not None:
            covered = self._hand.draw(picture, moment, truth.face)
            truth = replace(truth, visible_share=1.0 - covered)
        if self._carer is not None:
            truth = replace(truth, carer=self._carer.draw(picture, moment))
        return self._through_camera(picture, moment, truth), truth

    def _nobody(self, time_seconds: float) -> GroundTruth:
        dark = self.scenario == "dark" and time_seconds >= _LIGHTS_OUT_SECONDS
        exposure = _DARK_EXPOSURE if dark else self.setting.camera.exposure
        return GroundTruth(time_seconds, None, None, None, False, {}, None, 0.0, None, self.setting.cue, exposure)  # noqa: FBT003

    def _draw_infant(self, picture: NDArray[np.uint8], moment: float, truth: GroundTruth) -> GroundTruth:
        """Draw the head and return what it shows."""
        episode = None if self._episodes is None else self._episodes.at(moment)
        level = 0.0 if episode is None else episode.level(moment)
        expression = self._rest.expression(moment)
        if episode is not None and level > 0.0:
            expression = expression.towards(episode.peak(moment), level)
        placement = self._placement(moment, level)
        drawing = self._draw(expression, placement, moment)
        paste(picture, drawing.sprite, placement)
        state = episode.state if episode is not None and level >= _SHOWING else State.REST
        return replace(
            truth,
            infant=f"S{self.seed:03d}",
            state=state,
            episode=episode.number if episode is not None and level >= _VISIBLE_EPISODE else None,
            is_pain=state is State.PAIN,
            intensities=expression.intensities(),
            face=place_face(drawing.layout, placement),
            visible_share=1.0,
        )

    def _draw(self, expression: Expression, placement: Placement, moment: float) -> Drawing:
        """Draw the head on a coarse grid of expressions, so that equal heads are rendered once."""
        step = expression.rounded()
        step = replace(step, flush=round(step.flush * 6.0) / 6.0, head_turn=round(step.head_turn * 12.0) / 12.0)
        quiver = 0.015 * expression.chin_quiver * np.sin(2.0 * np.pi * 8.0 * moment)
        base = self.setting.placement.orientation_deg
        if self.scenario == "turning":
            base = round(placement.orientation_deg / 15.0) * 15.0
        turn = Turn(round(self.setting.turn.sideways, 3), round(self.setting.turn.downwards, 3))
        return self._portrait.draw(step, turn, self.setting.light.turned(base), round(quiver / 0.005) * 0.005)

    def _placement(self, moment: float, level: float) -> Placement:
        """Return where the swaying head lies."""
        base = self.setting.placement
        sway = self._rest.sway(moment, level)
        orientation = base.orientation_deg + sway.roll_deg
        if self.scenario == "turning":
            orientation += _TURN_DEG_PER_SECOND * moment
        return Placement(
            base.x_px + sway.x * base.iod_px,
            base.y_px + sway.y * base.iod_px,
            base.iod_px,
            -((-orientation + 180.0) % 360.0 - 180.0),
        )

    def _through_camera(self, picture: NDArray[np.uint8], moment: float, truth: GroundTruth) -> NDArray[np.uint8]:
        """Add blur, darkness and noise."""
        if self.setting.camera.blur_px > 0.4:
            picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), self.setting.camera.blur_px), np.uint8)
        if truth.exposure < 0.5:
            gain = truth.exposure / self.setting.camera.exposure
            picture = np.asarray(cv2.convertScaleAbs(picture, alpha=gain), np.uint8)
        shift = np.random.default_rng([self.seed, 51, round(moment * 1000.0)]).integers(0, 64, 2)
        return add_noise(picture, self._noise, (int(shift[0]), int(shift[1])))


def _bed_setting(seed: int, width_px: int, height_px: int, options: BedOptions) -> Setting:
    """Draw the setting of a live bed: the face large and near the middle, the camera of good quality."""
    rng = np.random.default_rng([seed, 61])
    face_px = float(rng.uniform(0.3, 0.4)) * min(width_px, height_px)
    face_px = face_px if options.face_px is None else options.face_px
    orientation = float(rng.choice([0.0, 90.0, -90.0])) + float(rng.normal(0.0, 12.0))
    orientation = orientation if options.orientation_deg is None else options.orientation_deg
    iod = face_px / infant(seed).box_width
    # Not in the middle: a carer has to find room beside the infant.
    x = 0.5 + float(rng.uniform(0.08, 0.14)) * float(rng.choice([-1.0, 1.0]))
    placement = Placement(width_px * x, height_px * float(rng.uniform(0.42, 0.52)), iod, orientation)
    setting = sample_setting(seed, width_px, height_px, placement)
    noise = float(np.clip(setting.camera.noise, 1.0, 2.5)) if options.noise is None else options.noise
    return replace(setting, camera=replace(setting.camera, noise=noise, blur_px=0.0))
