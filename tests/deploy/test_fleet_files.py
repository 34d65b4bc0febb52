"""What a fleet is installed from: valid by its own schemas, and fit for this program."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from manifests import manifests
from ports import free_port
from redis_server import RedisServer, wait_until

from monitor.config.file import read_config
from monitor.config.fleet import FleetBed

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
COMPOSE = DEPLOY / "compose" / "fleet.yaml"
MANIFESTS = manifests(DEPLOY / "kubernetes" / "fleet")


def test_the_compose_file_is_one_and_every_service_is_hardened():
    pytest.importorskip("check_jsonschema")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    assert len([name for name in services if name.startswith(("redis", "sentinel"))]) == 6
    for name, service in services.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        # Our image is in no registry.
        assert ("build" in service) == service["image"].startswith("nicu-monitor"), name
        if name.startswith("redis"):
            assert service["command"][-2:] == ["--min-replicas-to-write", "1"] or "--replicaof" in service["command"]


@pytest.mark.parametrize("key", MANIFESTS, ids="/".join)
def test_kubernetes_accepts_every_manifest(key):
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    kubernetes_validate.validate(MANIFESTS[key], "1.30", strict=True)


def test_stations_are_replicas_with_their_pod_s_name_and_a_node_of_their_own():
    spec = MANIFESTS["StatefulSet", "stations"]["spec"]
    assert spec["replicas"] == 3
    [container] = spec["template"]["spec"]["containers"]
    [variable] = container["env"]
    assert (variable["name"], variable["valueFrom"]["fieldRef"]["fieldPath"]) == ("STATION_ID", "metadata.name")
    [rule] = spec["template"]["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert rule["topologyKey"] == "kubernetes.io/hostname"
    assert rule["labelSelector"]["matchLabels"] == spec["selector"]["matchLabels"]


def test_one_pod_alone_serves_the_ward_s_page_for_each_signs_logins_with_its_own_key():
    spec = MANIFESTS["Deployment", "ward"]["spec"]
    assert spec["replicas"] == 1


@pytest.mark.parametrize("file", [DEPLOY / "compose" / "fleet" / "station.yaml", None], ids=["compose", "kubernetes"])
def test_the_stations_file_is_right_for_every_station(file, tmp_path):
    text = MANIFESTS["ConfigMap", "fleet"]["data"]["station.yaml"] if file is None else file.read_text()
    copy = tmp_path / "station.yaml"
    # Files of secrets exist where it runs, and not here.
    copy.write_text("\n".join(line for line in text.splitlines() if "password_file" not in line))
    config = read_config(copy, {"STATION_ID": "station-7"})
    assert (config.station.id, config.beds, config.redis.replicas) == ("station-7", (), 1)
    assert config.fleet is not None


def test_the_example_s_beds_can_be_published():
    beds = yaml.safe_load((DEPLOY / "compose" / "fleet" / "beds.yaml").read_text())["beds"]
    assert [FleetBed.model_validate(bed).settings({}).id for bed in beds] == ["bed-1", "bed-2"]


def test_redis_and_sentinel_take_the_shipped_files(tmp_path):
    for name in ("secrets.conf", "sentinel-secrets.conf"):
        (tmp_path / name).write_text("")
    (tmp_path / "redis").mkdir()
    redis_conf = (DEPLOY / "sentinel" / "redis.conf").read_text()
    options = [
        word
        for line in redis_conf.splitlines()
        if line and not line.startswith(("#", "port", "bind", "include", "appendonly"))
        for word in (f"--{line.split()[0]}", line.split(maxsplit=1)[1])
    ]
    with RedisServer(tmp_path / "redis", *options) as server:
        assert server.client().config_get("min-replicas-to-write") == {"min-replicas-to-write": "1"}
        port = free_port()
        text = (DEPLOY / "sentinel" / "sentinel.conf").read_text()
        text = text.replace("port 26379", f"port {port}").replace(
            "redis-1.hospital.example 6379", f"127.0.0.1 {server.port}"
        )
        file = tmp_path / "sentinel.conf"
        file.write_text(text.replace("include /etc/redis/", f"include {tmp_path}/") + f"\ndir {tmp_path}\n")
        process = subprocess.Popen(
            ["redis-server", str(file), "--sentinel"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            command = ["redis-cli", "-p", str(port), "sentinel", "get-master-addr-by-name", "ward"]

            def answers():
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                return str(server.port) in done.stdout

            wait_until(answers, 20, "the Sentinel's answer")
        finally:
            process.kill()
            process.communicate()
