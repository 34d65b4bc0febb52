"""A module that is started as a program without what it needs ends with one sentence, not with a traceback."""

import subprocess
import sys

import pytest

PROGRAMS = {
    "monitor.alerts.schemas": "usage: python -m monitor.alerts.schemas DIRECTORY",
    "monitor.bench.cameras": "usage: python -m monitor.bench.cameras VIDEO NAME",
    "monitor.demo.cameras": "usage: python -m monitor.demo.cameras BED=SCENARIO",
    "export.engines.worker": "a part of `nicu-export engine`",
}


def start(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.parametrize("module", PROGRAMS)
def test_without_its_arguments_a_module_says_what_it_needs(module: str) -> None:
    done = start(module)
    assert done.returncode == 1
    assert PROGRAMS[module] in done.stderr
    assert "Traceback" not in done.stderr


def test_schemas_are_written_where_a_directory_is(tmp_path) -> None:
    assert "must exist" in start("monitor.alerts.schemas", str(tmp_path / "nowhere")).stderr
    assert start("monitor.alerts.schemas", str(tmp_path)).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"alert.schema.json", "command.schema.json"}
