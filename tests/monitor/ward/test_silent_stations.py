"""What the ward's own alarms say when more and more of it falls silent."""

from monitor.board import Board
from monitor.clock import ManualClock
from monitor.config import StationConfig
from monitor.pain.vocabulary import Code, Phase
from monitor.ward.reader import WardReader


def test_a_second_silent_station_is_named_and_signalled_again(redis_server):
    clock = ManualClock(1000.0)
    board = Board((), clock, on_level=0.6)
    config = StationConfig.model_validate({"fleet": {}, "redis": {"url": redis_server.url}, "station": {"id": "ward"}})
    reader, client = WardReader(config, board, clock), redis_server.client()

    def shown(seconds):
        """Read for a while and return what the ward says of stations and beds."""
        for _ in range(seconds):
            clock.advance(1.0)
            reader.turn()
            reader._raise_alarms()
        newest = {item.newest.code: item.newest for item in board.snapshot().open_alerts}
        return [(newest[code].phase, newest[code].detail) for code in (Code.SELF_CHECK_FAILED, Code.BED_UNWATCHED)]

    for station, bed in (("a", "bed-1"), ("b", "bed-2")):
        client.hset(f"nicu:state:{bed}", mapping={"station": station})
        client.set(f"nicu:heartbeat:{station}", "{}")
    reader.turn()
    client.delete("nicu:heartbeat:a")
    assert shown(20) == [
        (Phase.START, "These stations are silent: a."),
        (Phase.START, "No station watches bed-1: pain there raises no alert."),
    ]
    client.delete("nicu:heartbeat:b")
    assert shown(20) == [
        (Phase.ESCALATE, "These stations are silent: a, b."),
        (Phase.ESCALATE, "No station watches bed-1, bed-2: pain there raises no alert."),
    ]
