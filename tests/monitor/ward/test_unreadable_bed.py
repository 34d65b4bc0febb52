"""A shared bed whose entry this version cannot read is a bed, too."""

from monitor.board import Board
from monitor.clock import ManualClock
from monitor.config import StationConfig
from monitor.pain.vocabulary import Code
from monitor.ward.reader import WardReader


def test_a_bed_whose_entry_cannot_be_read_and_that_nobody_watches_is_said_to_be_unwatched(redis_server):
    clock = ManualClock(1000.0)
    board = Board((), clock, on_level=0.6)
    config = StationConfig.model_validate({"fleet": {}, "redis": {"url": redis_server.url}, "station": {"id": "ward"}})
    reader = WardReader(config, board, clock)
    redis_server.client().hset("nicu:beds", "bed-2", '{"id": "bed-2", "newer": 1}')
    for _ in range(20):
        clock.advance(1.0)
        reader.turn()
        reader._raise_alarms()
    assert reader.view.beds == {"bed-2": None}
    said = {item.newest.code: item.newest.detail for item in board.snapshot().open_alerts}
    assert said[Code.BED_UNWATCHED] == "No station watches bed-2: pain there raises no alert."
