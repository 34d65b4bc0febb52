"""The dashboards: made from code, valid, provisioned, and every expression has data from a real station."""

import json
import math
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest
import yaml
from ports import free_port
from redis_server import wait_until
from rules_prometheus import RulesPrometheus

REPOSITORY = Path(__file__).resolve().parents[2]
GRAFANA = REPOSITORY / "deploy" / "grafana"
DASHBOARDS = {file.stem: json.loads(file.read_text()) for file in sorted((GRAFANA / "dashboards").glob("*.json"))}

# A station that has no such trouble has no such series.
MAY_BE_EMPTY = {
    "nicu_monitor_clock_synchronised": "absent where no time service can be asked, as in a container",
    "nicu_monitor_camera_process_resident_bytes": "with camera processes: tests/faults/station/test_camera_process.py",
    "rate(nicu_monitor_camera_process_cpu_seconds_total": "the same",
    "(nicu_monitor_fleet_": "stations that share beds: tests/monitor/station/test_fleet.py",
    "(increase(nicu_monitor_fleet_": "the same",
    'ALERTS{alertstate="firing",team="operations"}': "a young station with a dead camera: the alert waits two minutes",
}


def panels(board):
    return [panel for panel in board["panels"] if panel["type"] not in {"row", "text"}]


def expressions():
    return [
        pytest.param(target["expr"], id=f"{name}-{panel['title']}-{number}".replace(" ", "_"))
        for name, board in DASHBOARDS.items()
        for panel in panels(board)
        for number, target in enumerate(panel["targets"])
    ]


def filled_in(expression, prometheus, bed="bed-pain"):
    instance = prometheus.config["scrape_configs"][0]["static_configs"][0]["targets"][0]
    # What Grafana would put there: four scrapes for a rate, and the time shown.
    known = {"__rate_interval": "15s", "__range": "1m", "station": "ward", "instance": instance, "bed": bed}
    return re.sub(r"\$(\w+)", lambda match: known[match.group(1)], expression)


def lost(part, whole, path=""):
    """Paths in `part` that `whole` lacks or has otherwise; `whole` may have more, such as defaults."""
    if isinstance(part, dict) and isinstance(whole, dict):
        missing = [f"{path}/{key}" for key in part.keys() - whole.keys()]
        return missing + [x for key in part.keys() & whole.keys() for x in lost(part[key], whole[key], f"{path}/{key}")]
    if isinstance(part, list) and isinstance(whole, list) and len(part) == len(whole):
        return [x for number, pair in enumerate(zip(part, whole, strict=True)) for x in lost(*pair, f"{path}/{number}")]
    return [] if part == whole else [path]


