"""What `make test` makes of tests that fail always, once, or never."""

import os
import sys
import time

import pytest
import whole_run
from hypothesis import given
from hypothesis import strategies as st

TESTS = """
from pathlib import Path

COUNT = Path(__file__).with_name("count")

def test_good():
    pass

def test_fails_once():
    first = not COUNT.exists()
    COUNT.touch()
    assert not first

def test_bad():
    assert COUNT is None
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_some.py").write_text(TESTS)
    # Each pytest of these tests would import every plugin that is installed, for seconds.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "xdist.plugin")
    monkeypatch.setattr(whole_run, "REPOSITORY", tmp_path)
    monkeypatch.setattr(whole_run, "CACHES", tmp_path / "build")
    return tmp_path


def test_what_passes_alone_is_unstable_and_what_never_does_has_failed(folder):
    stage = whole_run.Stage("some", "", ("test_some.py",), workers=1)
    stage.run(["-q"])
    assert sorted(stage.failed) == ["test_some.py::test_bad", "test_some.py::test_fails_once"]
    stage.repeat()
    assert stage.failed == ["test_some.py::test_bad"]
    assert stage.unstable == ["test_some.py::test_fails_once"]
    assert not stage.is_good


def test_a_file_that_cannot_be_read_is_never_good(folder):
    (folder / "test_some.py").write_text("import no_such_module")
    stage = whole_run.Stage("some", "", ("test_some.py",))
    stage.run(["-q"])
    stage.repeat()
    assert not stage.is_good


def test_what_runs_beside_the_tests_prints_when_it_is_waited_for_and_its_failure_is_known(folder, capfd):
    (folder / "Makefile").write_text("good:\n\t@echo all is well\nbad:\n\t@echo a mistake >&2; exit 3\n")
    good, bad = whole_run.Target("good"), whole_run.Target("bad")
    good.wait()
    bad.wait()
    said = capfd.readouterr().out
    assert "all is well\n" in said
    assert "a mistake\n" in said
    assert good.code == 0
    assert bad.code != 0


def test_the_processor_time_of_all_that_a_process_started_is_counted(folder):
    used = whole_run.Processes()
    busy = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}], check=True)"
    assert used.run(sys.executable, "-c", code) == 0
    assert used.cpu_seconds >= 0.3
    assert used.run(sys.executable, "-c", "import os; os.abort()") < 0


@pytest.mark.long
def test_what_runs_beside_the_others_has_a_low_priority_and_ends_before_speed_is_measured(folder, capfd):
    usual = os.nice(0)
    (folder / "test_beside.py").write_text(
        f"import os, pathlib\n\ndef test_nice():\n    assert os.nice(0) == {min(19, usual + 10)}\n"
        "    pathlib.Path('beside').touch()\n"
    )
    (folder / "test_middle.py").write_text(
        f"import os, time\n\ndef test_waits():\n    assert os.nice(0) == {usual}\n    end = time.monotonic() + 120\n"
        "    while not os.path.exists('beside') and time.monotonic() < end:\n        time.sleep(0.01)\n"
    )
    (folder / "test_bench.py").write_text(
        "import os, pytest\n\n@pytest.mark.bench\ndef test_is_alone():\n    assert os.path.exists('beside')\n"
        f"    assert open('priority').read().strip() == '{min(19, usual + 10)}'\n"
        f"    assert os.nice(0) == {usual}\n"
    )
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = bench\n    slow\n")
    (folder / "Makefile").write_text("types:\n\t@echo all is well\ncore:\n\t@nice >priority; echo covered\n")
    stages = [
        whole_run.Stage("beside", whole_run.ALL, ("test_beside.py",), 1, beside=True),
        whole_run.Stage("middle", whole_run.ALL, ("test_middle.py",)),
        whole_run.Stage("bench", whole_run.BENCH, ("test_bench.py",)),
    ]
    core = whole_run.Target("core", low=True)
    whole_run.run_all(stages, ["-q"], whole_run.Target("types"), [core])
    assert core.code == 0
    assert [stage.code for stage in stages] == [0, 0, 0]
    said = capfd.readouterr().out
    assert said.count("1 passed") == 3
    assert "all is well" in said
    assert "covered" in said


def test_what_runs_beside_the_others_ends_with_them(folder):
    used = whole_run.Processes()
    aside = whole_run.Aside("endless", lambda log: used.run("sleep", "1000", output=log, low=True))
    while not used.runs:
        time.sleep(0.01)
    used.end()
    aside.wait()
    assert used.seconds < 900


def kinds(stage):
    known = ("slow", "e2e", "docs", "browser", "bench", "faults", "long")
    return {
        kind
        for kind in (*known, "")
        if eval(stage.marks, {}, {name: name == kind for name in known})  # noqa: S307 - an expression of ours
    }


def test_every_kind_of_test_runs_in_one_stage_and_the_slow_ones_in_none():
    for path in ("tests/monitor", "tests", "tests/trainer", "tests/export"):
        found = [
            kind for stage in whole_run.stages_of(3, 3, short=False) if path in stage.paths for kind in kinds(stage)
        ]
        assert sorted(found) == ["", "browser", "docs", "e2e", "faults", "long"]
    assert [kinds(stage) for stage in whole_run.stages_of(3, 3, short=True)] == [{""}, {""}]


@given(st.text(alphabet="ab@/[]:", max_size=12), st.sampled_from(["tests/some/test_a.py", "tests/some", "one_group"]))
def test_a_report_s_name_gives_the_test(parameter, group):
    test = f"tests/some/test_a.py::test_x[{parameter}]"
    assert whole_run.test_of(f"{test}@{group}") == test
    assert whole_run.test_of(f"{test}@{test}") == test
    assert whole_run.test_of("tests/some/test_a.py::test_x") == "tests/some/test_a.py::test_x"
