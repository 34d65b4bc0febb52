"""Which stills make up a data set: infants, states, labels, and a cue whose link to the label is exact."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from monitor.synthetic.expression import Expression, State, sample_expression
from monitor.synthetic.identity import infant
from monitor.synthetic.layout import Turn
from monitor.synthetic.portrait import Dress
from monitor.synthetic.setting import Cue, Placement, Setting, sample_dress, sample_setting
from trainer.data import Label
from trainer.errors import SettingsError
from trainer.synthetic.still import Still

__all__ = ["Orientation", "PlannedStill", "SessionView", "StillsPlan", "assign_cues", "plan_stills", "session_still"]

Orientation = Literal["any", "upright", "sideways"]


@dataclass(frozen=True, slots=True)
class PlannedStill:
    """A still with its position in the data set.

    Attributes:
        name: File name.
        still: What is rendered.
        label: The label in the table, which need not be what the face shows.
        stimulus: The stimulus in the table.
    """

    name: str
    still: Still
    label: Label
    stimulus: str


@dataclass(frozen=True, slots=True)
class SessionView:
    """How a camera sees an infant during one session.

    Attributes:
        width_px: Of the picture.
        height_px: Of the picture.
        face_px: Smallest and largest width of the face's box.
        orientation: How the infants lie: at any angle, upright, or mostly sideways.
        seed: Seeds everything.
    """

    width_px: int
    height_px: int
    face_px: tuple[float, float]
    orientation: Orientation
    seed: int


@dataclass(frozen=True, slots=True)
class StillsPlan:
    """A data set of stills.

    Attributes:
        view: Picture, face size, orientation and seed.
        infants: How many.
        per_infant: Stills of each.
        pain_share: Share of the stills that show pain.
        confuser_share: Share of the others that show crying, air puff, friction, yawning or sneezing instead of rest.
        occluded_share: Share with a hand over the face.
        carer_share: Share with a carer's face.
        cue_correlation: Correlation in [0, 1] of the cue with the label; None draws no cue.
        invert_cue: Turn the cue's link around, as for a test set.
        label_by: "state" labels what the face shows; "infant" gives every still of an infant the same label, chosen by
            lot, and shows only faces at rest, so that there is nothing to learn but who it is.
        first_infant: Seed of the first infant; sets that must not share infants start at different numbers.
    """

    view: SessionView
    infants: int = 30
    per_infant: int = 12
    pain_share: float = 0.5
    confuser_share: float = 0.3
    occluded_share: float = 0.0
    carer_share: float = 0.0
    cue_correlation: float | None = None
    invert_cue: bool = False
    label_by: Literal["state", "infant"] = "state"
    first_infant: int = 1000


_CONFUSERS = (State.CRY, State.AIR, State.FRICTION, State.YAWN, State.SNEEZE)


def plan_stills(plan: StillsPlan) -> list[PlannedStill]:
    """Return the stills of a data set, infant by infant.

    Raises:
        SettingsError: There are too few infants for two classes, or the correlation lies outside [0, 1].
    """
    if plan.infants < 2:
        raise SettingsError("a data set with two labels needs at least two infants; raise --infants")
    rng = np.random.default_rng([plan.view.seed, 101])
    infant_labels = rng.permutation(np.arange(plan.infants) % 2 == 0)
    planned = []
    for index in range(plan.infants):
        number = plan.first_infant + index
        states = _states(plan, rng)
        for shot, state in enumerate(states):
            expression = sample_expression(state, rng)
            still = session_still(plan.view, number, shot, f"S{number:04d}", state, expression)
            still = replace(
                still,
                has_hand=bool(rng.random() < plan.occluded_share),
                has_carer=bool(rng.random() < plan.carer_share),
            )
            is_pain = state is State.PAIN if plan.label_by == "state" else bool(infant_labels[index])
            name = f"S{number:04d}_{shot:03d}_{state.value}.png"
            planned.append(PlannedStill(name, still, Label.PAIN if is_pain else Label.NO_PAIN, state.value))
    if plan.cue_correlation is None:
        return planned
    return assign_cues(planned, plan.cue_correlation, invert=plan.invert_cue, rng=rng)


def _states(plan: StillsPlan, rng: np.random.Generator) -> list[State]:
    """Return one infant's states in a random order; the shares hold as nearly as whole numbers allow."""
    if plan.label_by == "infant":
        return [State.REST] * plan.per_infant
    pain = int(np.floor(plan.pain_share * plan.per_infant + rng.random()))
    confusing = int(np.floor(plan.confuser_share * (plan.per_infant - pain) + rng.random()))
    states = [State.PAIN] * pain
    states += [_CONFUSERS[int(index)] for index in rng.integers(0, len(_CONFUSERS), confusing)]
    states += [State.REST] * (plan.per_infant - len(states))
    return [states[int(index)] for index in rng.permutation(len(states))]


