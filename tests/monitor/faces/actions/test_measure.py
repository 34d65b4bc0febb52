"""Facial actions on their scale from 0 to 1."""

from dataclasses import replace

import numpy as np
import pytest

from monitor.errors import BundleError, EngineError
from monitor.faces.actions import ACTIONS, ActionName, ActionValue, Baseline, FacialActions, measure_actions
from monitor.faces.actions.measure import REST, STRONGEST
from monitor.faces.mesh import FaceMesh, MeshFace
from monitor.inference.bundle import read_bundle
from monitor.inference.engine_factory import open_engine
from monitor.synthetic.expression import Expression, State
from trainer.synthetic import RenderedStill, SessionView, render_still
from trainer.synthetic.plan import session_still

_INFANTS = (910_001, 910_002, 910_003, 910_004)


@pytest.fixture(scope="module")
def mesh() -> FaceMesh:
    try:
        bundle = read_bundle("face-mesh", kind="mesh")
    except BundleError as error:
        pytest.skip(f"the face mesh is not installed: {error}")
    return FaceMesh(bundle, open_engine(bundle, choice="onnxruntime"))


def _still(infant: int, expression: Expression) -> RenderedStill:
    view = SessionView(448, 448, (180.0, 200.0), "upright", seed=infant)
    return render_still(session_still(view, infant, 0, "S", State.REST, expression))


def _seen(mesh: FaceMesh, infant: int, expression: Expression) -> MeshFace:
    still = _still(infant, expression)
    assert still.truth.face is not None
    return mesh.find(still.image, still.truth.face.box)


def _actions(mesh: FaceMesh, infant: int, expression: Expression, rest: FacialActions | None = None) -> FacialActions:
    return measure_actions(_seen(mesh, infant, expression), rest)


def _constant(raw_shift: float = 0.0) -> FacialActions:
    return {name: ActionValue(REST[name] + raw_shift, 0.0, 0.1) for name in ACTIONS}


@pytest.mark.parametrize(
    ("name", "expression"),
    [
        ("mouth_opening", Expression(open_lips=1.0, vertical_stretch=0.9)),
        ("left_eye_closure", Expression(eye_squeeze=1.0)),
        ("right_eye_closure", Expression(eye_squeeze=1.0)),
        ("brow_lowering", Expression(brow_bulge=1.0)),
    ],
)
def test_a_movement_raises_its_own_action(mesh: FaceMesh, name: ActionName, expression: Expression) -> None:
    grown = [
        _actions(mesh, infant, expression)[name].raw - _actions(mesh, infant, Expression())[name].raw
        for infant in _INFANTS
    ]
    assert np.median(grown) > 0


def test_every_action_lies_on_the_scale_and_has_an_error(mesh: FaceMesh) -> None:
    actions = _actions(mesh, _INFANTS[0], Expression(brow_bulge=1.0, eye_squeeze=1.0, open_lips=1.0))
    assert tuple(actions) == ACTIONS
    for value in actions.values():
        assert 0.0 <= value.value <= 1.0
        assert 0.0 < value.standard_error <= 1.0


def test_the_infants_own_calm_face_is_zero(mesh: FaceMesh) -> None:
    calm = _actions(mesh, _INFANTS[0], Expression())
    again = _actions(mesh, _INFANTS[0], Expression(), rest=calm)
    assert all(value.value == 0.0 for value in again.values())


def test_a_crop_without_a_face_has_no_actions(mesh: FaceMesh) -> None:
    seen = _seen(mesh, _INFANTS[0], Expression())
    with pytest.raises(EngineError, match="shows no face"):
        measure_actions(replace(seen, is_face=False))


def test_a_mesh_without_a_distance_between_the_eyes_has_no_actions(mesh: FaceMesh) -> None:
    seen = _seen(mesh, _INFANTS[0], Expression())
    with pytest.raises(EngineError, match="eyes fall together"):
        measure_actions(replace(seen, points=np.zeros_like(seen.points)))


def test_noise_is_no_face(mesh: FaceMesh) -> None:
    still = _still(_INFANTS[0], Expression())
    assert still.truth.face is not None
    noise = np.random.default_rng(1).integers(0, 256, still.image.shape, dtype=np.uint8)
    assert mesh.find(still.image, still.truth.face.box).is_face
    assert not mesh.find(noise, still.truth.face.box).is_face


def test_the_scale_rises() -> None:
    assert tuple(REST) == ACTIONS
    assert all(STRONGEST[name] > REST[name] for name in ACTIONS)


def test_a_baseline_is_the_calmer_half_and_not_known_at_once() -> None:
    baseline = Baseline()
    for _ in range(30):
        baseline.add(_constant())
    assert not baseline.known
    assert baseline.rest() is None
    for _ in range(30):
        baseline.add(_constant(0.3))
    rest = baseline.rest()
    assert rest is not None
    assert all(rest[name].raw == REST[name] for name in ACTIONS)
    baseline.reset()
    assert not baseline.known
