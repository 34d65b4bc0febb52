"""The tables: complete, consistent, and described as they are."""

import ast
import inspect
import itertools
import pkgutil
from pathlib import Path

import pytest

import monitor.pain
from monitor.config import AlarmSettings
from monitor.pain import CONDITIONS, Code, Kind, Phase, Priority, Signal
from monitor.pain.lifecycle import PRESENT, RULES, SIGNALS, Event, State, rule_for
from monitor.pain.table import condition_table

REPOSITORY = Path(__file__).resolve().parents[3]


def test_every_code_has_one_row_in_order():
    assert list(CONDITIONS) == list(Code)


def test_pain_is_low_or_medium_and_nothing_is_high():
    assert CONDITIONS[Code.PAIN_SIGN].priority is Priority.LOW
    assert CONDITIONS[Code.PAIN_SUSTAINED].priority is Priority.MEDIUM
    assert all(condition.priority is not Priority.HIGH for condition in CONDITIONS.values())


def test_a_lost_camera_is_declared_within_five_seconds():
    condition = CONDITIONS[Code.CAMERA_LOST]
    assert condition.delay_seconds(AlarmSettings()) <= 5.0
    assert condition.kind is Kind.TECHNICAL


@pytest.mark.parametrize("code", list(Code))
def test_people_get_plain_sentences(code):
    for text in (CONDITIONS[code].detail, CONDITIONS[code].remedy):
        assert text[0].isupper()
        assert text.endswith(".")
        assert 20 <= len(text) <= 160


def test_what_concerns_the_whole_station_casts_no_doubt_on_a_bed():
    """No bed is told of it, so that a table that said so would promise what does not happen."""
    station = {Code.PUBLISHER_BACKLOG, Code.DISK_LOW, Code.CLOCK_UNSYNCHRONISED, Code.SELF_CHECK_FAILED}
    assert not [code for code in (*station, Code.BED_UNWATCHED) if CONDITIONS[code].casts_doubt]


def test_no_two_rules_compete():
    pairs = [(rule.event, state) for rule in RULES for state in rule.eligible]
    assert len(pairs) == len(set(pairs))
    assert {rule.event for rule in RULES} == set(Event)


def test_a_state_is_reached_and_left_only_as_its_phase_says():
    for rule in RULES:
        for state in rule.eligible:
            target = rule.leads_to or state
            if rule.phase is Phase.START:
                assert state not in PRESENT
                assert target in PRESENT
            elif rule.phase is Phase.END:
                assert state in PRESENT
                assert target not in PRESENT
            elif rule.phase is Phase.ESCALATE:
                assert state in PRESENT
                assert target is State.ON


def test_nothing_but_an_end_makes_a_condition_absent():
    for rule, state in itertools.product(RULES, PRESENT):
        if state in rule.eligible and (rule.leads_to or state) not in PRESENT:
            assert rule.phase is Phase.END


def test_signals_say_what_states_mean():
    assert {state for state in State if SIGNALS[state] in {Signal.ON, Signal.ACKNOWLEDGED}} == PRESENT
    assert rule_for(Event.ACKNOWLEDGE, State.ENDED) is None


def test_the_documentation_shows_the_table_as_it_is():
    page = (REPOSITORY / "docs" / "alarms.md").read_text(encoding="utf-8")
    assert condition_table(AlarmSettings()) in page, "print it with `python -m monitor.pain.table`"


@pytest.mark.parametrize("field", sorted(AlarmSettings.model_fields))
def test_the_documentation_names_every_setting_or_its_value(field):
    page = (REPOSITORY / "docs" / "alarms.md").read_text(encoding="utf-8")
    assert f"`{field}`" in page


def test_the_alarm_logic_asks_no_clock_and_does_no_input_or_output():
    forbidden = {"time", "datetime", "socket", "os", "pathlib", "threading", "asyncio", "subprocess", "logging"}
    for module in pkgutil.walk_packages(monitor.pain.__path__, "monitor.pain."):
        source = inspect.getsource(__import__(module.name, fromlist=["_"])) if "__main__" not in module.name else ""
        for node in ast.walk(ast.parse(source)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not forbidden & {name.split(".")[0] for name in names}, module.name


def test_the_door_is_sorted_and_complete():
    assert monitor.pain.__all__ == sorted(monitor.pain.__all__, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(monitor.pain, name) for name in monitor.pain.__all__)