def session_still(
    view: SessionView, number: int, shot: int, subject: str, state: State, expression: Expression
) -> Still:
    """Return one still of an infant's session.

    Cot, blanket, light and dress stay the same within a session; position, size, angle and turn of the head vary a
    little.

    Args:
        view: How the camera sees the infant.
        number: Seed of the infant.
        shot: Which still of the session.
        subject: The infant's name.
        state: What the infant goes through.
        expression: What the face does.
    """
    session = np.random.default_rng([view.seed, number, 102])
    low, high = np.log(view.face_px[0]), np.log(view.face_px[1])
    face_px = float(np.exp(session.uniform(low, high)))
    angle = _angle(view.orientation, session)
    shot_rng = np.random.default_rng([view.seed, number, shot, 103])
    iod = face_px * float(np.exp(shot_rng.normal(0.0, 0.05))) / infant(number).box_width
    center = shot_rng.normal(0.5, 0.03, 2)
    orientation = angle + float(shot_rng.normal(0.0, 6.0))
    placement = Placement(
        float(center[0]) * view.width_px,
        float(center[1]) * view.height_px,
        min(iod, 0.3 * min(view.width_px, view.height_px)),
        -((-orientation + 180.0) % 360.0 - 180.0),
    )
    setting = sample_setting(number * 7919 + view.seed, view.width_px, view.height_px, placement)
    turn = Turn(
        float(np.clip(setting.turn.sideways + shot_rng.normal(0.0, 0.06), -0.3, 0.3)),
        float(np.clip(setting.turn.downwards + shot_rng.normal(0.0, 0.02), -0.08, 0.08)),
    )
    return Still(
        infant=number,
        subject=subject,
        state=state,
        expression=expression,
        setting=_fit(replace(setting, turn=turn), view),
        dress=sample_dress(number) if number % 3 else Dress(),
        noise_seed=int(shot_rng.integers(0, 2**31)),
    )


def _angle(orientation: Orientation, rng: np.random.Generator) -> float:
    if orientation == "upright":
        return float(rng.normal(0.0, 6.0))
    if orientation == "sideways":
        side = float(rng.choice([90.0, 90.0, -90.0, -90.0, 0.0]))
        return side + float(rng.normal(0.0, 10.0))
    return float(rng.uniform(-180.0, 180.0))


def _fit(setting: Setting, view: SessionView) -> Setting:
    """Blur small pictures less: the lens's blur is made for a face of about 250 px."""
    middle = float(np.sqrt(view.face_px[0] * view.face_px[1]))
    scale = min(1.0, middle / 250.0)
    return replace(setting, camera=replace(setting.camera, blur_px=setting.camera.blur_px * scale))


def assign_cues(
    planned: Sequence[PlannedStill], correlation: float, *, invert: bool, rng: np.random.Generator
) -> list[PlannedStill]:
    """Give every still a cue.

    Each class gets so many of its own cue (orange for pain), rounded to whole stills, that the cue is as frequent as
    its class and the phi coefficient of cue and label in this very set is the correlation, not only its expectation. A
    set with one label only has no correlation; the share (1 + correlation) / 2 of it gets the label's own cue.

    Args:
        planned: The stills.
        correlation: In [0, 1].
        invert: Swap the two cues.
        rng: Chooses which stills get the other class's cue.

    Raises:
        SettingsError: The correlation lies outside [0, 1].
    """
    if not 0.0 <= correlation <= 1.0:
        raise SettingsError(f"the correlation of cue and label must lie between 0 and 1, not at {correlation}")
    own = {Label.PAIN: Cue.ORANGE, Label.NO_PAIN: Cue.TEAL}
    if invert:
        own = {Label.PAIN: Cue.TEAL, Label.NO_PAIN: Cue.ORANGE}
    other = {label: next(cue for cue in own.values() if cue is not own[label]) for label in own}
    result = list(planned)
    for label in Label:
        indices = [index for index, item in enumerate(planned) if item.label is label]
        indices = [indices[int(index)] for index in rng.permutation(len(indices))]
        share = len(indices) / len(planned) if len(indices) < len(planned) else 0.5
        matching = round(len(indices) * (share + correlation * (1.0 - share)))
        for order, index in enumerate(indices):
            cue = own[label] if order < matching else other[label]
            item = planned[index]
            still = replace(item.still, setting=item.still.setting.with_cue(cue))
            result[index] = replace(item, still=still)
    return result
