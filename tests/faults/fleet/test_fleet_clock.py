"""A fleet whose machines do not agree on what time it is; run by `make fleet`."""

import time

import pytest
from fleet import Fleet
from redis_server import wait_until
from wrong_clock import wrong_clock

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

AHEAD_SECONDS = 10


@pytest.mark.fault(
    "new primary of Redis whose clock is ahead",
    "its clock is 10 s ahead (libfaketime), so that every lease looks run out; the primary is killed",
    "no bed is taken over; no alert lost",
)
def test_a_primary_whose_clock_is_ahead_frees_no_bed(tmp_path, measured):
    with Fleet(tmp_path, heir=wrong_clock(f"+{AHEAD_SECONDS}s")) as fleet:
        settled = fleet.owners()
        heir = fleet.group.servers[1]
        seconds, _ = heir.client().time()
        assert seconds - time.time() > AHEAD_SECONDS - 2, "the heir's clock is ahead"
        takeovers = _takeovers(fleet)
        fleet.group.kill_primary()
        assert fleet.group.primary() is heir
        wait_until(fleet.is_whole, 60, "the table on the new primary")
        time.sleep(20)
        moved = [bed for bed, owner in settled.items() if fleet.owners().get(bed) != owner]
        measured.quantity("beds that moved", len(moved), 0)
        measured.quantity("take-overs", _takeovers(fleet) - takeovers, 0)
        fleet.group.restart_dead()
        fleet.settle()
        fleet.check_nothing_lost()


def _takeovers(fleet: Fleet) -> float:
    return sum(daemon.metric("nicu_monitor_fleet_takeovers_total") or 0 for daemon in fleet.stations.values())
