"""One fleet, broken in one way after another; run by `make fleet`."""

import os
import signal
import time

import pytest
from fleet import ABSENT, BEDS, HOMES, SEEN, STATIONS, WATCHED_BY_RTSP
from redis_server import wait_until

pytestmark = pytest.mark.timeout(600)

ANALYSED_SECONDS, PUBLISHED_SECONDS, UNWATCHED_SECONDS = 12.0, 15.0, 12.0
FLEET = "3 Redis, 3 Sentinels, 3 stations, 12 beds"


@pytest.mark.slow
@pytest.mark.fault(
    f"station killed ({FLEET})",
    "SIGKILL of a station with three beds or more, one of them in an alarm",
    "every bed analysed again <= 12 s later; no alert lost, one id for an alarm that goes on",
)
def test_a_killed_station_s_beds_are_analysed_elsewhere(fleet, measured):
    victim = fleet.owners()[ABSENT[0]]
    its_beds = {bed for bed, owner in fleet.owners().items() if owner == victim}
    rest = [name for name in STATIONS if name != victim]
    fleet.stations[victim].kill()
    killed = time.monotonic()
    wait_until(lambda: victim not in fleet.owners().values(), 60, "the take-over")
    taken_seconds = time.monotonic() - killed
    wait_until(lambda: its_beds & set(SEEN) <= {b for b, n in fleet.frames(rest).items() if n > 0}, 60, "frames")
    measured.quantity("beds taken over", len(its_beds))
    measured.seconds("all taken over", taken_seconds)
    measured.seconds("all analysed again", time.monotonic() - killed, ANALYSED_SECONDS)
    fleet.settle()
    fleet.check_nothing_lost()


@pytest.mark.slow
@pytest.mark.fault(
    "station stopped and continued",
    "SIGSTOP for 12 s or more, then SIGCONT",
    "its beds are watched by others; when it goes on it lets go of them; no alert lost",
)
def test_a_stopped_station_lets_go_of_what_others_have_taken(fleet, measured):
    victim = fleet.owners()[ABSENT[1]]
    daemon = fleet.stations[victim]
    lost_before = daemon.metric("nicu_monitor_fleet_beds_lost_total") or 0
    os.kill(daemon.pid, signal.SIGSTOP)
    stopped = time.monotonic()
    try:
        wait_until(lambda: victim not in fleet.owners().values(), 60, "the take-over")
        measured.seconds("all taken over", time.monotonic() - stopped, ANALYSED_SECONDS)
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    wait_until(lambda: (daemon.metric("nicu_monitor_fleet_beds_lost_total") or 0) > lost_before, 60, "it lets go")
    fleet.settle()
    fleet.check_nothing_lost()


@pytest.mark.slow
@pytest.mark.fault(
    "primary of Redis killed in mid-alert",
    "SIGKILL of the primary and, at the same moment, of a camera",
    "the camera's alarm is in the new primary's stream <= 15 s later; no alert lost; no bed moves but home",
)
def test_an_alert_in_a_failover_is_published_by_the_new_primary(fleet, fleet_camera, measured):
    settled = fleet.owners()
    known = {x["alert_id"] for x in fleet.alerts()}
    fleet_camera.kill()
    killed = time.monotonic()
    measured.seconds("new primary", fleet.group.kill_primary())

    def is_published():
        return any(x["bed"] == WATCHED_BY_RTSP and x["alert_id"] not in known for x in fleet.alerts())

    wait_until(is_published, 60, "the camera's alarm")
    measured.seconds("alarm in the stream", time.monotonic() - killed, PUBLISHED_SECONDS)
    fleet_camera.start()
    wait_until(fleet.is_whole, 60, "the table on the new primary")
    time.sleep(10)
    now = fleet.owners()
    moved = [bed for bed, owner in settled.items() if now.get(bed) not in {owner, HOMES[bed]}]
    measured.quantity("beds that moved", len(moved), 0)
    fleet.group.restart_dead()
    fleet.settle()
    fleet.check_nothing_lost()


@pytest.mark.slow
@pytest.mark.fault(
    "station killed just after a failover of Redis",
    "SIGKILL of the primary; once the table is whole on the new one, SIGKILL of a station",
    "every bed watched again <= 12 s later, though no age of a lease can be believed yet; no alert lost",
)
def test_a_station_that_dies_just_after_a_failover_is_missed_no_longer_for_it(fleet, measured):
    fleet.group.kill_primary()
    wait_until(fleet.is_whole, 60, "the table on the new primary")
    victim = fleet.owners()[ABSENT[0]]
    fleet.stations[victim].kill()
    killed = time.monotonic()
    wait_until(lambda: victim not in fleet.owners().values(), 60, "the take-over")
    measured.seconds("all taken over", time.monotonic() - killed, ANALYSED_SECONDS)
    fleet.group.restart_dead()
    fleet.settle()
    fleet.check_nothing_lost()


@pytest.mark.slow
@pytest.mark.fault(
    "Redis loses everything",
    "FLUSHALL on the primary of a fleet",
    "the stations write table, leases and alerts again; alarms that are on keep their ids",
)
def test_a_lost_table_is_written_again(fleet, measured):
    fleet.group.client().flushall()
    lost = time.monotonic()
    wait_until(fleet.is_whole, 60, "the table is written again")
    measured.seconds("table and leases whole", time.monotonic() - lost, 12.0)
    wait_until(lambda: fleet.absent_ids() == fleet.first_ids, 60, "the alarms that are on")
    measured.seconds("alarms in the stream again", time.monotonic() - lost, 30.0)
    fleet.settle()
    assert fleet.absent_ids() == fleet.first_ids


@pytest.mark.slow
@pytest.mark.fault(
    "no station has room for a dead one's beds",
    "two of three stations killed; the third may hold 8 of the 12 beds",
    "bed_unwatched <= 12 s later, over when there is room again",
)
def test_beds_that_nobody_can_take_are_an_alarm(fleet, measured):
    keeper = fleet.owners()[ABSENT[2]]
    known = {x["alert_id"] for x in fleet.alerts()}
    for name in STATIONS:
        if name != keeper:
            fleet.stations[name].kill()
    killed = time.monotonic()

    def phases():
        return [x["phase"] for x in fleet.alerts() if x["code"] == "bed_unwatched" and x["alert_id"] not in known]

    wait_until(lambda: "start" in phases(), 60, "the alarm")
    measured.seconds("bed_unwatched in the stream", time.monotonic() - killed, UNWATCHED_SECONDS)
    wait_until(lambda: sum(owner == keeper for owner in fleet.owners().values()) == 8, 60, "as many as it may hold")
    fleet.settle()
    wait_until(lambda: phases()[-1:] == ["end"], 60, "its end")
    assert set(fleet.owners()) == set(BEDS)
    fleet.check_nothing_lost()
