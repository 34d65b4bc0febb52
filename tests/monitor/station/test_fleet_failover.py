"""Twelve beds, three stations, three Redis servers and three Sentinels, broken one after another; run by `make fleet`.

What was measured is printed as one JSON object a line (`pytest -s`, or `build/fleet.jsonl`).
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis
import yaml
from daemon import Daemon, alerts_in
from ports import free_port
from redis_server import wait_until
from sentinels import SentinelGroup

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PROGRAM = str(Path(sys.executable).parent / "nicu-monitor")
RECORD = Path(__file__).resolve().parents[3] / "build" / "fleet.jsonl"
BEDS = [f"bed-{number:02}" for number in range(12)]
LOST = BEDS[:3]


def note(**facts):
    RECORD.parent.mkdir(exist_ok=True)
    with RECORD.open("a", encoding="utf-8") as file:
        file.write(json.dumps(facts) + "\n")
    print(json.dumps(facts))


def owners(group):
    try:
        client = group.client()
        entries = {entry: bed for bed, entry in client.hgetall("nicu:beds:entries").items()}
        pending = client.xpending_range("nicu:beds:leases", "stations", "-", "+", 100)
    except (redis.RedisError, StopIteration):
        return {}
    return {entries[item["message_id"]]: item["consumer"] for item in pending if item["message_id"] in entries}


def absent(group):
    """Alerts of the cameras that are never there."""
    return [x for x in alerts_in(group.client()) if x["code"] == "camera_lost" and x["bed"] in LOST]


def frames(daemons):
    found = {}
    for daemon in daemons:
        for line in daemon.get("/metrics")[1].splitlines():
            if line.startswith("nicu_monitor_frames_analysed_total{"):
                bed = line.partition('bed="')[2].partition('"')[0]
                found[bed] = found.get(bed, 0.0) + float(line.rpartition(" ")[2])
    return found


def seconds_until_all_analysed(daemons, beds):
    """Wait until every one of the beds has a frame that was analysed after now."""
    began = time.monotonic()
    left, before = set(beds), frames(daemons)
    while left:
        now = frames(daemons)
        left = {bed for bed in left if now.get(bed, 0.0) <= before.get(bed, 0.0) or bed not in now}
        for bed in set(before) - set(now):
            before[bed] = 0.0
        assert time.monotonic() - began < 120, f"not analysed again: {left}"
        time.sleep(0.2)
    return time.monotonic() - began


@pytest.fixture
def ward(tmp_path):
    with SentinelGroup(tmp_path / "redis") as group:
        daemons = {
            name: Daemon(
                tmp_path / name,
                {
                    "station": {"id": name},
                    "fleet": {"capacity_beds": 15},
                    "redis": {"url": group.url, "timeout_seconds": 1.0},
                    "analysis": {"frames_per_second": 0.5, "workers": 1},
                    "faces": {"detection_size_px": 320},
                    "web": {"enabled": False},
                },
            )
            for name in "abc"
        }
        beds = [
            {
                "id": bed,
                "home": "abc"[index % 3],
                "camera": {
                    "url": f"rtsp://127.0.0.1:{free_port()}/x"
                    if bed in LOST
                    else f"synthetic://calm?seed={index}&size=160x90&fps=1"
                },
            }
            for index, bed in enumerate(BEDS)
        ]
        (tmp_path / "ward.yaml").write_text(yaml.safe_dump({"beds": beds}))
        publishing = [PROGRAM, "beds", "publish", str(tmp_path / "ward.yaml"), "--config", str(daemons["a"]._file)]
        answer = subprocess.run(publishing, capture_output=True, text=True, timeout=120, check=False)
        assert answer.returncode == 0, answer.stderr
        for daemon in daemons.values():
            daemon.start()
        try:
            yield group, daemons
        finally:
            for daemon in daemons.values():
                daemon.end()


def test_a_ward_outlives_a_station_its_redis_and_its_table(ward):
    group, daemons = ward
    wait_until(lambda: len(owners(group)) == 12 and "-" not in owners(group).values(), 120, "every bed has a station")
    seconds_until_all_analysed(daemons.values(), set(BEDS) - set(LOST))
    wait_until(lambda: {x["bed"] for x in alerts_in(group.client())} >= set(LOST), 90, "the absent cameras' alarms")
    first = {x["bed"]: x["alert_id"] for x in absent(group)}
    time.sleep(3)

    # A station is killed.
    victim = owners(group)[LOST[0]]
    beds = [bed for bed, owner in owners(group).items() if owner == victim]
    daemons[victim].kill()
    killed = time.monotonic()
    rest = [daemon for name, daemon in daemons.items() if name != victim]
    wait_until(lambda: victim not in owners(group).values(), 60, "the take-over")
    taken = time.monotonic() - killed
    wait_until(lambda: all(frames(rest).get(bed, 0) > 0 for bed in set(beds) - set(LOST)), 60, "frames again")
    note(
        fault="kill -9 of a station",
        beds=len(beds),
        taken_over_seconds=taken,
        analysed_seconds=time.monotonic() - killed,
    )
    assert taken < 60

    # Another one stops for a while, and comes back.
    other = next(name for name in "abc" if name != victim)
    daemons[victim].start()
    wait_until(lambda: daemons[victim].metric("nicu_monitor_fleet_beds_limit"), 60, "the killed station is back")
    os.kill(daemons[other].pid, signal.SIGSTOP)
    stopped = time.monotonic()
    wait_until(lambda: other not in owners(group).values(), 60, "the take-over")
    note(fault="SIGSTOP of a station", taken_over_seconds=time.monotonic() - stopped)
    os.kill(daemons[other].pid, signal.SIGCONT)
    wait_until(lambda: daemons[other].metric("nicu_monitor_fleet_beds_lost_total"), 60, "it lets go")
    assert "-" not in owners(group).values()

    # The primary of Redis is killed.
    settled = owners(group)
    elected = group.kill_primary()
    wait_until(lambda: len(owners(group)) == 12, 60, "the table on the new primary")
    time.sleep(15)
    moved = sum(owners(group)[bed] != owner for bed, owner in settled.items())
    note(fault="kill -9 of the Redis primary", elected_seconds=elected, beds_that_moved=moved)
    assert moved <= 3, "no storm of take-overs"

    # Everything in Redis is lost.
    group.client().flushall()
    lost = time.monotonic()
    wait_until(lambda: len(owners(group)) == 12 and "-" not in owners(group).values(), 60, "the table is written again")
    note(fault="FLUSHALL", whole_again_seconds=time.monotonic() - lost)

    # No alert was lost, none began again under another id.
    wait_until(lambda: {x["bed"] for x in alerts_in(group.client())} >= set(LOST), 60, "the alerts are there again")
    now_on = {x["bed"]: x["alert_id"] for x in absent(group)}
    note(result="alarms under the same id", beds=len(LOST), same=sum(now_on[bed] == first[bed] for bed in LOST))
    assert now_on == first
    for daemon in daemons.values():
        assert "Traceback" not in daemon.output()
