"""A stand-in for the UNIFESP stills: 30 infants filmed from afar, names made of times, many near-duplicates.

356 stills, 162 of pain; faces about 93 px wide; 78 pairs of neighbours within ten seconds, 6 of them within the same
second, 17 of them with different labels; NFCS scores that agree with the labels no better than the published ones.
"""

from dataclasses import dataclass, replace

import numpy as np

from monitor.synthetic.expression import Expression, State, sample_expression
from trainer.data import Label
from trainer.synthetic.plan import PlannedStill, SessionView, session_still

__all__ = ["UnifespStill", "plan_unifesp"]

_INFANTS, _PER_INFANT, _TOTAL, _PAIN = 30, 12, 356, 162
_CLOSE_PAIRS, _SAME_SECOND, _CONFLICTING = 78, 6, 17
_FIRST_INFANT = 30_000
_VIEW_PX = (320, 240)
_FACE_PX = (80.0, 108.0)
_NFCS_ITEMS = ("brow_bulge", "eye_squeeze", "nasolabial_furrow", "open_lips", "horizontal_stretch")
_CALM = (State.REST, State.REST, State.REST, State.FRICTION, State.AIR, State.YAWN)
_GRIMACE = 0.35


@dataclass(frozen=True, slots=True)
class UnifespStill:
    """A still with the score that a rater gave.

    Attributes:
        planned: The still.
        nfcs: 0 to 5.
    """

    planned: PlannedStill
    nfcs: int


@dataclass(slots=True)
class _Slot:
    infant: int
    second: int
    suffix: int
    close: bool
    same_second: bool
    is_pain: bool = False


def plan_unifesp(seed: int) -> list[UnifespStill]:
    """Return the stills of the stand-in, infant by infant in the order of time."""
    rng = np.random.default_rng([seed, 301])
    view = SessionView(*_VIEW_PX, _FACE_PX, "any", seed)
    slots = _slots(rng)
    _label(slots, rng)
    planned: list[UnifespStill] = []
    previous: Expression | None = None
    for index, slot in enumerate(slots):
        state = State.PAIN if slot.is_pain else _CALM[int(rng.integers(len(_CALM)))]
        expression = sample_expression(state, rng)
        if slot.close and previous is not None:
            # Within seconds a face changes little, whatever the label says.
            expression = previous.towards(expression, 0.0 if slot.same_second else 0.15)
        elif not slot.is_pain and rng.random() < _GRIMACE:
            expression = expression.towards(sample_expression(State.PAIN, rng), float(rng.uniform(0.3, 0.6)))
        previous = expression
        planned.append(_still(view, slots, index, state, expression, rng))
    return planned


def _slots(rng: np.random.Generator) -> list[_Slot]:
    """Return when each still was taken."""
    sizes = np.full(_INFANTS, _PER_INFANT)
    sizes[rng.permutation(_INFANTS)[: _INFANTS * _PER_INFANT - _TOTAL]] -= 1
    followers = [(infant, position) for infant in range(_INFANTS) for position in range(1, int(sizes[infant]))]
    order = [followers[int(index)] for index in rng.permutation(len(followers))]
    close, same = set(order[:_CLOSE_PAIRS]), set(order[:_SAME_SECOND])
    slots = []
    for infant in range(_INFANTS):
        second, suffix = int(rng.integers(8 * 3600, 17 * 3600)), 1
        for position in range(int(sizes[infant])):
            at = (infant, position)
            if at in same:
                suffix += 1
            elif position:
                second, suffix = second + int(rng.integers(1, 11) if at in close else rng.integers(11, 90)), 1
            slots.append(_Slot(infant, second, suffix, at in close, at in same))
    return slots


def _label(slots: list[_Slot], rng: np.random.Generator) -> None:
    """Give every still a label: bursts share theirs, but for the known number of conflicts, and the total is exact."""
    pairs = [index for index, slot in enumerate(slots) if slot.close]
    conflicts = {pairs[int(index)] for index in rng.permutation(len(pairs))[:_CONFLICTING]}
    heads = [index for index, slot in enumerate(slots) if not slot.close]
    bursts = [list(range(head, after)) for head, after in zip(heads, [*heads[1:], len(slots)], strict=True)]
    singles, long = [burst for burst in bursts if len(burst) == 1], [burst for burst in bursts if len(burst) > 1]
    for burst in long:
        is_pain = bool(rng.random() < _PAIN / _TOTAL)
        for index in burst:
            is_pain ^= index in conflicts
            slots[index].is_pain = is_pain
    missing = _PAIN - sum(slot.is_pain for slot in slots)
    for index in rng.permutation(len(singles))[:missing]:
        slots[singles[int(index)][0]].is_pain = True


def _still(
    view: SessionView, slots: list[_Slot], index: int, state: State, expression: Expression, rng: np.random.Generator
) -> UnifespStill:
    slot = slots[index]
    subject = f"{slot.infant + 1:02d}"
    clock = f"{slot.second // 3600:02d}{slot.second // 60 % 60:02d}{slot.second % 60:02d}"
    suffix = f"_{slot.suffix}" if slot.suffix > 1 else ""
    # Near-duplicates share the shot, and so the position of the head; the camera's noise is new.
    shot = index
    while slots[shot].close:
        shot -= 1
    still = session_still(view, _FIRST_INFANT + slot.infant, shot, subject, state, expression)
    still = replace(still, noise_seed=still.noise_seed + index)
    label = Label.PAIN if slot.is_pain else Label.NO_PAIN
    seen = sum(expression.intensities()[item] >= 0.5 for item in _NFCS_ITEMS)
    nfcs = int(np.clip(round(0.5 * seen + 1.9 + float(rng.normal(0.0, 1.0))), 0, 5))
    return UnifespStill(PlannedStill(f"{subject}_{clock}{suffix}.bmp", still, label, ""), nfcs)
