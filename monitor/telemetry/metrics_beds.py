"""Metrics of beds: observations and alarm conditions, as they are at the moment of a scrape."""

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.clock import Clock
from monitor.pain.vocabulary import Code, Observation, Occupancy, Phase, Signal, Transition, Validity

__all__ = ["BedCollector"]

STALE_SECONDS = 10.0
"""An observation that is older is not shown: a bed that is no longer analysed has no level."""

_NEWEST_FRAME_SECONDS = 3.0
"""A frame that is older says nothing of whether the face is visible now; key frames alone come every 2.2 s at worst."""

_PAIN = (Code.PAIN_SIGN, Code.PAIN_SUSTAINED)


@dataclass(frozen=True, slots=True)
class _Seen:
    observation: Observation
    face_visible: bool


class BedCollector(Collector):
    """Shows the newest observation and the running alarm conditions of every bed.

    Args:
        clock: Distinguishes stale observations from fresh ones.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._mutex = threading.Lock()
        self._seen: dict[str, _Seen] = {}
        self._occupancy: dict[str, Occupancy] = {}
        self._conditions: dict[str, dict[str, Transition]] = {}
        self._transitions: Counter[tuple[str, str, Phase]] = Counter()
        self._bouts: Counter[tuple[str, Code]] = Counter()
        self._newest_bouts: dict[tuple[str, Code], tuple[str, int]] = {}

    def add(self, bed: str) -> None:
        """Count a bed's alarm conditions from 0, so that the first of each shows as an increase."""
        with self._mutex:
            for code in Code:
                for phase in Phase:
                    self._transitions[bed, code, phase] += 0
            if bed:
                for code in _PAIN:
                    self._bouts[bed, code] += 0

    def observe(self, bed: str, observation: Observation, *, face_visible: bool) -> None:
        """Keep the newest observation of a bed."""
        with self._mutex:
            self._seen[bed] = _Seen(observation, face_visible)

    def occupy(self, bed: str, occupancy: Occupancy) -> None:
        """Keep who lies in a bed."""
        with self._mutex:
            self._occupancy[bed] = occupancy

    def transition(self, bed: str, transition: Transition) -> None:
        """Count a change, and keep the condition while it is signalled in any way."""
        with self._mutex:
            self._transitions[bed, transition.code, transition.phase] += 1
            if transition.code in _PAIN:
                self._count_bouts(bed, transition)
            running = self._conditions.setdefault(bed, {})
            if transition.signal is Signal.OFF and not transition.condition_present:
                running.pop(transition.code, None)
            else:
                running[transition.code] = transition

    def _count_bouts(self, bed: str, transition: Transition) -> None:
        key, now = (bed, transition.code), (transition.alert_id, transition.bouts)
        alert_id, bouts = self._newest_bouts.get(key, ("", 0))
        if transition.phase is Phase.START:
            self._bouts[key] += 1
        elif alert_id == transition.alert_id:  # else it goes on from before a restart
            self._bouts[key] += max(0, transition.bouts - bouts)
        self._newest_bouts[key] = now

    def remove(self, bed: str) -> None:
        """Forget a bed."""
        with self._mutex:
            self._seen.pop(bed, None)
            self._occupancy.pop(bed, None)
            self._conditions.pop(bed, None)
            for key in [key for key in self._transitions if key[0] == bed]:
                del self._transitions[key]
            for code in _PAIN:
                self._bouts.pop((bed, code), None)
                self._newest_bouts.pop((bed, code), None)

    def collect(self) -> Iterable[Metric]:
        """Yield all families."""
        now_seconds = self._clock.monotonic()
        with self._mutex:
            seen = {
                bed: item
                for bed, item in self._seen.items()
                if now_seconds - item.observation.time_seconds <= STALE_SECONDS
            }
            conditions = [(bed, item) for bed, running in self._conditions.items() for item in running.values()]
            transitions = list(self._transitions.items())
            occupied = list(self._occupancy.items())
            bouts = list(self._bouts.items())
        occupancy = _gauge("bed_occupancy", "1 for who lies in the bed, as people say.", ("bed", "occupancy"))
        for bed, now in occupied:
            for word in Occupancy:
                occupancy.add_metric((bed, word), float(now is word))
        yield occupancy
        yield from _observations(seen, now_seconds)
        condition = GaugeMetricFamily(
            "nicu_monitor_alarm_condition",
            "Alarm conditions that are signalled: 1 while present, 0 while latched or acknowledged but not present.",
            labels=("bed", "code", "kind", "priority"),
        )
        for bed, item in conditions:
            condition.add_metric((bed, item.code, item.kind, item.priority), float(item.condition_present))
        yield condition
        changes = CounterMetricFamily(
            "nicu_monitor_alarm_transitions", "Changes of alarm conditions.", labels=("bed", "code", "phase")
        )
        for (bed, code, phase), count in transitions:
            changes.add_metric((bed, code, phase), count)
        yield changes
        episodes = CounterMetricFamily(
            "nicu_monitor_alarm_episodes", "Episodes of pain that were declared.", labels=("bed", "code")
        )
        again = CounterMetricFamily(
            "nicu_monitor_alarm_bouts", "Bouts of pain that were declared within episodes.", labels=("bed", "code")
        )
        starts = dict(transitions)
        for (bed, code), count in bouts:
            episodes.add_metric((bed, code), starts.get((bed, code, Phase.START), 0))
            again.add_metric((bed, code), count)
        yield from (episodes, again)


def _observations(seen: dict[str, _Seen], now_seconds: float) -> Iterable[Metric]:
    level = _gauge("pain_level", "Pain level, smoothed over time, from 0 to 1; absent while it cannot be determined.")
    score = _gauge("pain_score", "Pain score of the newest frame, from 0 to 1; absent while it has none.")
    coverage = _gauge("face_coverage_ratio", "Share of the last window with a usable face of the patient.")
    on_share = _gauge(
        "pain_on_ratio",
        "Share of the last window in which the level stood at or above its threshold; absent while it has none.",
    )
    visible = _gauge(
        "face_visible",
        "1 while the newest analysed frame, of the last 3 s, shows a usable face of the patient, else 0.",
    )
    age = _gauge("face_age_seconds", "Time since the last usable face; absent before the first.")
    validity = _gauge("observation_validity", "1 for how far the level can be trusted now.", ("bed", "validity"))
    action = _gauge(
        "facial_action_ratio",
        "Share of the last window in which a facial action was seen; absent where too little was measured.",
        ("bed", "action"),
    )
    for bed, item in seen.items():
        now = item.observation
        age_seconds = max(0.0, now_seconds - now.time_seconds)
        for reading in now.actions:
            action.add_metric((bed, reading.action), reading.share)
        pairs = (
            (level, now.level),
            (score, now.score),
            (coverage, now.coverage if now.occupancy is Occupancy.OCCUPIED else None),
            (on_share, now.on_share),
            (visible, float(item.face_visible and age_seconds <= _NEWEST_FRAME_SECONDS)),
            (age, None if now.seconds_since_face is None else now.seconds_since_face + age_seconds),
        )
        for family, value in pairs:
            if value is not None:
                family.add_metric((bed,), value)
        for word in Validity:
            validity.add_metric((bed, word), float(now.validity is word))
    return (level, score, coverage, on_share, visible, age, validity, action)


def _gauge(name: str, text: str, labels: tuple[str, ...] = ("bed",)) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"nicu_monitor_{name}", text, labels=labels)
