"""The life of one alert as a state machine in data.

What happens to an alert is one row: an event, the states it may happen in, the state that follows, and the phase that
the alert's record carries. An event without a row for the present state does nothing. The records of one alert id are
therefore always

    start  spell  ( return  spell )*      with    spell = (update | escalate)*  end  silence?

where `return` is an `update` whose condition is present again and `silence` an `update` whose condition stays absent:
somebody acknowledged the latched signal, or a new episode replaced it. Where that acknowledgement is withdrawn at once,
an `update` with the latched signal follows. The newest record of an alert id is the
whole truth about it: `condition_present` says whether the condition holds, `signal` how it is signalled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from monitor.pain.vocabulary import Phase, Signal

__all__ = ["PRESENT", "RULES", "SIGNALS", "Event", "Rule", "State", "rule_for"]


class State(StrEnum):
    """Where one alarm condition of one scope stands."""

    NONE = "none"
    """There is no alert."""
    ON = "on"
    """The condition holds and is signalled."""
    ACKNOWLEDGED = "acknowledged"
    """The condition holds; somebody has seen it."""
    LATCHED = "latched"
    """The condition is over and still signalled, for nobody has seen it."""
    ENDED = "ended"
    """The condition is over; the same episode may still go on."""


class Event(StrEnum):
    """What can happen to an alert."""

    BEGIN = "begin"
    """The condition is declared: a new episode."""
    BEGIN_QUIETLY = "begin_quietly"
    """The same while its code is paused."""
    RETURN = "return"
    """The condition is declared again within the same episode."""
    RETURN_QUIETLY = "return_quietly"
    """The same while an acknowledgement or a pause still holds."""
    ESCALATE = "worsen"
    """The condition has become more severe; what was acknowledged was less."""
    CHANGE = "change"
    """Something about it has changed, for instance its validity."""
    ACKNOWLEDGE = "acknowledge"
    """Somebody says that they have seen it."""
    WITHDRAW = "withdraw"
    """Somebody takes back, at once, that they have seen it."""
    EXPIRE = "lapse"
    """An acknowledgement or a pause has expired and the condition still holds."""
    CLEAR = "clear"
    """The condition is over, and somebody had seen it or its code does not latch."""
    CLEAR_UNSEEN = "clear_unseen"
    """The condition is over, and nobody had seen it."""
    REPLACE = "replace"
    """A new episode replaces one that was over and that nobody had seen."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: `event` leads from any `eligible` state to `leads_to` (None: stays), with a record of this `phase`."""

    event: Event
    eligible: frozenset[State]
    leads_to: State | None
    phase: Phase


def _rule(event: Event, eligible: set[State], leads_to: State | None, phase: Phase) -> Rule:
    return Rule(event, frozenset(eligible), leads_to, phase)


RULES = (
    _rule(Event.BEGIN, {State.NONE, State.ENDED}, State.ON, Phase.START),
    _rule(Event.BEGIN_QUIETLY, {State.NONE, State.ENDED}, State.ACKNOWLEDGED, Phase.START),
    _rule(Event.RETURN, {State.LATCHED, State.ENDED}, State.ON, Phase.UPDATE),
    _rule(Event.RETURN_QUIETLY, {State.LATCHED, State.ENDED}, State.ACKNOWLEDGED, Phase.UPDATE),
    _rule(Event.ESCALATE, {State.ON, State.ACKNOWLEDGED}, State.ON, Phase.ESCALATE),
    _rule(Event.CHANGE, {State.ON, State.ACKNOWLEDGED}, None, Phase.UPDATE),
    _rule(Event.ACKNOWLEDGE, {State.ON, State.ACKNOWLEDGED}, State.ACKNOWLEDGED, Phase.UPDATE),
    _rule(Event.ACKNOWLEDGE, {State.LATCHED}, State.ENDED, Phase.UPDATE),
    _rule(Event.WITHDRAW, {State.ACKNOWLEDGED}, State.ON, Phase.UPDATE),
    _rule(Event.WITHDRAW, {State.ENDED}, State.LATCHED, Phase.UPDATE),
    _rule(Event.EXPIRE, {State.ACKNOWLEDGED}, State.ON, Phase.UPDATE),
    _rule(Event.CLEAR, {State.ON, State.ACKNOWLEDGED}, State.ENDED, Phase.END),
    _rule(Event.CLEAR_UNSEEN, {State.ON}, State.LATCHED, Phase.END),
    _rule(Event.CLEAR_UNSEEN, {State.ACKNOWLEDGED}, State.ENDED, Phase.END),
    _rule(Event.REPLACE, {State.LATCHED}, State.ENDED, Phase.UPDATE),
)

_TABLE: Mapping[tuple[Event, State], Rule] = MappingProxyType(
    {(rule.event, state): rule for rule in RULES for state in rule.eligible}
)

PRESENT = frozenset({State.ON, State.ACKNOWLEDGED})
"""States in which the condition holds."""

SIGNALS: Mapping[State, Signal] = MappingProxyType(
    {
        State.NONE: Signal.OFF,
        State.ON: Signal.ON,
        State.ACKNOWLEDGED: Signal.ACKNOWLEDGED,
        State.LATCHED: Signal.LATCHED,
        State.ENDED: Signal.OFF,
    }
)
"""How each state is signalled."""


def rule_for(event: Event, state: State) -> Rule | None:
    """Return the row for an event in a state, or None where it does nothing."""
    return _TABLE.get((event, state))
