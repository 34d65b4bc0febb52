"""A stand-in for the COPE photographs: their names with the known slips, their counts, faces sideways and large.

The 26 infants have 60 pain and 67 rest stills, the counts of the published set; 26 confusers bring the total to the
153 stills of the dissertation, whose own choice is not known. The full set has the published 204.

In the hard set the infants react differently and the shots of one event look alike; see `trainer.synthetic.reactions`.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from monitor.synthetic.expression import State, sample_expression
from trainer.data import Label
from trainer.errors import SettingsError
from trainer.synthetic.plan import PlannedStill, SessionView, session_still
from trainer.synthetic.reactions import sample_temper

__all__ = ["COPE_COUNTS", "COPE_FULL_COUNTS", "CopePlan", "plan_cope"]

COPE_COUNTS = {"pain": 60, "rest": 67, "friction": 10, "air": 7, "cry": 6, "sucrose": 1, "yawn": 1, "sneeze": 1}
COPE_FULL_COUNTS = {"pain": 60, "rest": 67, "friction": 36, "air": 23, "cry": 18}
_NUMBERS = tuple(number for number in range(4, 42) if number not in {6, 9, 13, 14, 18, 22, 25, 29, 30, 33, 36, 39})
_FIRST_INFANT = 20_000
_FACE_PX = (420.0, 620.0)
_PICTURE_PX = (1504, 1000)
# sucrose is given by mouth: the face is at rest and sucks.
_STATES = {"sucrose": State.REST}
# (stimulus, how it is misspelt): once each, as in the original files.
_SLIPS = (
    ("pain", "pain _1"),
    ("pain", "pain2"),
    ("friction", "friciton_1"),
    ("friction", "friction_2b"),
    ("air", "air2"),
    ("sucrose", "succrose"),
)


@dataclass(frozen=True, slots=True)
class CopePlan:
    """A COPE stand-in.

    Attributes:
        seed: Seeds everything.
        full: The published 204 stills instead of 153.
        scale: Size of the pictures, relative to 1504x1000 with faces of 420-620 px.
        difficulty: "plain" draws every face at the height of its state; "hard" as infants react.
    """

    seed: int = 0
    full: bool = False
    scale: float = 1.0
    difficulty: Literal["plain", "hard"] = "plain"


def plan_cope(plan: CopePlan) -> list[PlannedStill]:
    """Return the stills of the stand-in, infant by infant.

    Raises:
        SettingsError: The scale lies outside 0.1 to 2.5.
    """
    if not 0.1 <= plan.scale <= 2.5:
        raise SettingsError(f"the scale of the pictures must lie between 0.1 and 2.5, not at {plan.scale}")
    rng = np.random.default_rng([plan.seed, 201])
    view = SessionView(
        round(_PICTURE_PX[0] * plan.scale),
        round(_PICTURE_PX[1] * plan.scale),
        (_FACE_PX[0] * plan.scale, _FACE_PX[1] * plan.scale),
        "sideways",
        plan.seed,
    )
    sexes = rng.permutation(["M", "F"] * (len(_NUMBERS) // 2))
    shots: list[list[str]] = [[] for _ in _NUMBERS]
    for stimulus, count in (COPE_FULL_COUNTS if plan.full else COPE_COUNTS).items():
        # Dealt in turn, from a random infant on, so that every infant has pain and rest.
        start = int(rng.integers(len(_NUMBERS)))
        for index in range(count):
            shots[(start + index) % len(_NUMBERS)].append(stimulus)
    slips = dict.fromkeys(range(len(_SLIPS)), False)
    planned = []
    for number, sex, stimuli in zip(_NUMBERS, sexes, shots, strict=True):
        for shot, stimulus in enumerate(stimuli):
            same = [position for position, other in enumerate(stimuli) if other == stimulus]
            word = stimulus if len(same) == 1 else f"{stimulus}_{same.index(shot) + 1}"
            for position, (wanted, misspelt) in enumerate(_SLIPS):
                if not slips[position] and wanted == stimulus and (len(same) == 1 or not misspelt[-1].isalpha()):
                    slips[position], word = True, misspelt
                    break
            item = _planned(view, number, str(sex), shot, stimulus, word, rng)
            planned.append(_reacting(item, view, shot, stimuli) if plan.difficulty == "hard" else item)
    return planned


def _reacting(item: PlannedStill, view: SessionView, shot: int, stimuli: list[str]) -> PlannedStill:
    """Return the still with the infant's own reaction, seen as in the first shot of its event."""
    still, first = item.still, stimuli.index(stimuli[shot])
    expression = sample_temper(view.seed, still.infant, 202).react(still.state, shot)
    event = session_still(view, still.infant, first, still.subject, still.state, expression)
    return replace(item, still=replace(event, noise_seed=still.noise_seed))


def _planned(
    view: SessionView, number: int, sex: str, shot: int, stimulus: str, word: str, rng: np.random.Generator
) -> PlannedStill:
    state = _STATES.get(stimulus) or State(stimulus)
    subject = f"S{number:02d}"
    still = session_still(view, _FIRST_INFANT + number, shot, subject, state, sample_expression(state, rng))
    label = Label.PAIN if state is State.PAIN else Label.NO_PAIN
    return PlannedStill(f"{subject}_{sex}_{word}.jpg", still, label, stimulus)
