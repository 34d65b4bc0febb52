"""What all tests share."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).resolve().parent.parent

# What several test folders share as code lives in tests/support and is imported by its bare name.
sys.path.insert(0, str(REPOSITORY / "tests" / "support"))

from redis_server import RedisServer  # noqa: E402 - found through the line above

# A busy machine is no failure; what a property promises does not depend on how long its example took.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def _shared(folder: str) -> Path:
    """Return a folder of third-party material, which the repository may not carry, or skip."""
    path = Path(os.environ.get("NICU_SHARED", REPOSITORY.parent / "shared")) / folder
    if not path.is_dir():
        pytest.skip(f"third-party {folder} not found at {path}; set NICU_SHARED to the folder that holds {folder}/")
    return path


@pytest.fixture(scope="session")
def shared_media() -> Path:
    return _shared("media")


@pytest.fixture(scope="session")
def shared_weights() -> Path:
    return _shared("weights")


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A real redis-server of this test's own, which can be killed, hung, filled, made read-only and emptied."""
    directory = tmp_path / "redis"
    directory.mkdir()
    with RedisServer(directory) as server:
        yield server