def test_the_files_are_what_the_code_makes(tmp_path):
    pytest.importorskip("grafana_foundation_sdk", reason="grafana-foundation-sdk (extra dev) is not installed")
    command = [sys.executable, "-m", "deploy.grafana.builder", "--out", str(tmp_path)]
    subprocess.run(command, cwd=REPOSITORY, check=True, timeout=60)
    made = {file.stem: json.loads(file.read_text()) for file in tmp_path.glob("*.json")}
    assert made.keys() == DASHBOARDS.keys() == {"station", "bed", "fleet"}
    for name, board in made.items():
        assert board == DASHBOARDS[name], f"{name}.json is old; run: python -m deploy.grafana.builder"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_grafanas_own_types_know_every_field(name):
    """All that is read into the types of Grafana's schema comes out again: no field is misspelt or lost."""
    models = pytest.importorskip("grafana_foundation_sdk.models.dashboard", reason="extra dev is not installed")
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins

    register_default_plugins()
    board = models.Dashboard.from_json(json.loads(json.dumps(DASHBOARDS[name])))
    assert lost(DASHBOARDS[name], json.loads(json.dumps(board, cls=JSONEncoder))) == []


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_have_their_own_position_and_words_for_every_state(name):
    board = DASHBOARDS[name]
    assert board["uid"] == f"nicu-{name}"
    assert "not a medical device" in board["panels"][0]["options"]["content"]
    positions = [panel["gridPos"] for panel in board["panels"]]
    for one, other in combinations(positions, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, (one, other)
    assert all(position["x"] + position["w"] <= 24 for position in positions)
    titles = [panel["title"] for panel in panels(board)]
    assert len(set(titles)) == len(titles)
    for panel in panels(board):
        letters = [target["refId"] for target in panel["targets"]]
        assert all(letters), panel["title"]
        assert len(set(letters)) == len(letters)
        assert panel["datasource"]["uid"] == "${datasource}"
        if panel["type"] == "state-timeline":
            assert panel["fieldConfig"]["defaults"]["mappings"]


@pytest.mark.parametrize("name", ["station", "bed"])
def test_the_address_of_a_station_that_moved_can_be_chosen(name):
    """The story: of a pod that was replaced, the first address was shown, that of the dead one, without a choice."""
    shown = {variable["name"] for variable in DASHBOARDS[name]["templating"]["list"] if not variable.get("hide")}
    assert {"station", "instance"} <= shown


def test_provisioning_names_the_folder_and_the_source_that_the_dashboards_use():
    [source] = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yaml").read_text())["datasources"]
    [provider] = yaml.safe_load((GRAFANA / "provisioning/dashboards/nicu-monitor.yaml").read_text())["providers"]
    assert (source["type"], source["isDefault"]) == ("prometheus", True)
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("expression", expressions())
def test_every_expression_has_data(watched_station, expression):
    rows = watched_station.rows(filled_in(expression, watched_station))
    assert all(not re.search(r"\$\w", value) for labels, _ in rows for value in labels.values())
    if any(expression.startswith(known) for known in MAY_BE_EMPTY):
        return
    assert rows, "no series"
    assert any(not math.isnan(value) for _, value in rows), "only values that are no numbers"


@pytest.fixture(scope="module")
def blind_prometheus(tmp_path_factory, needs_prometheus):
    """A Prometheus whose one station does not answer, before any rule fires."""
    with RulesPrometheus(tmp_path_factory.mktemp("blind"), f"127.0.0.1:{free_port()}") as prometheus:
        wait_until(lambda: prometheus.rows('up{job="nicu-monitor"}'), 30, "the first scrape")
        yield prometheus


def test_nothing_is_said_to_be_well_of_stations_that_do_not_answer(blind_prometheus):
    """The story: no bed unwatched, no station without Redis: in good colours, for there was nobody left to ask."""
    shown = {
        panel["title"]: [value for _, value in blind_prometheus.rows(panel["targets"][0]["expr"])]
        for panel in panels(DASHBOARDS["fleet"])
        if panel["type"] == "stat"
    }
    known = {title: values for title, values in shown.items() if values}
    assert known == {"Stations that answer": [0.0], "Stations that do not": [1.0], "Alerts that fire": [0.0]}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("title", ["Picture", "Light", "Life at the face"])
def test_nothing_good_is_said_of_a_bed_whose_camera_sends_nothing(watched_station, title):
    [panel] = [panel for panel in panels(DASHBOARDS["bed"]) if panel["title"] == title]
    [target] = panel["targets"]
    assert watched_station.rows(filled_in(target["expr"], watched_station, "bed-dead")) == []
    assert watched_station.rows(filled_in(target["expr"], watched_station))


@pytest.mark.timeout(300)
def test_the_variables_offer_the_station_its_address_and_its_beds(watched_station):
    values = {}
    for name in ("station", "instance", "bed"):
        query = next(v["query"] for v in DASHBOARDS["bed"]["templating"]["list"] if v["name"] == name)
        selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", query).groups()
        rows = watched_station.rows(filled_in(selector, watched_station))
        values[name] = {labels[label] for labels, _ in rows}
    assert values["station"] == {"ward"}
    assert len(values["instance"]) == 1
    assert values["bed"] == {"bed-pain", "bed-calm", "bed-dead"}


@pytest.mark.timeout(300)
def test_every_metric_that_a_rule_names_exists_in_a_real_station(watched_station):
    """An alert on a name that nobody exports would never fire, and nobody would notice."""
    text = "".join(file.read_text() for file in (REPOSITORY / "deploy/prometheus/rules").glob("*.yml"))
    named = set(re.findall(r"\b(?:nicu_monitor|process)_\w+", text))
    known = set(watched_station.ask("/api/v1/label/__name__/values"))
    assert len(named) >= 20
    # Those of shared beds are looked for where there are some: tests/monitor/station/test_fleet.py.
    assert {name for name in named - known if not name.startswith("nicu_monitor_fleet_")} <= set(MAY_BE_EMPTY)


@pytest.mark.timeout(300)
def test_the_rules_find_the_dead_camera_and_nothing_wrong_with_the_living_ones(watched_station):
    pending = watched_station.rows('ALERTS{alertname="CameraLost"}')
    assert [labels["bed"] for labels, _ in pending] == ["bed-dead"]
    groups = watched_station.ask("/api/v1/rules")["groups"]
    assert [rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")] == []
