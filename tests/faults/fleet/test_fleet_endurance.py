"""Random faults of a fleet in a row: FLEET_FAULTS of them, 20 by default; `make fleet-slow` makes 200."""

import os
import random
import signal
import time

import pytest
from fleet import STATIONS, WATCHED_BY_RTSP, Fleet
from redis_server import wait_until

FAULTS = int(os.environ.get("FLEET_FAULTS", "20"))
pytestmark = pytest.mark.timeout(300 + 120 * FAULTS)


@pytest.mark.slow
@pytest.mark.fault(
    "random faults of a fleet in a row",
    "stations killed and stopped, primaries and replicas of Redis killed, connections cut, a camera killed",
    "after each of them every bed is watched and analysed again; no alert lost, the same ids for alarms that go on",
)
def test_random_faults_in_a_row(tmp_path, fleet_camera, measured):
    seed = random.SystemRandom().randrange(10_000)
    print(f"seed {seed}")
    choose = random.Random(seed)
    with Fleet(tmp_path, cameras={WATCHED_BY_RTSP: fleet_camera.url}, lease_seconds=4.0) as fleet:
        for number in range(FAULTS):
            fault = choose.choice([_kill_station, _stop_station, _kill_primary, _kill_replica, _cut, _kill_camera])
            began = time.monotonic()
            fault(fleet, choose, fleet_camera)
            fleet.group.restart_dead()
            fleet.settle()
            print(f"{number}: {fault.__name__[1:]}, whole after {time.monotonic() - began:.1f} s")
            if number % 10 == 9:
                fleet.check_nothing_lost()
        fleet.check_nothing_lost()
    measured.quantity("faults", FAULTS)


def _kill_station(fleet, choose, _):
    name = choose.choice(STATIONS)
    fleet.stations[name].kill()
    wait_until(lambda: name not in fleet.owners().values(), 60, "the take-over")


def _stop_station(fleet, choose, _):
    pid = fleet.stations[choose.choice(STATIONS)].pid
    os.kill(pid, signal.SIGSTOP)
    time.sleep(choose.uniform(0.5, 8.0))
    os.kill(pid, signal.SIGCONT)


def _kill_primary(fleet, _, __):
    fleet.group.kill_primary()


def _kill_replica(fleet, choose, _):
    primary = fleet.group.primary()
    choose.choice([server for server in fleet.group.servers if server is not primary]).kill()


def _cut(fleet, _, __):
    fleet.group.client().client_kill_filter(_type="normal", skipme=True)


def _kill_camera(_, choose, camera):
    camera.kill()
    time.sleep(choose.uniform(0.5, 6.0))
    camera.start()
