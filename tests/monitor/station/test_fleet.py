"""Stations that share beds: a real Redis, real daemons, synthetic cameras at a low rate.

What takes longer is run by `make fleet`.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from daemon import Daemon, alerts_in
from ports import free_port
from redis_server import wait_until

RULES = Path(__file__).resolve().parents[3] / "deploy" / "prometheus" / "rules"
PROGRAM = str(Path(sys.executable).parent / "nicu-monitor")


def station(directory, redis_url, name, capacity=10, **changes):
    return Daemon(
        directory / name,
        {
            "station": {"id": name},
            "fleet": {"capacity_beds": capacity, "lease_seconds": 4.0},
            "redis": {"url": redis_url, "timeout_seconds": 1.0},
            "analysis": {"frames_per_second": 1.0, "workers": 1},
            "faces": {"detection_size_px": 320},
            "web": {"enabled": False},
            **changes,
        },
    )


def command(daemon, *words):
    return subprocess.run(
        [PROGRAM, *words, "--config", str(daemon._file)], capture_output=True, text=True, timeout=60, check=False
    )


def publish(daemon, directory, beds):
    file = directory / "ward.yaml"
    file.write_text(yaml.safe_dump({"beds": beds}))
    answer = command(daemon, "beds", "publish", str(file))
    assert answer.returncode == 0, answer.stderr


def calm(name, seed, **fields):
    return {"id": name, "camera": {"url": f"synthetic://calm?seed={seed}&size=320x180&fps=2"}, **fields}


def owners(client):
    entries = {entry: bed for bed, entry in client.hgetall("nicu:beds:entries").items()}
    if not entries:
        return {}
    pending = client.xpending_range("nicu:beds:leases", "stations", "-", "+", 100)
    return {entries[item["message_id"]]: item["consumer"] for item in pending if item["message_id"] in entries}


def is_analysed(daemon, bed):
    return (daemon.metric("nicu_monitor_frames_analysed_total", bed=bed) or 0) > 0


@pytest.mark.timeout(240)
def test_a_killed_station_s_beds_go_on_elsewhere_with_the_same_alarms_and_come_home(tmp_path, redis_server):
    client = redis_server.client()
    a, b = station(tmp_path, redis_server.url, "a", capacity=3), station(tmp_path, redis_server.url, "b")
    lost = {"id": "lost", "home": "a", "camera": {"url": f"rtsp://127.0.0.1:{free_port()}/x"}}
    publish(a, tmp_path, [calm("one", 1, home="a"), lost, calm("two", 2, home="b")])
    assert "password" not in json.dumps(client.hgetall("nicu:beds"))
    with a:
        wait_until(
            lambda: owners(client) == {"one": "a", "lost": "a", "two": "-"}, 60, "its home beds first, up to its limit"
        )
        b.start()
        wait_until(lambda: owners(client) == {"one": "a", "lost": "a", "two": "b"}, 60, "every bed at its home")
        wait_until(lambda: is_analysed(a, "one") and is_analysed(b, "two"), 60, "frames of both")
        wait_until(lambda: any(x["bed"] == "lost" for x in alerts_in(client)), 30, "the absent camera's alarm")
        first = next(x for x in alerts_in(client) if x["bed"] == "lost")
        wait_until(lambda: first["alert_id"] in str(client.hgetall("nicu:beds:alarms:lost")), 10, "the shared alarm")
        a.kill()
        wait_until(lambda: owners(client) == {"one": "b", "lost": "b", "two": "b"}, 12, "the take-over")
        wait_until(lambda: is_analysed(b, "one"), 12, "frames of the bed that was taken over")
        on = {"bed": "lost", "code": "camera_lost"}
        wait_until(lambda: b.metric("nicu_monitor_alarm_condition", **on) == 1.0, 10, "the alarm goes on")
        assert b.metric("nicu_monitor_fleet_takeovers_total") == 2.0
        shown = set(re.findall(r"^nicu_monitor_fleet_\w+", b.get("/metrics")[1], re.MULTILINE))
        rules = "".join(file.read_text() for file in RULES.glob("*.yml"))
        assert set(re.findall(r"nicu_monitor_fleet_\w+", rules)) <= shown, "an alert on what nobody exports never fires"

        # A command goes to the bed, whoever watches it.
        answer = command(b, "acknowledge", first["alert_id"], "--to-bed", "lost", "--by", "nurse-7")
        assert answer.returncode == 0, answer.stderr
        of_lost = [x for x in alerts_in(client) if x["bed"] == "lost" and x["code"] == "camera_lost"]
        assert {x["alert_id"] for x in of_lost} == {first["alert_id"]}
        assert of_lost[-1]["station"] == "b"
        assert of_lost[-1]["acknowledgement"]["by"] == "nurse-7"

        # Nobody can take the beds of the last station: said by who comes, and by the list.
        b.kill()
        time.sleep(5)
        c = station(tmp_path, redis_server.url, "c", capacity=2)
        with c:
            wait_until(
                lambda: any(x["code"] == "bed_unwatched" and x["station"] == "c" for x in alerts_in(client)),
                40,
                "the alarm that nobody watches a bed",
            )
            listed = json.loads(command(c, "beds", "list", "--json").stdout)
            assert sum(row["watched_by"] == "c" for row in listed) == 1
            a.start()
            wait_until(lambda: sorted(owners(client).values()) == ["a", "a", "c"], 40, "every bed has a station")
            wait_until(
                lambda: [x["phase"] for x in alerts_in(client) if x["code"] == "bed_unwatched"][-1] == "end",
                40,
                "the end",
            )
            assert c.stop() == 0
        assert sorted(owners(client).values()) == ["-", "a", "a"], "a station that ends hands its beds over at once"
        assert a.stop() == 0
    b.end()
    for daemon in (a, b, c):
        assert "Traceback" not in daemon.output()


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_stopped_station_lets_go_and_one_without_redis_watches_on(tmp_path, redis_server):
    client = redis_server.client()
    a, b = station(tmp_path, redis_server.url, "a"), station(tmp_path, redis_server.url, "b")
    publish(a, tmp_path, [calm("one", 1, home="a")])
    with a:
        wait_until(lambda: is_analysed(a, "one"), 60, "frames")
        with b:
            wait_until(lambda: b.metric("nicu_monitor_fleet_beds_limit"), 30, "the second")
            os.kill(a.pid, signal.SIGSTOP)
            wait_until(lambda: owners(client) == {"one": "b"}, 20, "the take-over")
            os.kill(a.pid, signal.SIGCONT)
            wait_until(lambda: a.metric("nicu_monitor_fleet_beds_lost_total") == 1.0, 20, "the first notices")
            wait_until(lambda: a.metric("nicu_monitor_frames_analysed_total", bed="one") is None, 10, "and lets go")
            assert owners(client) == {"one": "b"}
        # Without Redis nothing is let go; a lost table is written again, and the lease with it.
        wait_until(lambda: owners(client) == {"one": "a"}, 30, "the bed is home")
        wait_until(lambda: is_analysed(a, "one"), 30, "frames again")
        redis_server.stop()
        before = a.metric("nicu_monitor_frames_analysed_total", bed="one")
        wait_until(
            lambda: a.metric("nicu_monitor_frames_analysed_total", bed="one") > before + 5, 30, "frames without Redis"
        )
        redis_server.start()
        client.flushall()
        wait_until(lambda: owners(client) == {"one": "a"}, 30, "the table is whole again")
        assert a.stop() == 0
