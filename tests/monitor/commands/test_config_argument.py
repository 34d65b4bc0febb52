"""A configuration may be named behind a command, as a newcomer writes it, or with --config."""

import pytest
from click.testing import CliRunner

from monitor.cli import COMMANDS
from monitor.cli_framework import program

ALONE = [
    ["run"], ["run", "--self-test"], ["ward"], ["reload", "--dry-run"], ["forward"], ["doctor"], ["tail"], ["audit"],
    ["tune", "--rounds", "1"], ["sessions", "list"], ["beds", "list", "--json"],
]  # fmt: skip


def invoke(*words):
    result = CliRunner().invoke(program("nicu-monitor", "", COMMANDS), [*words])
    return result.exit_code, f"{result.output} {result.exception or ''}"


@pytest.mark.parametrize("words", ALONE, ids=" ".join)
def test_a_file_alone_is_the_configuration(words):
    with_option = invoke(*words, "--config", "nowhere.yaml")
    assert "nowhere.yaml" in with_option[1]
    assert invoke(*words, "nowhere.yaml") == invoke(words[0], *words[1:], "--config", "nowhere.yaml") == with_option


def test_a_file_of_any_name_that_is_there_is_taken(tmp_path):
    file = tmp_path / "station"
    file.write_text("beds: 7\n")
    assert str(file) in invoke("run", str(file))[1]


@pytest.mark.parametrize("words", [["run"], ["ward"], ["sessions", "list"]], ids=" ".join)
def test_without_a_file_the_remedy_is_said(words):
    code, said = invoke(*words)
    assert code == 2
    assert f"write it behind the command: nicu-monitor {' '.join(words)} FILE.yaml" in said


@pytest.mark.parametrize("words", [["a.yaml", "b.yaml"], ["--config", "a.yaml", "b.yaml"], ["a.txt"]], ids=" ".join)
def test_what_is_more_than_one_file_is_refused(words):
    assert invoke("run", *words)[0] == 2
