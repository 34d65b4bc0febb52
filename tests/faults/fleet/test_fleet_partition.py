"""A station that is cut off from everything but its cameras; run by `make fleet`."""

import os
import subprocess
import time

import pytest
from fleet import SEEN, Fleet, network_namespace
from redis_server import wait_until

pytestmark = pytest.mark.timeout(600)

HERE, THERE = "10.213.7.1", "10.213.7.2"
CUT_SECONDS = 60.0


@pytest.mark.slow
@pytest.mark.fault(
    "station cut off for 60 s",
    "the cable of its network namespace is taken out",
    "it never stops watching its beds; others watch them as well; afterwards each bed has one station, no alert lost",
)
def test_a_station_that_is_cut_off_goes_on_watching(tmp_path, measured):
    name = f"nf{os.getpid() % 100_000}"
    with (
        network_namespace(name, HERE, THERE) as cable,
        Fleet(tmp_path, host=HERE, namespaces={"c": name}) as fleet,
    ):
        wait_until(lambda: "c" in fleet.owners().values(), 60, "beds of its own")
        daemon = fleet.stations["c"]
        its_beds = sorted(fleet.frames("c"))
        assert its_beds
        subprocess.run(["ip", "link", "set", cable, "down"], check=True)
        cut = time.monotonic()
        try:
            wait_until(lambda: "c" not in fleet.owners().values(), 60, "others watch its beds as well")
            measured.seconds("others watch its beds as well", time.monotonic() - cut, 12.0)
            longest = _longest_pause_seconds(fleet, set(its_beds) & set(SEEN), until=cut + CUT_SECONDS)
            measured.seconds("longest time in which the station analysed no frame of a bed", longest, 5.0)
            assert sorted(fleet.frames("c")) == its_beds, "it lets go of nothing"
        finally:
            subprocess.run(["ip", "link", "set", cable, "up"], check=True)
        back = time.monotonic()
        wait_until(lambda: daemon.metric("nicu_monitor_fleet_beds_lost_total"), 60, "the later claim wins")
        measured.seconds("it lets go once it is back", time.monotonic() - back, 15.0)
        fleet.settle()
        wait_until(lambda: len(_watchers(fleet)) == len(set(_watchers(fleet))), 60, "one station for each bed")
        fleet.check_nothing_lost()


def _longest_pause_seconds(fleet: Fleet, beds: set[str], until: float) -> float:
    """Return the longest time for which the station's counter of frames of one of these beds stood still."""
    seen = {bed: (count, time.monotonic()) for bed, count in fleet.frames("c").items() if bed in beds}
    longest = 0.0
    while time.monotonic() < until:
        time.sleep(0.5)
        frames, now = fleet.frames("c"), time.monotonic()
        for bed, (count, since) in seen.items():
            longest = max(longest, now - since)
            if frames.get(bed, 0.0) > count:
                seen[bed] = (frames[bed], now)
    return longest


def _watchers(fleet: Fleet) -> list[str]:
    return [bed for name in fleet.stations for bed in fleet.frames(name)]
