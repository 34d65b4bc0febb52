"""The daemon as a whole, with real cameras, Redis and Prometheus, and without one of them."""

import json
import time
import urllib.parse
import urllib.request

import pytest
from daemon import Daemon, alerts_in
from ports import free_port
from redis_server import wait_until

from monitor.delivery.keys import Keys
from monitor.demo.servers import LocalPrometheus
from monitor.synthetic import SyntheticBed
from monitor.video.rtsp_feed import PaintedFeed
from monitor.video.rtsp_server import Credentials, RtspServer

SECRET = "hunter2-of-the-ward"  # noqa: S105 - stands for one


def painted(scenario, seed=3):
    bed = SyntheticBed(seed, scenario, width_px=640, height_px=360, fps=10)
    return PaintedFeed(lambda seconds: bed.frame(seconds)[0], size_px=(640, 360), frames_per_second=10)


def config(redis_url, **beds):
    return {
        "station": {"id": "ward"},
        "beds": [{"id": name, "camera": camera} for name, camera in beds.items()],
        "redis": {"url": redis_url, "timeout_seconds": 0.5},
        "alarms": {"clear_seconds": 3.0},
    }


def codes(alerts, bed):
    return {(alert["code"], alert["phase"]) for alert in alerts if alert["bed"] == bed}


def test_pain_on_one_bed_reaches_redis_and_prometheus_and_the_other_stays_calm(tmp_path, redis_server):
    feeds = {"/pain": painted("pain"), "/calm": painted("calm", 8)}
    login = Credentials("monitor", SECRET)
    (tmp_path / "password").write_text(f"{SECRET}\n")
    with RtspServer(feeds, credentials=login) as cameras:
        camera = {"username": "monitor", "password_file": str(tmp_path / "password")}
        beds = {name: {"url": cameras.url(f"/{name}"), **camera} for name in ("pain", "calm")}
        with Daemon(tmp_path / "d", config(redis_server.url, **beds)) as daemon:
            wait_until(daemon.is_ready, 30, "readiness")
            with LocalPrometheus(tmp_path, daemon.url.removeprefix("http://")) as prometheus:
                client = redis_server.client()
                wait_until(
                    lambda: {("pain_sign", "start"), ("pain_sign", "end")} <= codes(alerts_in(client), "pain"),
                    80,
                    "a pain alarm with start and end",
                )
                alerts = alerts_in(client)
                assert not {code for code, _ in codes(alerts, "calm")} & {"pain_sign", "pain_sustained"}
                mine = [alert["seq"] for alert in alerts]
                assert mine == list(range(1, len(mine) + 1))
                assert client.exists(Keys("nicu", "ward").heartbeat)
                query = 'nicu_monitor_alarm_transitions_total{bed="pain",code="pain_sign",phase="start"}'

                def scraped():
                    address = f"{prometheus.url}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
                    with urllib.request.urlopen(address, timeout=5) as answer:
                        return [float(row["value"][1]) for row in json.load(answer)["data"]["result"]]

                wait_until(lambda: scraped() == [1.0], 15, "the transition in Prometheus")
            assert daemon.get("/healthz")[0] == 200
            pages = "".join(daemon.get(path)[1] for path in ("/metrics", "/healthz", "/readyz"))
            assert daemon.stop() == 0
        assert not client.exists(Keys("nicu", "ward").heartbeat), "a stopped station no longer watches"
        for text in (daemon.output(), pages, json.dumps(alerts), json.dumps(client.hgetall("nicu:state:pain"))):
            assert SECRET not in text


