"""Help answers at once, for every program: in CPU time, beside a Python that imports no more than a command line needs.

On the machine of docs/performance.md that is 0.06 s; what it must not load is in tests/test_public_api.py.
"""

import runpy
from pathlib import Path

import pytest

MOST_TIMES_THE_BASELINE = 2.0
STARTUP = runpy.run_path(str(Path(__file__).with_name("startup.py")))


@pytest.fixture(scope="module")
def seconds():
    return STARTUP["help_seconds"]()


@pytest.fixture(scope="module")
def baseline():
    return STARTUP["baseline_seconds"]()


@pytest.mark.parametrize("program", STARTUP["PROGRAMS"])
def test_help_answers_at_once(seconds, baseline, program):
    assert 0.0 < seconds[program] < MOST_TIMES_THE_BASELINE * baseline
