"""Processes whose wall clock is wrong while their monotonic clock is right, by libfaketime."""

from pathlib import Path

import pytest

_LIBRARY = "*/faketime/libfaketime.so.1"


def wrong_clock(offset: str) -> dict[str, str]:
    """Return the environment of such a process; skip the test where libfaketime is missing.

    Args:
        offset: As `+10s` or `-400d`.
    """
    found = next(Path("/usr/lib").glob(_LIBRARY), None)
    if found is None:
        pytest.skip("no wrong clock without libfaketime: apt-get install libfaketime")
    return {"LD_PRELOAD": str(found), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
