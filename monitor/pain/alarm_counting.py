"""How alarms are counted against known episodes of pain: one definition for labelled videos and for simulation.

- An *episode* is a stretch of pain; stretches that touch are one.
- An alarm *belongs to* an episode if it begins from the episode's begin to 5 s after its end.
- An episode is *found* if an alarm belongs to it. It is also found if the alarm that found the episode before is still
  on when it begins, at most 30 s after that one's end. An alarm that was on already for any other reason finds nothing.
- Its *delay* is the time from its begin to the first alarm that belongs to it. Where the alarm of the episode before
  still sounded there is none: staff were called already.
- A *false alarm* belongs to no episode. Its rate is an hour of *calm*: time outside every episode and its 5 s.

An alarm that does not end is false at most once: read its rate with the share of the calm that is spent in alarm.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.pain.vocabulary import Code, Transition

__all__ = [
    "CARRIED_SECONDS",
    "GRACE_SECONDS",
    "AlarmCount",
    "CountedEpisode",
    "Span",
    "count_alarms",
    "joined_spans",
    "overlap_seconds",
    "spans_without",
    "spells_of_pain",
]

GRACE_SECONDS = 5.0
"""An alarm that begins up to so long after an episode's end still belongs to it."""
CARRIED_SECONDS = 30.0
"""An alarm finds the next episode, too, if that begins up to so long after the end of the one that it found.

The level falls and `clear_seconds` pass in about 20 s; an alarm that lasts much longer does not distinguish the two.
"""

Span = tuple[float, float]
"""(begin, end) in seconds."""


@dataclass(frozen=True, slots=True)
class CountedEpisode:
    """One episode of pain and what the alarm made of it.

    Attributes:
        begin: In seconds.
        end: In seconds.
        delay: From the begin to the first alarm that belongs to it, in seconds; None where none does, and where the
            alarm of the episode before found it.
        was_on_already: Whether an alarm was on when it began.
        is_carried_over: Whether that alarm found the episode before, and so this one, too.
        spells: How many alarms belong to it.
    """

    begin: float
    end: float
    delay: float | None
    was_on_already: bool
    is_carried_over: bool
    spells: int

    @property
    def is_found(self) -> bool:
        """Whether an alarm found it."""
        return self.spells > 0 or self.is_carried_over


@dataclass(frozen=True, slots=True)
class AlarmCount:
    """What alarms found, and when they were wrong.

    Attributes:
        episodes: In order.
        false_alarms: When alarms began that belong to no episode, in seconds.
        calm: The time outside every episode and its 5 s, disjoint and in order.
        alarm_calm_seconds: How much of that had an alarm on.
    """

    episodes: tuple[CountedEpisode, ...]
    false_alarms: tuple[float, ...]
    calm: tuple[Span, ...]
    alarm_calm_seconds: float

    @property
    def calm_seconds(self) -> float:
        """Length of the time outside every episode and its 5 s, in seconds."""
        return sum(end - begin for begin, end in self.calm)


def spells_of_pain(transitions: Iterable[Transition], end_seconds: float) -> list[Span]:
    """Return (declared, over) of every spell of `pain_sign`, in order; one that lasts ends with the signal.

    A return within `merge_seconds` is the same alert to the monitor, but a spell of its own here.

    Args:
        transitions: Of one bed, in order; other codes are passed over.
        end_seconds: When the signal ended.
    """
    spells: list[Span] = []
    declared: float | None = None
    for transition in transitions:
        if transition.code is not Code.PAIN_SIGN:
            continue
        if transition.condition_present and declared is None:
            declared = transition.determined_seconds
        elif not transition.condition_present and declared is not None:
            spells.append((declared, transition.determined_seconds))
            declared = None
    if declared is not None:
        spells.append((declared, end_seconds))
    return spells


def count_alarms(pain: Sequence[Span], spells: Sequence[Span], length_seconds: float) -> AlarmCount:
    """Count alarms against episodes, as the module says.

    Args:
        pain: Stretches of pain, in any order.
        spells: (begin, end) of the alarms, disjoint.
        length_seconds: How long was watched, from 0; nothing lies behind it.
    """
    episodes = [part for part in joined_spans(pain) if part[1] > part[0]]
    belonging = joined_spans([(begin, end + GRACE_SECONDS) for begin, end in episodes])
    counted: list[CountedEpisode] = []
    finding: set[Span] = set()
    for begin, end in episodes:
        own = [spell for spell in spells if begin <= spell[0] <= end + GRACE_SECONDS]
        already = {spell for spell in spells if spell[0] < begin < spell[1]}
        is_near = bool(counted) and begin - counted[-1].end <= CARRIED_SECONDS
        carried = already & finding if is_near else set()
        delay = None if carried or not own else min(on for on, _ in own) - begin
        counted.append(CountedEpisode(begin, end, delay, bool(already), bool(carried), len(own)))
        finding = carried | set(own)
    calm = spans_without([(0.0, length_seconds)], belonging)
    return AlarmCount(
        episodes=tuple(counted),
        false_alarms=tuple(on for on, _ in spells if not any(begin <= on <= end for begin, end in belonging)),
        calm=tuple(calm),
        alarm_calm_seconds=overlap_seconds(spells, calm),
    )


def joined_spans(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, those that touch as one."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def overlap_seconds(first: Sequence[Span], second: Sequence[Span]) -> float:
    """Return how long both hold, in seconds; the spans of each are disjoint."""
    return sum(max(0.0, min(a[1], b[1]) - max(a[0], b[0])) for a in first for b in second)


def spans_without(spans: Iterable[Span], removed: Sequence[Span]) -> list[Span]:
    """Return the parts of some spans that others leave.

    Args:
        spans: To take from.
        removed: Disjoint and in order, as `joined_spans` returns them.
    """
    found = []
    for begin, end in spans:
        start = begin
        for low, high in removed:
            if high <= start or low >= end:
                continue
            if low > start:
                found.append((start, low))
            start = max(start, high)
        if start < end:
            found.append((start, end))
    return found
