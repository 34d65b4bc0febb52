"""What all tests share."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


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
