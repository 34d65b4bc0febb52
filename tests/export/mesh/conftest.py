"""The face mesh's file."""

import pytest

from export.mesh.package_file import PACKAGE
from monitor.errors import BundleError


@pytest.fixture(scope="session")
def mesh_file() -> bytes:
    """The file out of the PyPI package, fetched as the command does it (pip keeps it in its own cache)."""
    try:
        return PACKAGE.content()
    except BundleError as error:
        pytest.skip(f"the wheel of mediapipe cannot be had here: {error}")
