"""An infant's own calm face: what 0 means on the scale of its facial actions."""

import statistics
from collections import deque

from monitor.faces.actions.values import ACTIONS, ActionName, ActionValue, FacialActions

__all__ = ["Baseline"]

_SAMPLES = 600
_LEAST_SAMPLES = 50
_CALM_SHARE = 0.5


class Baseline:
    """Learns the calm face of one infant from the calmer half of what was seen of it. Its memory is bounded.

    PIPP-R too compares with a baseline (Stevens et al. 2014, doi 10.1097/AJP.0b013e3182906aed). An infant that cries
    from the first frame on has no calm half yet: until `known`, the default scale holds.
    """

    def __init__(self) -> None:
        self._seen: deque[FacialActions] = deque(maxlen=_SAMPLES)

    def add(self, actions: FacialActions) -> None:
        """Take the actions of one more face of this infant."""
        self._seen.append(actions)

    def reset(self) -> None:
        """Forget everything: another infant lies in the bed."""
        self._seen.clear()

    @property
    def known(self) -> bool:
        """Whether enough was seen to say what calm is."""
        return len(self._seen) >= _LEAST_SAMPLES

    def rest(self) -> FacialActions | None:
        """Return the calm face, for `measure_actions`; None as long as it is not known.

        The median of every raw measure over the half of the faces whose mouth and eyes were least active.
        """
        if not self.known:
            return None
        calm = sorted(self._seen, key=_activity)[: max(1, round(_CALM_SHARE * len(self._seen)))]
        return {name: _median([actions[name] for actions in calm]) for name in ACTIONS}


def _activity(actions: FacialActions) -> float:
    moved: tuple[ActionName, ...] = ("mouth_opening", "horizontal_stretch", "brow_lowering")
    return sum(actions[name].raw for name in moved)


def _median(values: list[ActionValue]) -> ActionValue:
    middle = statistics.median(value.raw for value in values)
    nearest = min(values, key=lambda value: abs(value.raw - middle))
    return ActionValue(middle, nearest.value, nearest.standard_error)
