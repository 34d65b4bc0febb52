"""A whole station under a real Prometheus with the real rules, once for all tests of this folder."""

import json
import shutil
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
import yaml
from daemon import Daemon
from redis_server import RedisServer, wait_until

from monitor.demo.servers import LocalServer, free_port

REPOSITORY = Path(__file__).resolve().parents[2]
STATION = "ward"


class RulesPrometheus(LocalServer):
    """A Prometheus with the repository's own rules and job, at a quicker pace.

    Args:
        directory: For its files.
        station: host:port of the station; None for no target.
        alertmanager: host:port; None for none.
    """

    def __init__(self, directory, station, alertmanager=None):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = yaml.safe_load((REPOSITORY / "deploy/prometheus/prometheus.yml").read_text())
        self.config["global"].update(scrape_interval="1s", scrape_timeout="1s", evaluation_interval="1s")
        self.config["rule_files"] = [str(REPOSITORY / "deploy/prometheus/rules/*.yml")]
        self.config["alerting"] = {
            "alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}] if alertmanager else []
        }
        [job] = self.config["scrape_configs"]
        del job["file_sd_configs"]
        job["static_configs"] = [{"targets": [station]}] if station else []
        file = directory / "prometheus.yml"
        file.write_text(yaml.safe_dump(self.config))
        options = [f"--config.file={file}", f"--storage.tsdb.path={directory / 'data'}"]
        super().__init__(
            "prometheus", ["prometheus", *options, f"--web.listen-address=127.0.0.1:{self.port}"], directory
        )

    def answers(self):
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    def ask(self, path, **query):
        with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(query)}", timeout=10) as answer:
            return json.load(answer)["data"]

    def rows(self, expression):
        """Labels and value of every series of an expression's result now."""
        data = self.ask("/api/v1/query", query=expression)
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(row["metric"], float(row["value"][1])) for row in data["result"]]


@pytest.fixture(scope="session")
def watched_station(tmp_path_factory):
    """A Prometheus that has seen a pain alarm of a real daemon with two drawn beds and a camera that is not there."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed; run: apt-get install prometheus")
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
            yield prometheus
        assert daemon.stop() == 0
