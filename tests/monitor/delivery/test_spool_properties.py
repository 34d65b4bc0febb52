"""Whatever happens to a spool in whatever order, it keeps its promises."""

import shutil
import tempfile
from pathlib import Path

from alerts import make_draft
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from monitor.clock import ManualClock
from monitor.delivery.spool import Position, Spool
from monitor.pain.vocabulary import Phase

ALERT_IDS = st.sampled_from(["a", "b", "c", "d"])
PHASES = st.sampled_from(list(Phase))


class SpoolMachine(RuleBasedStateMachine):
    """Compares a spool with a list in memory."""

    @initialize()
    def begin(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.clock = ManualClock()
        self.records: list[tuple[int, str, str]] = []
        self.delivered = 0
        self.stamps: dict[int, str | None] = {}
        self.snapshots: dict[str, str] = {}
        self.open()
        self.producer_id = self.spool.producer_id

    def open(self) -> None:
        self.spool = Spool(self.directory, 50_000_000, "station-1", self.clock)

    @rule(batch=st.lists(st.tuples(ALERT_IDS, PHASES), max_size=5), snapshot=st.text(max_size=5) | st.none())
    def append(self, batch: list[tuple[str, Phase]], snapshot: str | None) -> None:
        snapshots = {} if snapshot is None else {"bed-1": snapshot}
        numbers = self.spool.append([make_draft(name, phase) for name, phase in batch], snapshots)
        last = self.records[-1][0] if self.records else 0
        assert numbers == list(range(last + 1, last + 1 + len(batch)))
        self.records += [(seq, name, phase) for seq, (name, phase) in zip(numbers, batch, strict=True)]
        self.snapshots |= snapshots

    @rule(share=st.floats(0, 1))
    def move(self, share: float) -> None:
        self.delivered = int(share * len(self.records))
        self.spool.move_to(Position(self.delivered, f"{self.delivered}-0"))

    @rule(at=st.sampled_from(["2026-01-01T00:00:00.000Z", None]), limit=st.integers(1, 5))
    def stamp(self, at: str | None, limit: int) -> None:
        numbers = [alert.seq for alert in self.spool.pending(limit)]
        self.spool.stamp(numbers, at)
        self.stamps |= dict.fromkeys(numbers, at)

    @rule(seconds=st.floats(0, 1000))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def restart(self) -> None:
        self.spool.close()
        self.open()

    @invariant()
    def keeps_its_promises(self) -> None:
        expected = [record for record in self.records if record[0] > self.delivered]
        pending = self.spool.pending(10_000)
        assert [(alert.seq, alert.draft["alert_id"], alert.draft["phase"]) for alert in pending] == expected
        assert [alert.published_at for alert in pending] == [self.stamps.get(seq) for seq, _, _ in expected]
        assert self.spool.position.seq == self.delivered
        assert self.spool.producer_id == self.producer_id
        assert self.spool.load_snapshots() == self.snapshots
        backlog = self.spool.backlog()
        assert backlog.count == len(expected)
        assert backlog.oldest_age_seconds >= 0.0

    def teardown(self) -> None:
        self.spool.close()
        shutil.rmtree(self.directory)


SpoolMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestSpool = SpoolMachine.TestCase
