"""Histories for tests: a board on a clock that a test moves, and a day that was written down."""

from datetime import UTC, datetime

import numpy as np

from monitor.alerts.record import AlertContext, AlertModel, GenerationMode, compose_alert
from monitor.board import BedInfo, BedState, Board
from monitor.clock import ManualClock
from monitor.config import AlarmSettings, HistorySettings
from monitor.history.database import HistoryFile
from monitor.history.entries import ActionEntry, AlertEntry
from monitor.history.recorder import HistoryRecorder
from monitor.history.samples import empty_minute, set_sample
from monitor.pain.bed_alarms import BedAlarms
from monitor.pain.vocabulary import Code, Kind, Phase, Priority, Sample, Signal, Visibility

LANCE = '{"kind": "heel_lance", "note": "left foot"}'
EPOCH = datetime(2026, 1, 31, 6, 0, tzinfo=UTC)


class Recorded:
    """A bed with real alarm logic whose board is written down."""

    def __init__(self, directory, **settings):
        self.directory = directory
        self.settings = HistorySettings(**settings)
        self.clock = ManualClock(1_000.0, EPOCH)
        self.board = Board([BedInfo("bed-1", "cam-1"), BedInfo("bed-2", "cam-2")], self.clock, on_level=0.6)
        numbers = iter(range(1, 1_000))
        self.alarms = BedAlarms(AlarmSettings(), lambda: f"alert-{next(numbers)}")
        self.recorder = self.new_recorder()

    def new_recorder(self):
        return HistoryRecorder(self.settings, self.directory, self.board, self.clock)

    def record(self, transitions):
        context = AlertContext(
            "station-1", "bed-1", "cam-1", GenerationMode.TEST, AlertModel(name="m", sha256="5" * 64), "0" * 64
        )
        for transition in transitions:
            self.board.transition("bed-1", compose_alert(transition, context, self.clock))

    def show(self, seconds, score):
        """Let a face with a score be seen for some time; None is no face."""
        for n in range(int(seconds * 2)):
            self.clock.advance(0.5)
            visibility = Visibility.NO_FACE if score is None else Visibility.USABLE
            step = self.alarms.observe(Sample(self.clock.monotonic(), score, visibility))
            self.record(step.transitions)
            self.board.observe("bed-1", step.observation)
            self.board.occupy("bed-1", self.alarms.occupancy)
            if n % 4 == 3:
                self.recorder.take(self.board.snapshot())

    def now(self):
        return self.clock.wall()


def write_day(directory, now, beds=2, hours=24.0):
    """Write a day of several beds: pain every few hours, an hour out of sight, an hour on stand-by, a gap."""
    file = HistoryFile(directory, 500_000_000)
    last = int(now.timestamp() // 60)
    for number in range(1, beds + 1):
        random = np.random.default_rng(number)
        minutes, alerts = [], []
        count = int(hours * 60)
        for age in range(count):
            minute, hour = empty_minute(), age / 60
            if 5.0 < hour < 5.5:
                continue  # the station did not run
            in_pain = age % 190 < 4 + number
            for slot in range(30):
                state, level = BedState.NO_SIGN, 0.15 + 0.1 * random.random()
                if in_pain:
                    state, level = BedState.PAIN_SUSTAINED, 0.75 + 0.2 * random.random()
                elif 2.0 < hour < 2.8:
                    state, level = BedState.CANNOT_SEE, None
                elif 6.0 < hour < 7.0:
                    state, level = BedState.STANDBY, None
                coverage = 0.0 if level is None else 0.9
                set_sample(minute, slot, state, level, coverage)
            minutes.append((f"bed-{number}", last - age, minute))
            if age % 190 == 3 + number:
                alerts += _episode(number, age, (last - age) * 60.0, (4 + number) * 60.0)
        at = now.timestamp()
        actions = [
            ActionEntry(
                f"bed-{number}", at - 6_000, "procedure", "anna", '{"kind": "heel_lance", "note": "left foot"}'
            ),
            ActionEntry(f"bed-{number}", at - 25_200, "standby", "ben", '{"reason": "bath"}'),
        ]
        file.write(minutes, alerts, actions)
    file.close()


def _episode(number, age, onset, lasts):
    """Return the records of one alarm of pain that somebody has acknowledged, every second one."""
    given = onset + 95 if age % 380 < 190 else None

    def entry(at, phase, signal, *, is_present=True, is_seen=False):
        return AlertEntry(
            bed=f"bed-{number}", at_seconds=at, alert_id=f"day-{number}-{age}", code=Code.PAIN_SUSTAINED,
            kind=Kind.PHYSIOLOGICAL, phase=phase, priority=Priority.MEDIUM, is_present=is_present, signal=signal,
            onset_seconds=onset, bouts=2, by="anna" if is_seen else None,
            acknowledged_seconds=given if is_seen else None, detail="Seen.",
        )  # fmt: skip

    records = [entry(onset + 12, Phase.START, Signal.ON)]
    if given is not None:
        records.append(entry(given, Phase.UPDATE, Signal.ACKNOWLEDGED, is_seen=True))
    signal = Signal.LATCHED if given is None else Signal.OFF
    return [*records, entry(onset + lasts, Phase.END, signal, is_present=False, is_seen=given is not None)]
