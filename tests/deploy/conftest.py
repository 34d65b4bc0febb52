"""A whole station under a real Prometheus with the real rules, once for all tests of this folder."""

import shutil

import pytest
from daemon import Daemon
from ports import free_port
from redis_server import RedisServer, wait_until
from rules_prometheus import RulesPrometheus

STATION = "ward"


@pytest.fixture(scope="session")
def needs_prometheus():
    """Skip where the server is not installed."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed; run: apt-get install prometheus")


@pytest.fixture(scope="session")
def watched_station(tmp_path_factory, needs_prometheus):
    """A Prometheus that saw a pain alarm of a real daemon with two synthetic beds and an absent camera."""
    directory = tmp_path_factory.mktemp("watched-station")
    config = {
        "station": {"id": STATION},
        "beds": [
            {"id": "bed-pain", "camera": {"url": "synthetic://pain?seed=3&fps=10&size=640x360"}},
            {"id": "bed-calm", "camera": {"url": "synthetic://calm?seed=8&fps=10&size=640x360"}},
            {"id": "bed-dead", "camera": {"url": f"rtsp://127.0.0.1:{free_port()}/nothing"}},
        ],
    }
    redis_directory = directory / "redis"
    redis_directory.mkdir()
    with RedisServer(redis_directory) as redis, Daemon(directory, {**config, "redis": {"url": redis.url}}) as daemon:
        wait_until(daemon.is_ready, 60, "readiness")
        with RulesPrometheus(directory, daemon.url.removeprefix("http://")) as prometheus:
            pain = 'nicu_monitor_alarm_condition{code="pain_sign"} == 1 and on (bed) nicu_monitor_pain_level'
            wait_until(lambda: prometheus.rows(pain), 90, "a pain alarm in Prometheus")
            published = "increase(nicu_monitor_alert_publish_latency_seconds_count[15s]) > 0"
            wait_until(lambda: prometheus.rows(published), 30, "an alert's delay in Prometheus")
            recorded = 'nicu_bed:frames_analysed:rate1m{bed="bed-pain"} and on (instance) nicu_station:late:ratio1h'
            wait_until(lambda: prometheus.rows(recorded), 30, "the recording rules")
            dead = 'nicu_monitor_alarm_condition{bed="bed-dead",kind="technical"}'
            wait_until(lambda: prometheus.rows(dead), 60, "the alarm of the dead camera")
            yield prometheus
        assert daemon.stop() == 0
