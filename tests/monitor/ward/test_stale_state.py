"""A bed's state in Redis that nobody renews is never shown as what the bed shows now."""

import pytest

from monitor.board import BedState, Board
from monitor.clock import ManualClock
from monitor.config import StationConfig
from monitor.ward.reader import WardReader

STATE = {"station": "a", "level": "0.1", "score": "0.1", "display_level": "0.1", "validity": "valid", "coverage": "1"}


class Ward:
    """The reader of a ward, and the station that writes what it reads."""

    def __init__(self, server):
        self.client = server.client()
        self.clock = ManualClock(1000.0)
        self.board = Board((), self.clock, on_level=0.6)
        config = StationConfig.model_validate({"fleet": {}, "redis": {"url": server.url}, "station": {"id": "ward"}})
        self.reader = WardReader(config, self.board, self.clock)

    def write(self, number):
        """Write the state of a bed as a station does, and its heartbeat."""
        fields = {"camera_state": "playing", "seconds_since_face": "0.1", "updated_at": str(number)}
        self.client.hset("nicu:state:bed-1", mapping={**STATE, **fields})
        self.client.set("nicu:heartbeat:a", "{}")

    def shown(self):
        """Read once and return what the bed shows."""
        self.clock.advance(1.0)
        self.reader.turn()
        return self.board.snapshot().bed("bed-1").status.state


@pytest.fixture
def ward(redis_server):
    return Ward(redis_server)


def test_a_ward_that_starts_while_a_station_hangs_shows_none_of_its_beds_as_calm(ward):
    ward.write(1)
    assert {ward.shown() for _ in range(10)} == {BedState.STARTING}


def test_a_state_that_is_renewed_is_shown_until_it_is_renewed_no_more(ward):
    ward.write(1)
    assert ward.shown() is BedState.STARTING
    ward.write(2)
    assert ward.shown() is BedState.NO_SIGN
    assert [ward.shown() for _ in range(7)][-1] is BedState.CANNOT_SEE


def test_the_first_state_after_an_outage_is_of_unknown_age(ward, redis_server):
    for number in (1, 2):
        ward.write(number)
        ward.shown()
    redis_server.stop()
    ward.reader._step()
    ward.clock.advance(60.0)
    redis_server.start()
    ward.client = redis_server.client()
    ward.write(3)
    assert ward.shown() is BedState.CANNOT_SEE
    ward.write(4)
    assert ward.shown() is BedState.NO_SIGN
