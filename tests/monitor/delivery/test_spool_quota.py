"""A quota that always holds: whatever an alert's last record is, an alert that is over makes room."""

from alerts import make_draft

from monitor.clock import ManualClock
from monitor.delivery.spool import Spool
from monitor.pain.vocabulary import Phase, Signal


def test_alerts_that_are_over_make_room_although_their_last_record_is_an_update(tmp_path):
    """A latched pain alarm ends, and is switched off by an update later; 500 of those once filled a small spool."""
    clock = ManualClock()
    spool = Spool(tmp_path, 1_000_000, "station-1", clock)
    for number in range(1_000):
        clock.advance(60.0)
        alert = f"alert-{number}"
        spool.append(
            [
                make_draft(alert, Phase.START, clock=clock),
                make_draft(alert, Phase.END, clock=clock, signal=Signal.LATCHED),
                make_draft(alert, Phase.UPDATE, clock=clock, signal=Signal.OFF, condition_present=False),
            ]
        )
    assert spool.record().dropped > 2_000
    assert spool.pending(10_000)[-1].seq == 3_000
    spool.close()
