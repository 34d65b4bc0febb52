"""Training pictures: views of synthetic infants, each once bare and once with devices, and the faces in them.

A view is cut as the monitor's detector sees a picture: turned, scaled and framed by the same `Viewport`. Everything
depends on the seed and the number of the picture alone.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from monitor.faces.geometry import Face, turn_between_deg
from monitor.faces.viewport import ImageRegion, Viewport
from monitor.synthetic.expression import State, sample_expression
from monitor.synthetic.identity import infant
from monitor.synthetic.layout import lay_out
from monitor.synthetic.picture import paste
from monitor.synthetic.sprite import Sprite
from trainer.crops.augmentation import AugmentationSettings, augment
from trainer.detector_fitting.devices import draw_devices, draw_goggles
from trainer.synthetic import SessionView, Still, render_still
from trainer.synthetic.plan import session_still
from trainer.training.determinism import generator

__all__ = ["Scene", "View", "draw_views"]

# Far from the seeds of the demo's infants (50,000), the golden ones (700,000) and every default of `synthesize`.
_FIRST_INFANT = 300_000
_WIDTH_PX, _HEIGHT_PX = 480, 360
_FACE_PX = (60.0, 150.0)
_STATES = (State.REST, State.REST, State.PAIN, State.CRY, State.YAWN)
_HAND_SHARE, _CARER_SHARE, _GOGGLES_SHARE, _WHOLE_SHARE, _TURNED_SHARE = 0.08, 0.2, 0.12, 0.2, 0.15
_FACE_IN_VIEW_PX = (28.0, 190.0)
_ROLL_DEG = 14.0
# The monitor's passes lie 45 degrees apart: a face that is turned by more is another pass's.
_LARGEST_ROLL_DEG = 30.0
_LEAST_VISIBLE = 0.75
_SMALLEST_FACE_PX = 14.0
_COARSEST, _FINEST = 14.0, 96.0
_CAMERA = AugmentationSettings(
    brightness=0.15,
    contrast=0.3,
    gamma=0.6,
    colour=0.15,
    light_probability=0.8,
    grey_probability=0.2,
    shade_probability=0.3,
    blur_probability=0.25,
    far_probability=0.2,
    jpeg_probability=0.3,
    noise=6.0,
)


@dataclass(frozen=True, slots=True)
class Scene:
    """One training picture.

    Attributes:
        image: Shape (S, S, 3), uint8, RGB.
        boxes: Shape (F, 4), float32: x0, y0, x1, y1 in pixels.
        points: Shape (F, 5, 2), float32, in pixels.
        is_certain: Shape (F,), bool: whether the face must be found. A face that is turned, small or covered by a hand
            may be found or not; one under goggles is not listed, so that it is background.
        is_patient: Shape (F,), bool: whether the face is the infant's, not a visiting carer's.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    points: NDArray[np.float32]
    is_certain: NDArray[np.bool_]
    is_patient: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class View:
    """The same view of the same infant twice.

    Attributes:
        bare: As the synthetic bed shows the infant.
        covered: With devices, or under goggles.
        has_goggles: Whether goggles cover the eyes in `covered`.
    """

    bare: Scene
    covered: Scene
    has_goggles: bool


@dataclass(frozen=True, slots=True)
class _Shown:
    """A face in a picture of the bed; `is_seen` says that nothing but devices covers it."""

    face: Face
    is_seen: bool
    is_patient: bool


@dataclass(frozen=True, slots=True)
class _Sight:
    """One infant, drawn bare and covered, with the faces in both pictures."""

    bare: NDArray[np.uint8]
    covered: NDArray[np.uint8]
    patient: Face
    carer: Face | None
    visible_share: float
    has_goggles: bool


def draw_views(seed: int, number: int, count: int, size_px: int) -> list[View]:
    """Return views of one infant; the same arguments give the same pictures.

    Args:
        seed: Of the whole training; another seed has the same infants in other states, beds and views.
        number: Of the infant, from 0. It alone decides who the infant is: infants that must not be learnt from need
            numbers of their own.
        count: How many views.
        size_px: Side of the square.
    """
    sight = _draw(seed, number)
    return [_view(sight, generator(seed, number, 2, index), size_px) for index in range(count)]


