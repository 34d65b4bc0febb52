"""A ward that is given the id of a station says so, and shows nothing as if it were watched."""

import pytest
from ward_stations import StationsAndWard

from monitor.board import BedState
from monitor.errors import MonitorError


def test_a_ward_with_the_id_of_a_station_shows_no_bed_as_watched_and_names_the_mistake(redis_server):
    """The story: acknowledgements of that station's alerts were refused as those of the ward's own notices."""
    ward = StationsAndWard(redis_server)
    ward.run(3, {"a": ["bed-1"]})
    assert ward.states() == {"bed-1": BedState.NO_SIGN}
    with pytest.raises(MonitorError, match=r"a station has the id of this ward, ward: give the ward a station\.id"):
        ward.run(6, {"a": ["bed-1"], "ward": ["bed-2"]})
    ward.clock.advance(10.0)
    assert set(ward.states().values()) == {BedState.CANNOT_SEE}
