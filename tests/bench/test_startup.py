"""Help answers at once, for every program; CPU time, so that a busy machine does not matter."""

import runpy
from pathlib import Path

import pytest

LONGEST_HELP_SECONDS = 0.3
STARTUP = runpy.run_path(str(Path(__file__).with_name("startup.py")))


@pytest.fixture(scope="module")
def seconds():
    return STARTUP["help_seconds"]()


@pytest.mark.parametrize("program", STARTUP["PROGRAMS"])
def test_help_answers_at_once(seconds, program):
    assert 0.0 < seconds[program] < LONGEST_HELP_SECONDS