def _draw(seed: int, number: int) -> _Sight:
    rng = generator(seed, number, 1)
    state = _STATES[int(rng.integers(len(_STATES)))]
    expression = sample_expression(state, rng)
    session = SessionView(_WIDTH_PX, _HEIGHT_PX, _FACE_PX, "any", seed)
    still = session_still(session, _FIRST_INFANT + number, 0, f"S{number}", state, expression)
    still = replace(still, has_hand=bool(rng.random() < _HAND_SHARE), has_carer=bool(rng.random() < _CARER_SHARE))
    rendered = render_still(still)
    patient = rendered.truth.face
    if patient is None:
        raise AssertionError("a synthetic still always has an infant")
    has_goggles = bool(rng.random() < _GOGGLES_SHARE)
    covered = rendered.image.copy()
    paste(covered, _devices(still, rng, has_goggles=has_goggles), still.setting.placement)
    return _Sight(rendered.image, covered, patient, rendered.truth.carer, rendered.truth.visible_share, has_goggles)


def _devices(still: Still, rng: np.random.Generator, *, has_goggles: bool) -> Sprite:
    layout = lay_out(infant(still.infant), still.expression, still.setting.turn)
    resolution = float(np.clip(round(still.setting.placement.iod_px), _COARSEST, _FINEST))
    return (draw_goggles if has_goggles else draw_devices)(layout, resolution, rng)


def _view(sight: _Sight, rng: np.random.Generator, size_px: int) -> View:
    box = sight.patient.box
    is_turned = rng.random() < _TURNED_SHARE
    roll = float(rng.uniform(-180.0, 180.0) if is_turned else rng.normal(0.0, _ROLL_DEG))
    turn = box.orientation_deg + roll
    if rng.random() < _WHOLE_SHARE:
        viewport = Viewport.of_area(ImageRegion.of_picture(sight.bare), turn, size_px)
    else:
        low, high = np.log(_FACE_IN_VIEW_PX)
        face_px = float(np.exp(rng.uniform(low, high)))
        reach = max(0.0, 0.7 * (size_px - 1.2 * face_px) / 2)
        across, down = rng.uniform(-reach, reach, 2)
        viewport = Viewport.around(box, turn, size_px, face_px, (float(across), float(down)))
    camera = int(rng.integers(2**32))

    def scene(image: NDArray[np.uint8], faces: list[_Shown]) -> Scene:
        # The same chance for both pictures: they differ in the devices alone.
        picture = augment(viewport.render(image), size_px, _CAMERA, generator(camera))
        return _scene(picture, faces, viewport)

    others = [] if sight.carer is None else [_Shown(sight.carer, is_seen=True, is_patient=False)]
    patient = [_Shown(sight.patient, is_seen=sight.visible_share >= _LEAST_VISIBLE, is_patient=True)]
    covered = scene(sight.covered, others if sight.has_goggles else patient + others)
    return View(scene(sight.bare, patient + others), covered, sight.has_goggles)


def _scene(image: NDArray[np.uint8], faces: list[_Shown], viewport: Viewport) -> Scene:
    size, matrix = viewport.size_px, viewport.matrix()
    boxes, points, certain, patients = [], [], [], []
    for shown in faces:
        face, box = shown.face, shown.face.box
        middle = matrix[:, :2] @ (box.center_x_px, box.center_y_px) + matrix[:, 2]
        half = np.array([box.width_px, box.height_px]) * viewport.scale / 2
        landmarks = face.landmarks @ matrix[:, :2].T + matrix[:, 2]
        if (middle + half < 0).any() or (middle - half > size - 1).any():
            continue
        roll = turn_between_deg(viewport.turn_deg, box.orientation_deg)
        inside = (landmarks >= 0).all() and (landmarks <= size - 1).all()
        is_upright = roll <= _LARGEST_ROLL_DEG and 2 * half.min() >= _SMALLEST_FACE_PX
        boxes.append(np.concatenate([middle - half, middle + half]))
        points.append(landmarks)
        certain.append(bool(shown.is_seen and inside and is_upright))
        patients.append(shown.is_patient)
    return Scene(
        image,
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(points, np.float32).reshape(-1, 5, 2),
        np.array(certain, np.bool_),
        np.array(patients, np.bool_),
    )
