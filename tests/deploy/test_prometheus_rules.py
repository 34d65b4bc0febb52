"""The rules as Prometheus' own tool evaluates them, and what the rules must have and must not have."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from monitor.pain.vocabulary import Code, Kind

REPOSITORY = Path(__file__).resolve().parents[2]
PROMETHEUS = REPOSITORY / "deploy" / "prometheus"
UNIT_TESTS = sorted((Path(__file__).parent / "prometheus").glob("*.yml"))
PAIN_WORDS = ("pain_sign", "pain_sustained", "pain_level", "pain_score", Kind.PHYSIOLOGICAL.value)


def promtool(*arguments):
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed; run: apt-get install prometheus")
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=110, check=False)


def rules(kind):
    files = sorted((PROMETHEUS / "rules").glob("*.yml"))
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


ALERTS = {rule["alert"]: rule for rule in rules("alert")}


def test_the_configuration_and_all_rules_are_valid():
    done = promtool("check", "config", str(PROMETHEUS / "prometheus.yml"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(ALERTS)} rules found" in done.stdout


@pytest.mark.parametrize("order", ["causes_first", "causes_last"])
@pytest.mark.parametrize("file", UNIT_TESTS, ids=lambda file: file.stem)
def test_promtool_unit_tests(file, order, tmp_path):
    """Groups are evaluated in any order, as Prometheus does: what a rule takes from another may be a minute old."""
    groups = []
    for name in ("recording.yml", "alerts.yml"):
        content = yaml.safe_load((PROMETHEUS / "rules" / name).read_text())
        for group in content["groups"]:
            group["name"] = f"{name} {group['name']}"  # both files have groups of one name
            groups.append(group["name"])
        (tmp_path / name).write_text(yaml.safe_dump(content))
    test = yaml.safe_load(file.read_text())
    assert [Path(name).name for name in test["rule_files"]] == ["recording.yml", "alerts.yml"]
    test |= {
        "rule_files": ["recording.yml", "alerts.yml"],
        "group_eval_order": groups if order == "causes_first" else groups[::-1],
    }
    ordered = tmp_path / "test.yml"
    ordered.write_text(yaml.safe_dump(test))
    done = promtool("test", "rules", str(ordered))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_seen_to_fire_in_a_unit_test():
    written = "".join(file.read_text() for file in UNIT_TESTS)
    assert {name for name in ALERTS if f'alertname="{name}"' not in written} == set()


def test_a_broken_rule_fails_its_unit_test(tmp_path):
    """The unit tests must be able to fail: the same ones, over rules that wait for the wrong value."""
    text = (PROMETHEUS / "rules" / "alerts.yml").read_text()
    broken = tmp_path / "alerts.yml"
    broken.write_text(text.replace("nicu_monitor_redis_up *", "nicu_monitor_redis_up + 1 *"))
    assert broken.read_text() != text
    recording = str(PROMETHEUS / "rules" / "recording.yml")
    test = yaml.safe_load((Path(__file__).parent / "prometheus" / "publishing.yml").read_text())
    copy = tmp_path / "test.yml"
    copy.write_text(yaml.safe_dump({**test, "rule_files": [recording, str(broken)]}))
    assert promtool("test", "rules", str(copy)).returncode != 0


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_says_what_how_bad_and_where_to_read_on(name):
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert {"summary", "description", "runbook_url"} <= set(rule["annotations"])
    anchor = rule["annotations"]["runbook_url"].removeprefix("{{ $externalLabels.docs }}/runbooks/#")
    headings = re.findall(r"^## (\w+)$", (REPOSITORY / "docs" / "runbooks.md").read_text(), re.MULTILINE)
    assert anchor in {heading.lower() for heading in headings}


def test_every_runbook_belongs_to_an_alert():
    headings = re.findall(r"^## (\w+)$", (REPOSITORY / "docs" / "runbooks.md").read_text(), re.MULTILINE)
    assert set(headings) == set(ALERTS)


def test_pain_is_no_alert_of_prometheus():
    """The record of pain goes over Redis and the page, which acknowledge, keep and order it; docs/operate.md."""
    for name, rule in ALERTS.items():
        assert not [word for word in PAIN_WORDS if word in rule["expr"]], name


def test_the_codes_in_the_rules_exist():
    named = [re.findall(r'code=~?"([^"]+)"', rule["expr"]) for rule in ALERTS.values()]
    codes = {code for found in named for pattern in found for code in pattern.split("|")}
    assert codes
    assert codes <= {code.value for code in Code}
