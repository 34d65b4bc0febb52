"""The routing example, with a real Alertmanager, from a rule of a real Prometheus to the receiver."""

import json
import shutil
import subprocess
import threading
import time
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from ports import free_port
from prometheus_client import CollectorRegistry, Gauge, start_http_server
from redis_server import wait_until
from rules_prometheus import RulesPrometheus

from monitor.demo.servers import LocalServer

CONFIG = Path(__file__).resolve().parents[2] / "deploy" / "alertmanager" / "alertmanager.yml"


class Receiver:
    """Keeps what Alertmanager sends, by path."""

    def __init__(self):
        self.got = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.got += [(self.path.strip("/"), alert) for alert in body["alerts"]]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def names(self, path):
        return {alert["labels"]["alertname"] for where, alert in self.got if where == path}


class LocalAlertmanager(LocalServer):
    """The example's routes and inhibitions; receivers here, and no long waits."""

    def __init__(self, directory, receiver):
        self.port = free_port()
        config = yaml.safe_load(CONFIG.read_text())
        for entry in config["receivers"]:
            for hook in entry.get("webhook_configs", []):
                hook["url"] = f"http://127.0.0.1:{receiver.server.server_port}/{entry['name']}"
        for route in (config["route"], *config["route"]["routes"]):
            route["group_wait"] = "1s"
        file = directory / "alertmanager.yml"
        file.write_text(yaml.safe_dump(config))
        command = ["prometheus-alertmanager", f"--config.file={file}", f"--storage.path={directory / 'alertmanager'}"]
        command += [f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address="]
        super().__init__("prometheus-alertmanager", command, directory)

    def answers(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    def send(self, *alerts):
        body = json.dumps([{"labels": labels} for labels in alerts]).encode()
        address = f"http://127.0.0.1:{self.port}/api/v2/alerts"
        request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=5):
            pass


@contextmanager
def alertmanager(directory):
    if shutil.which("prometheus-alertmanager") is None:
        pytest.skip("Alertmanager is not installed; run: apt-get install prometheus-alertmanager")
    with Receiver() as receiver, LocalAlertmanager(directory, receiver) as server:
        yield server, receiver


def about(name, severity="critical", **labels):
    return {"alertname": name, "severity": severity, "team": "operations", "instance": "ward:9108", **labels}


def test_the_example_is_valid():
    if shutil.which("amtool") is None:
        pytest.skip("amtool is not installed; run: apt-get install prometheus-alertmanager")
    done = subprocess.run(["amtool", "check-config", str(CONFIG)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("team=operations severity=critical alertname=CameraLost", "operations-pager"),
        ("team=operations severity=warning alertname=CameraUnstable", "operations-mail"),
        ("team=operations severity=info alertname=FaceSeldomSeen", "operations-mail"),
        ("alertname=Watchdog severity=none", "operations-mail"),
        ("kind=physiological team=operations severity=critical alertname=Pain", "nobody"),
    ],
)
def test_routes(labels, receiver):
    if shutil.which("amtool") is None:
        pytest.skip("amtool is not installed; run: apt-get install prometheus-alertmanager")
    command = ["amtool", "config", "routes", "test", f"--config.file={CONFIG}", *labels.split()]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == receiver


def test_causes_silence_their_consequences_and_pain_goes_nowhere(tmp_path):
    with alertmanager(tmp_path) as (server, receiver):
        server.send(about("StationDown"), about("RedisDown", instance="other:9108"))
        server.send(
            about("CameraLost", bed="bed-1"),
            about("HeartbeatStale", instance="other:9108"),
            about("CameraLost", instance="other:9108", bed="bed-2"),
            about("CameraUnstable", "warning", instance="third:9108"),
            about("Pain", kind="physiological", instance="third:9108"),
        )
        wait_until(lambda: len(receiver.got) >= 4, 30, "four notifications")
        time.sleep(2)  # whatever should not come has had its time to come
        lost = [alert for _, alert in receiver.got if alert["labels"]["alertname"] == "CameraLost"]
        assert [alert["labels"]["instance"] for alert in lost] == ["other:9108"]
        assert receiver.names("operations-pager") == {"StationDown", "RedisDown", "CameraLost"}
        assert receiver.names("operations-mail") == {"CameraUnstable"}


def test_a_stale_heartbeat_goes_from_the_metric_by_the_rule_to_the_pager_with_its_runbook(tmp_path, needs_prometheus):
    registry = CollectorRegistry()
    info = Gauge("nicu_monitor_build_info", "", ("station", "generation_mode"), registry=registry)
    info.labels("ward", "real").set(1)
    Gauge("nicu_monitor_heartbeat_age_seconds", "", registry=registry).set(95)
    metrics, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        with (
            alertmanager(tmp_path) as (server, receiver),
            RulesPrometheus(tmp_path, f"127.0.0.1:{metrics.server_port}", f"127.0.0.1:{server.port}"),
        ):
            wait_until(lambda: receiver.names("operations-pager"), 60, "the notification")
    finally:
        metrics.shutdown()
        thread.join()
        metrics.server_close()
    [alert, *_] = [alert for _, alert in receiver.got]
    assert alert["labels"]["alertname"] == "HeartbeatStale"
    assert alert["labels"]["station"] == "ward"
    assert alert["annotations"]["summary"].startswith("Redis has not taken the heartbeat of ward")
    assert alert["annotations"]["runbook_url"] == "https://docs.nicu.example/runbooks/#heartbeatstale"
