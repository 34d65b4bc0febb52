"""What the demo shows in the terminal."""

import io

from rich.console import Console

from monitor.board import BedInfo, Board
from monitor.clock import ManualClock
from monitor.demo.screen import draw


def test_the_page_comes_first_and_a_level_that_cannot_be_determined_is_no_number():
    board = Board([BedInfo("bed-1", "camera-1")], ManualClock(), on_level=0.6)
    addresses = {
        "redis": "redis://127.0.0.1:1/0",
        "page": "http://127.0.0.1:2/",
        "metrics": "http://127.0.0.1:2/metrics",
    }
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(draw(board.snapshot(), addresses, 12.0))
    lines = console.export_text().splitlines()
    assert lines[0].strip() == "Open http://127.0.0.1:2/ in a browser."
    [bed] = [line for line in lines if "bed-1" in line]
    assert "cannot be determined" in bed
    assert "0.0" not in bed
    assert any("No alert does not mean no pain" in line for line in lines)
