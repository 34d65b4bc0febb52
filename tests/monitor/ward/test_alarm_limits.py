"""The page of a ward goes by the alarm settings of each bed's station, and by none where it does not know them."""

import pytest
from ward_stations import StationsAndWard

from monitor.board import AlarmLimits, BedState

LIMITS = {"on_level": "0.05", "off_level": "0.02", "acknowledge_expires_seconds": "60"}


@pytest.fixture
def ward(redis_server):
    return StationsAndWard(redis_server)


def shown(ward, state):
    ward.run(3, {"a": ["bed-1"]}, state=state)
    bed = ward.board.snapshot().bed("bed-1")
    return bed.info.limits, bed.status.state


def test_the_settings_of_the_bed_s_station_count_and_not_those_in_the_ward_s_own_file(ward):
    assert shown(ward, LIMITS) == (AlarmLimits(0.05, 0.02, 60.0), BedState.LEVEL_RAISED)
    assert shown(ward, {**LIMITS, "on_level": "0.5"}) == (AlarmLimits(0.5, 0.02, 60.0), BedState.NO_SIGN)


@pytest.mark.parametrize("missing", [LIMITS, ["on_level"], ["off_level"], ["acknowledge_expires_seconds"]])
def test_what_a_station_does_not_say_is_not_known(ward, missing):
    said = {name: value for name, value in LIMITS.items() if name not in missing}
    assert shown(ward, said) == (None, BedState.NO_SIGN)


@pytest.mark.parametrize("wrong", [{"on_level": "high"}, {"off_level": "2"}, {"acknowledge_expires_seconds": "-1"}])
def test_what_cannot_be_read_is_not_known(ward, wrong):
    assert shown(ward, {**LIMITS, **wrong})[0] is None
