"""A fleet whose machines do not agree on what time it is; run by `make fleet`."""

import time

import pytest
import redis
from fleet import BEDS, HOMES, Fleet
from redis_server import wait_until

pytestmark = pytest.mark.timeout(600)

AHEAD_SECONDS, LEASE_SECONDS = 10, 7.0
LEASES, GROUP = "nicu:beds:leases", "stations"


@pytest.mark.slow
@pytest.mark.fault(
    "new primary of Redis whose clock is ahead",
    "the primary is killed; on its heir every lease is 10 s older, as by a clock that is ahead",
    "no storm: no bed moves but home; no alert lost",
)
def test_a_primary_whose_clock_is_ahead_frees_no_bed(tmp_path, measured):
    with Fleet(tmp_path, heir={}) as fleet:
        settled = fleet.owners()
        primary, heir = fleet.group.servers[:2]
        assert fleet.group.primary() is primary
        takeovers = _takeovers(fleet)
        primary.kill()
        _age_leases(heir.client())
        wait_until(lambda: fleet.group.primary() is heir, 60, "the new primary")
        wait_until(fleet.is_whole, 60, "the table on the new primary")
        time.sleep(20)
        now = fleet.owners()
        moved = [bed for bed, owner in settled.items() if now.get(bed) not in {owner, HOMES[bed]}]
        measured.quantity("beds that moved", len(moved), 0)
        measured.quantity("take-overs", _takeovers(fleet) - takeovers, len(set(settled.items()) - set(HOMES.items())))
        fleet.group.restart_dead()
        fleet.settle()
        fleet.check_nothing_lost()


def _age_leases(client: redis.Redis) -> None:
    """Make every lease older on a replica that nobody feeds any more."""
    client.config_set("replica-read-only", "no")
    for item in client.xpending_range(LEASES, GROUP, "-", "+", 100):
        idle_ms = item["time_since_delivered"] + 1000 * AHEAD_SECONDS
        client.xclaim(LEASES, GROUP, item["consumer"], 0, [item["message_id"]], idle=idle_ms, justid=True)
    client.config_set("replica-read-only", "yes")
    ages = [item["time_since_delivered"] / 1000 for item in client.xpending_range(LEASES, GROUP, "-", "+", 100)]
    assert len(ages) == len(BEDS)
    assert min(ages) > LEASE_SECONDS, "every lease looks run out"


def _takeovers(fleet: Fleet) -> float:
    return sum(daemon.metric("nicu_monitor_fleet_takeovers_total") or 0 for daemon in fleet.stations.values())
