"""Compose file and Kubernetes manifests: valid by their own schemas, hardened, and fit for this program."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from manifests import manifests

from monitor.config import StationConfig

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
COMPOSE_FILE = DEPLOY / "compose" / "compose.yaml"
COMPOSE = yaml.safe_load(COMPOSE_FILE.read_text())
MANIFESTS = manifests(DEPLOY / "kubernetes")
KUSTOMIZATIONS = sorted(file.parent for file in (DEPLOY / "kubernetes").rglob("kustomization.yaml"))
APPLIED = [directory for directory in KUSTOMIZATIONS if directory.name != "common"]
STATION = MANIFESTS["StatefulSet", "station-1"]
POD = STATION["spec"]["template"]["spec"]
[CONTAINER] = POD["containers"]


def test_compose_file_follows_the_compose_specification():
    pytest.importorskip("check_jsonschema")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE_FILE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_compose_holds_all_five_services_and_hardens_each():
    assert set(COMPOSE["services"]) == {"monitor", "redis", "prometheus", "alertmanager", "grafana"}
    for name, service in COMPOSE["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service["image"].endswith(":latest"), name
        assert ":" in service["image"], name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
    assert COMPOSE["networks"]["alerts"]["internal"]
    assert COMPOSE["services"]["redis"]["networks"] == ["alerts"]
    assert "--appendonly" in COMPOSE["services"]["redis"]["command"]


def test_compose_mounts_what_exists_and_volumes_that_are_declared():
    for name, service in COMPOSE["services"].items():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (COMPOSE_FILE.parent / source).resolve().is_dir(), (name, volume)
                assert volume.endswith(":ro"), (name, volume)
            else:
                assert source in COMPOSE["volumes"], (name, volume)


def test_compose_services_find_each_other_under_the_names_that_the_files_use():
    prometheus = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    [targets] = prometheus["alerting"]["alertmanagers"][0]["static_configs"]
    [stations] = yaml.safe_load((DEPLOY / "prometheus" / "targets" / "stations.yml").read_text())
    station = StationConfig.model_validate(yaml.safe_load((DEPLOY / "compose" / "nicu" / "station.yaml").read_text()))
    assert targets["targets"] == ["alertmanager:9093"]
    assert stations["targets"] == [f"monitor:{station.http.port}"]
    assert station.redis.url.get_secret_value() == "redis://redis:6379/0"
    assert not station.http.is_loopback, "the container's port is forwarded to its outer address"
    assert str(station.spool.directory).startswith("/var/lib/nicu/")
    assert COMPOSE["services"]["grafana"]["environment"]["PROMETHEUS_URL"] == "http://prometheus:9090"


@pytest.mark.parametrize("key", MANIFESTS, ids="/".join)
def test_kubernetes_accepts_every_manifest(key):
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    kubernetes_validate.validate(MANIFESTS[key], "1.30", strict=True)


def test_the_schema_check_can_fail():
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    broken = {**STATION, "spec": {**STATION["spec"], "replica": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, "1.30", strict=True)


@pytest.mark.parametrize("directory", KUSTOMIZATIONS, ids=lambda directory: directory.name)
def test_kustomization_lists_every_file(directory):
    resources = yaml.safe_load((directory / "kustomization.yaml").read_text())["resources"]
    files = {file.name for file in directory.glob("*.yaml")} - {"kustomization.yaml"}
    assert {name for name in resources if name.endswith(".yaml")} == files


@pytest.mark.parametrize("directory", APPLIED, ids=lambda directory: directory.name)
def test_what_is_applied_brings_its_namespace_and_knows_the_image(directory):
    kustomization = yaml.safe_load((directory / "kustomization.yaml").read_text())
    made = manifests(directory)
    assert ("Namespace", kustomization["namespace"]) in made
    namespaces = {document["metadata"].get("namespace") for (kind, _), document in made.items() if kind != "Namespace"}
    assert namespaces == {kustomization["namespace"]}
    assert [image["name"] for image in kustomization["images"]] == [CONTAINER["image"]]


@pytest.mark.parametrize("directory", APPLIED, ids=lambda directory: directory.name)
def test_a_station_may_reach_the_redis_of_its_configuration(directory):
    made = manifests(directory)
    policy = made["NetworkPolicy", "stations"]["spec"]
    open_ports = {
        (peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"], port["port"])
        for rule in policy["egress"]
        for peer in rule["to"]
        if "namespaceSelector" in peer
        for port in rule["ports"]
    }
    [url] = [
        urlsplit(yaml.safe_load(document["data"]["station.yaml"])["redis"]["url"])
        for (kind, _), document in made.items()
        if kind == "ConfigMap"
    ]
    _, namespace, _ = url.hostname.split(".")
    # A Sentinel only says where the server is.
    assert {(namespace, url.port), (namespace, 6379)} <= open_ports


def test_the_pod_has_no_rights_and_one_directory_to_write():
    context, pod = CONTAINER["securityContext"], POD["securityContext"]
    assert pod["runAsNonRoot"] is True
    assert f"USER {pod['runAsUser']}:{pod['runAsGroup']}" in (DEPLOY.parent / "Dockerfile").read_text()
    assert context["readOnlyRootFilesystem"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert pod["seccompProfile"]["type"] == "RuntimeDefault"
    assert POD["automountServiceAccountToken"] is False
    writable = {mount["mountPath"] for mount in CONTAINER["volumeMounts"] if not mount.get("readOnly")}
    assert writable == {"/var/lib/nicu", "/tmp"}  # noqa: S108 - a path in the container
    names = {volume["name"] for volume in POD["volumes"]}
    names |= {claim["metadata"]["name"] for claim in STATION["spec"]["volumeClaimTemplates"]}
    assert {mount["name"] for mount in CONTAINER["volumeMounts"]} == names


def test_one_station_runs_once_and_is_not_evicted():
    assert STATION["spec"]["replicas"] == 1
    budget = MANIFESTS["PodDisruptionBudget", "station-1"]["spec"]
    assert budget["maxUnavailable"] == 0
    labels = STATION["spec"]["template"]["metadata"]["labels"]
    selectors = (budget["selector"]["matchLabels"], MANIFESTS["Service", "station-1"]["spec"]["selector"])
    assert all(selector == labels == STATION["spec"]["selector"]["matchLabels"] for selector in selectors)


def test_the_station_in_the_config_map_is_right_and_where_the_pod_expects_it():
    text = MANIFESTS["ConfigMap", "station-1"]["data"]["station.yaml"]
    config = StationConfig.model_validate(yaml.safe_load(text))
    [port] = CONTAINER["ports"]
    assert config.http.port == port["containerPort"]
    assert not config.http.is_loopback, "probes come from outside the pod"
    mounts = {mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    for file in (config.web.users_file, config.redis.password_file, config.beds[0].camera.password_file):
        assert str(file.parent) in mounts
    assert str(config.spool.directory.parent) in mounts
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert CONTAINER[probe]["httpGet"]["path"] in {"/healthz", "/readyz"}
        # By the pod's address, a list of allowed names would refuse them, and the pod would be killed.
        assert CONTAINER[probe]["httpGet"]["httpHeaders"] == [{"name": "Host", "value": "localhost"}]


def test_only_prometheus_and_the_proxy_come_in_and_only_to_the_port():
    policy = MANIFESTS["NetworkPolicy", "stations"]["spec"]
    assert policy["podSelector"] == {}
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert [rule["ports"] for rule in policy["ingress"]] == [[{"protocol": "TCP", "port": 9108}]]
    assert all(rule.get("to") and rule.get("ports") for rule in policy["egress"])
