"""A recorder on a board that a test writes to."""

import pytest
from recorded_board import Recorded


@pytest.fixture
def recorded(tmp_path):
    return Recorded(tmp_path / "history")
