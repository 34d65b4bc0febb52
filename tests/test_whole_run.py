"""What `make test` makes of tests that fail always, once, or never."""

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


@given(st.text(alphabet="ab@/[]:", max_size=12), st.sampled_from(["tests/some/test_a.py", "tests/some", "one_group"]))
def test_a_report_s_name_gives_the_test(parameter, group):
    test = f"tests/some/test_a.py::test_x[{parameter}]"
    assert whole_run.test_of(f"{test}@{group}") == test
    assert whole_run.test_of(f"{test}@{test}") == test
    assert whole_run.test_of("tests/some/test_a.py::test_x") == "tests/some/test_a.py::test_x"
