"""What the monitor's tests share: they run as the monitor does, without torch."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _no_torch() -> Iterator[None]:
    """Fail the test that loads torch: the monitor runs without it, and the two together disturb each other."""
    loaded_before = "torch" in sys.modules
    yield
    assert loaded_before or "torch" not in sys.modules, "a test of the monitor has loaded torch"