def test_a_wrong_password_and_an_absent_camera_are_alarms_and_the_other_bed_goes_on(tmp_path, redis_server):
    with RtspServer(
        {"/calm": painted("calm"), "/other": painted("calm")}, credentials=Credentials("monitor", SECRET)
    ) as cameras:
        url = cameras.url("/calm")
        beds = {
            "good": {"url": url, "username": "monitor", "password": SECRET},
            "wrong": {"url": cameras.url("/other"), "username": "monitor", "password": "guess-42"},
            "absent": {"url": f"rtsp://127.0.0.1:{free_port()}/x"},
        }
        with Daemon(tmp_path / "d", config(redis_server.url, **beds)) as daemon:
            client = redis_server.client()
            for bed in ("wrong", "absent"):
                wait_until(lambda bed=bed: ("camera_lost", "start") in codes(alerts_in(client), bed), 20, f"{bed} lost")
            wait_until(
                lambda: (daemon.metric("nicu_monitor_frames_analysed_total", bed="good") or 0) > 10, 20, "frames"
            )
            assert daemon.stop() == 0
        text = daemon.output() + json.dumps(alerts_in(client))
        assert "guess-42" not in text
        assert SECRET not in text


def test_redis_may_be_absent_at_the_start_and_gets_every_alert_later(tmp_path, redis_server):
    redis_server.stop()
    beds = {"absent": {"url": f"rtsp://127.0.0.1:{free_port()}/x"}}
    with Daemon(tmp_path / "d", config(redis_server.url, **beds)) as daemon:
        wait_until(
            lambda: daemon.metric("nicu_monitor_alarm_condition", code="camera_lost") == 1.0, 30, "the alarm here"
        )
        redis_server.start()
        client = redis_server.client()
        wait_until(lambda: ("camera_lost", "start") in codes(alerts_in(client), "absent"), 15, "the alert in Redis")
        seqs = [alert["seq"] for alert in alerts_in(client)]
        assert seqs == list(range(1, len(seqs) + 1))


def test_an_alarm_that_was_on_is_still_on_after_a_kill_with_the_same_id(tmp_path, redis_server):
    beds = {"absent": {"url": f"rtsp://127.0.0.1:{free_port()}/x"}}
    with Daemon(tmp_path / "d", config(redis_server.url, **beds)) as daemon:
        client = redis_server.client()
        wait_until(lambda: ("camera_lost", "start") in codes(alerts_in(client), "absent"), 30, "the alarm")
        daemon.kill()
        began = time.monotonic()
        daemon.start()
        wait_until(lambda: daemon.metric("nicu_monitor_alarm_condition", code="camera_lost") == 1.0, 30, "the alarm")
        assert time.monotonic() - began < 20
        time.sleep(6)
        starts = [
            a for a in alerts_in(client) if (a["code"], a["phase"], a["bed"]) == ("camera_lost", "start", "absent")
        ]
        assert len(starts) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"models": {"classifier": "/nowhere/bundle"}}, "no bundle"),
        ({"models": {"clasifier": "x"}}, "did you mean `classifier`?"),
        ({"http": {"host": "203.0.113.1"}}, "cannot serve HTTP"),
        ({"redis": {"url": "http://x"}}, "redis.url must begin with"),
    ],
)
def test_a_station_that_cannot_start_says_why_in_one_sentence(tmp_path, change, words):
    wrong = {"beds": [{"id": "a", "camera": {"url": "synthetic://calm"}}], **change}
    with Daemon(tmp_path / "d", wrong) as daemon:
        assert daemon.wait() == 3
        assert words in daemon.output()
        assert "Traceback" not in daemon.output()


def test_a_bundle_with_one_changed_byte_is_refused(tmp_path):
    import shutil

    from monitor.inference.bundle import find_bundle

    copy = tmp_path / "bundle"
    shutil.copytree(find_bundle("ncnn-demo"), copy)
    model = next(copy.glob("*.onnx"))
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(bytes(content))
    beds = [{"id": "a", "camera": {"url": "synthetic://calm"}}]
    with Daemon(tmp_path / "d", {"beds": beds, "models": {"classifier": str(copy)}}) as daemon:
        assert daemon.wait() == 3
        assert "SHA-256" in daemon.output()
